import { Logger } from '@nestjs/common';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { mendIdleTimer } from './idle-timer.js';

export interface KafkaConnection {
  /** "host:port" each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
}

/** kafkajs warns at each idempotent producer whose retries end; kafka-publisher.ts says why they do and what follows. */
const INTENDED = 'Limiting retries for the idempotent producer';

/** A kafkajs client whose log goes to Nest's logger. Its "info" lines repeat what health already says, so they are left out. */
export const createKafka = ({ brokers, clientId }: KafkaConnection): Kafka => {
  mendIdleTimer();
  const logger = new Logger('Kafka');
  return new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    // kafkajs reads NODE_ENV and retries less under test: stated here, so that tests run what production runs.
    retry: { initialRetryTime: 200, retries: 6, maxRetryTime: 10_000 },
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => (entry) => {
      if (entry.log.message.startsWith(INTENDED)) return;
      const reason = typeof entry.log['error'] === 'string' ? `: ${entry.log['error']}` : '';
      const line = `${entry.namespace}: ${entry.log.message}${reason}`;
      if (entry.level === kafkajs.logLevel.ERROR) logger.error(line);
      else logger.warn(line);
    },
  });
};

/** Runs `use` with an admin connection of its own; what is asked of it is rare. */
export const withAdmin = async <T>(kafka: Kafka, use: (admin: Admin) => Promise<T>): Promise<T> => {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
};

/** kafkajs wraps the reason once or twice: its innermost message says what happened. */
export const reasonOf = (error: unknown): string => {
  let current = error;
  while (current instanceof Error && current.name.startsWith('KafkaJS') && current.cause instanceof Error)
    current = current.cause;
  if (current instanceof Error) return current.message;
  return typeof current === 'string' ? current : JSON.stringify(current);
};
