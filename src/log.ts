import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';

/**
 * Two voices: `say` is for the person who started the program (plain lines), the rest is structured logging on stderr.
 * Neither ever carries a record's contents beyond ids.
 */
export interface Log {
  say(line: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** A handler that warns with the name of what went wrong. */
  warnOf(what: string): (error: Error) => void;
}

/** @param isDemo a person watches: only warnings are logged beside what is said */
export const createLog = (level: string, isDemo: boolean): Log => {
  const logger = pino({ level: isDemo && level === 'info' ? 'warn' : level, base: null }, pino.destination(2));
  return {
    say: (line) => void process.stdout.write(`${line}\n`),
    info: (message) => logger.info(message),
    warn: (message) => logger.warn(message),
    error: (message) => logger.error(message),
    warnOf: (what) => (error) => logger.warn(`${what}: ${error.message}`),
  };
};

const text = (message: unknown): string => (message instanceof Error ? (message.stack ?? message.message) : String(message));

/** Nest's own messages at their levels; its start-up chatter is debug. */
export const nestLogger = (log: Log): LoggerService => ({
  log: () => undefined,
  error: (message: unknown) => log.error(text(message)),
  warn: (message: unknown) => log.warn(text(message)),
});
