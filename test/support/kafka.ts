import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import kafkajs, { type Kafka } from 'kafkajs';
import { createTopics } from '../../src/stream/topics.js';
import { mendIdleTimer } from '../../src/stream/idle-timer.js';

const run = promisify(execFile);
const script = join(dirname(fileURLToPath(import.meta.url)), '../../scripts/kafka-local.sh');

export interface TestBroker {
  readonly brokers: readonly string[];
  readonly kafka: Kafka;
}

/**
 * A real broker: `KAFKA_BROKERS`, else scripts/kafka-local.sh (Maven's jars on a local Java or on the registry's, or
 * Docker). A broker that the script starts is left running, because spec files of other jest workers use it too:
 * who runs them all stops it by "scripts/kafka-local.sh down".
 *
 * @throws Error with one sentence that says what is missing
 */
export const testBroker = async (): Promise<TestBroker> => {
  const given = process.env['KAFKA_BROKERS'];
  if (given) return ready(given.split(','));
  await run(script, ['up']).catch((error: { readonly stderr?: string }) => {
    throw new Error(`no Kafka for the tests: ${error.stderr?.trim().split('\n').at(-1) ?? 'the script failed'}`);
  });
  const { stdout } = await run(script, ['env']);
  return ready([stdout.trim().replace('KAFKA_BROKERS=', '')]);
};

/** An open port is not a ready broker: the first group waits for the offsets topic. Joining one here takes that away from the tests. */
const ready = async (brokers: readonly string[]): Promise<TestBroker> => {
  mendIdleTimer();
  const kafka = new kafkajs.Kafka({
    clientId: 'test',
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 200, retries: 8 },
  });
  const topic = uniqueName('ready');
  await withTopic(kafka, topic, 1);
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  // Resolves when it has joined.
  await consumer.run({ eachMessage: () => Promise.resolve() });
  await consumer.disconnect();
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
  return { brokers, kafka };
};

export const uniqueName = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;

export const withTopic = async (kafka: Kafka, topic: string, partitions: number): Promise<string> => {
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, [{ topic, numPartitions: partitions, replicationFactor: 1 }]);
  await admin.disconnect();
  return topic;
};

/** Waits until `ask` answers something; fails with `what` after `limitMs`. */
export const eventually = async <T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 20_000,
): Promise<T> => {
  const endMs = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > endMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
