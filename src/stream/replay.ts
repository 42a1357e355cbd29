import kafkajs, { type Producer } from 'kafkajs';
import { setTimeout as wait } from 'node:timers/promises';
import { createKafka, reasonOf } from './kafka-client.js';

export interface ReplayRecord {
  /** The primary entity, so that all of its records are in one partition in their order; null where the schema has none. */
  readonly key: string | null;
  readonly value: string | Uint8Array;
}

export interface ReplayOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly records: AsyncIterable<ReplayRecord>;
  /** Records per second, or as fast as the broker takes them. */
  readonly rate: number | 'max';
  readonly onProgress?: (sent: number) => void;
  /** Stops after the send in work; what was sent is answered. */
  readonly signal?: AbortSignal;
}

const SEND_RECORDS_MAX = 500;
const SEND_BYTES_MAX = 500_000;
/** Below its top speed records are sent in groups at this pace. */
const TICK_MS = 50;

/**
 * Sends records to a topic in their order. At most one send is under way while the next is gathered, so memory stays
 * bounded however long the records are, and a retry reorders nothing.
 *
 * @throws Error naming topic, brokers and reason
 */
export const replayToKafka = async (options: ReplayOptions): Promise<{ readonly sent: number; readonly seconds: number }> => {
  const { brokers, topic, records, rate, onProgress, signal } = options;
  if (rate !== 'max' && !(rate > 0)) throw new RangeError(`rate is ${rate}; expected "max" or records per second above 0`);
  const producer = createKafka({ brokers, clientId: 'surprisal-replay' }).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 200, retries: 5 },
  });
  const startedMs = performance.now();
  let sent = 0;
  let sending: Promise<void> = Promise.resolve();
  try {
    await producer.connect();
    for await (const group of gather(records, rate)) {
      await sending;
      if (signal?.aborted) break;
      if (rate !== 'max') await pace(startedMs + (1000 * sent) / rate, signal);
      if (signal?.aborted) break;
      sending = send(producer, topic, group);
      // Awaited at the next turn or after the loop; until then a failure must not count as unhandled.
      sending.catch(() => undefined);
      sent += group.length;
      onProgress?.(sent);
    }
    await sending;
  } catch (error) {
    throw new Error(`cannot replay to topic ${topic} on Kafka at ${brokers.join(', ')}: ${reasonOf(error)}`, { cause: error });
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
  return { sent, seconds: (performance.now() - startedMs) / 1000 };
};

async function* gather(records: AsyncIterable<ReplayRecord>, rate: number | 'max'): AsyncGenerator<readonly ReplayRecord[]> {
  const sizeMax =
    rate === 'max' ? SEND_RECORDS_MAX : Math.max(1, Math.min(SEND_RECORDS_MAX, Math.floor((rate * TICK_MS) / 1000)));
  let group: ReplayRecord[] = [];
  let bytes = 0;
  for await (const record of records) {
    const size = Buffer.byteLength(record.value);
    if (group.length > 0 && bytes + size > SEND_BYTES_MAX) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(record);
    bytes += size;
    if (group.length < sizeMax) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

const pace = async (untilMs: number, signal: AbortSignal | undefined): Promise<void> => {
  const ms = untilMs - performance.now();
  if (ms > 0) await wait(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
};

const send = async (producer: Producer, topic: string, group: readonly ReplayRecord[]): Promise<void> => {
  const messages = group.map(({ key, value }) => ({ key, value: typeof value === 'string' ? value : Buffer.from(value) }));
  await producer.send({ topic, acks: -1, messages });
};
