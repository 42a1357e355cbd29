import { Logger } from '@nestjs/common';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';

export interface KafkaConnection {
  /** "host:port" each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
}

/** A kafkajs client whose log goes to Nest's logger. Its "info" lines repeat what health already says, so they are left out. */
export const createKafka = ({ brokers, clientId }: KafkaConnection): Kafka => {
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
      const line = `${entry.namespace}: ${entry.log.message}`;
      if (entry.level === kafkajs.logLevel.ERROR) logger.error(line);
      else logger.warn(line);
    },
  });
};

/**
 * Runs `use` with an admin connection of its own. It is closed again because an idle kafkajs connection keeps a 1 ms timer
 * running (tulios/kafkajs#1751), about 5 % of a core.
 */
export const withAdmin = async <T>(kafka: Kafka, use: (admin: Admin) => Promise<T>): Promise<T> => {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
};

/** kafkajs wraps the reason once or twice: the innermost message says what happened. */
export const reasonOf = (error: unknown): string => {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  if (current instanceof Error) return current.message;
  return typeof current === 'string' ? current : JSON.stringify(current);
};
