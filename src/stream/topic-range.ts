import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import type { IncomingRecord } from '../scoring/ports.js';
import { recordsOf } from './fetch-control.js';
import { createKafka, reasonOf, withAdmin } from './kafka-client.js';
import { MergedQueues } from './merged-queues.js';

/** Records of a partition that wait for the others; one fetch may come on top. */
const QUEUED_MAX = 5_000;
const CHUNK = 1_000;
const STALLED_MS = 60_000;

export interface RangeRecord {
  readonly record: IncomingRecord;
  /** Null: it cannot be read. */
  readonly eventMs: number | null;
  /** When its producer sent it, or the broker got it. */
  readonly sentMs: number;
  /** Newest event time of its partition so far: partitions are read in step by it. */
  readonly clockMs: number;
}

export interface TopicRangeOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Where a partition without an offset of its own begins: the first record that was sent at or after it. */
  readonly fromMs: number;
  /** First offset by partition, and the offset after the last; absent: by time, and to the end as it is now. */
  readonly from: ReadonlyMap<number, bigint>;
  readonly to: ReadonlyMap<number, bigint>;
  readonly eventMsOf: (bytes: Uint8Array) => number | null;
}

export interface TopicRange {
  readonly topic: string;
  /** Offsets that are read. */
  readonly records: number;
  read(signal: AbortSignal): AsyncGenerator<readonly RangeRecord[]>;
}

/** What is asked for is not in the topic. */
export class TopicRangeError extends Error {
  override readonly name = 'TopicRangeError';
}

interface PartitionRange {
  readonly partition: number;
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * A bounded part of a topic: its ends are fixed here, so what is sent later is not waited for. Positions are this reader's own;
 * no group's are touched.
 *
 * @throws TopicRangeError when there is no such topic, or an offset is not in it
 */
export const openTopicRange = async (options: TopicRangeOptions): Promise<TopicRange> => {
  const { brokers, topic } = options;
  const kafka = createKafka({ brokers, clientId: 'surprisal-backtest' });
  const ranges = await rangesOf(kafka, options).catch((error: unknown) => {
    if (error instanceof TopicRangeError) throw error;
    throw new Error(`cannot read topic ${topic} on Kafka at ${brokers.join(', ')}: ${reasonOf(error)}`, { cause: error });
  });
  return {
    topic,
    records: ranges.reduce((sum, { start, end }) => sum + Number(end - start), 0),
    read: (signal) => readRanges(kafka, ranges, options, signal),
  };
};

const rangesOf = (kafka: Kafka, { topic, fromMs, from, to }: TopicRangeOptions): Promise<readonly PartitionRange[]> =>
  withAdmin(kafka, async (admin) => {
    if (!(await admin.listTopics()).includes(topic)) throw new TopicRangeError(`there is no topic "${topic}"`);
    const logs = await admin.fetchTopicOffsets(topic);
    const byTime = new Map(
      (await admin.fetchTopicOffsetsByTimestamp(topic, fromMs)).map((at) => [at.partition, BigInt(at.offset)]),
    );
    for (const partition of [...from.keys(), ...to.keys()])
      if (!logs.some((log) => log.partition === partition))
        throw new TopicRangeError(`topic ${topic} has no partition ${partition}; it has 0 to ${logs.length - 1}`);
    return logs.map(({ partition, low, high }) => {
      const [first, end] = [BigInt(low), BigInt(high)];
      const start = from.get(partition) ?? byTime.get(partition) ?? first;
      const stop = to.get(partition) ?? end;
      for (const offset of [start, stop])
        if (offset < first || offset > end)
          throw new TopicRangeError(`${topic}/${partition} has the offsets ${first} to ${end}, not ${offset}`);
      if (stop < start) throw new TopicRangeError(`${topic}/${partition}: offset ${stop} is before ${start}`);
      return { partition, start, end: stop };
    });
  });

async function* readRanges(
  kafka: Kafka,
  ranges: readonly PartitionRange[],
  { topic, eventMsOf }: TopicRangeOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly RangeRecord[]> {
  const open = ranges.filter(({ start, end }) => end > start);
  if (open.length === 0) return;
  const groupId = `surprisal-backtest-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 200 });
  const queues = new MergedQueues<RangeRecord>(open, QUEUED_MAX);
  try {
    await consumer.connect();
    await follow(consumer, topic, queues, eventMsOf);
    for (;;) {
      signal.throwIfAborted();
      const chunk = queues.take(CHUNK);
      for (const partition of queues.drained()) consumer.resume([{ topic, partitions: [partition] }]);
      if (chunk.length > 0) yield chunk;
      else if (queues.isThrough) return;
      else if (!(await queues.changed(STALLED_MS, signal)))
        throw new Error(
          `${queues.missing(topic)}: nothing came within ${STALLED_MS / 1000} s; did its retention delete it meanwhile?`,
        );
    }
  } finally {
    await consumer.disconnect().catch(() => undefined);
    await withAdmin(kafka, (admin) => admin.deleteGroups([groupId])).catch(() => undefined);
  }
}

/** Queues what is fetched. A new group begins at the oldest record; until the seek takes effect, what lies before is passed over. */
const follow = async (
  consumer: Consumer,
  topic: string,
  queues: MergedQueues<RangeRecord>,
  eventMsOf: TopicRangeOptions['eventMsOf'],
): Promise<void> => {
  const clocks = new Map<number, number>();
  const push = (payload: EachBatchPayload): void => {
    const { partition, messages } = payload.batch;
    const records = recordsOf(payload);
    messages.forEach(({ timestamp }, i) => {
      const { offset, ...record } = records[i]!;
      if (!queues.wants(partition, offset)) return;
      const eventMs = eventMsOf(record.bytes);
      const clockMs = Math.max(clocks.get(partition) ?? -Infinity, eventMs ?? -Infinity);
      clocks.set(partition, clockMs);
      queues.push(partition, offset, clockMs, { record, eventMs, sentMs: Number(timestamp), clockMs });
    });
    if (queues.isFull(partition)) payload.pause();
  };
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) queues.fail(payload.error);
  });
  // Also of batches that hold nothing but marks of transactions: these never come to the handler.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) =>
    queues.passed(payload.partition, BigInt(payload.lastOffset) + 1n),
  );
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: (payload) => Promise.resolve(push(payload)) });
  for (const { partition, position } of queues.positions()) consumer.seek({ topic, partition, offset: String(position) });
};
