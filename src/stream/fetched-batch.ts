import type { EachBatchPayload } from 'kafkajs';
import type { TopicBatch } from './topic-batch.js';

/** A kafkajs batch as handlers see it: raw bytes, no parsing. */
export const topicBatch = (
  { batch }: EachBatchPayload,
  group: string,
  position: bigint,
  consumer: Pick<TopicBatch, 'isCurrent' | 'committed' | 'positionMoved'>,
): TopicBatch => ({
  group,
  topic: batch.topic,
  partition: batch.partition,
  position,
  nextOffset: BigInt(batch.lastOffset()) + 1n,
  records: batch.messages.map((message) => ({
    bytes: message.value ?? new Uint8Array(0),
    key: message.key?.toString() ?? null,
    offset: BigInt(message.offset),
    position: `${batch.topic}/${batch.partition}/${message.offset}`,
  })),
  ...consumer,
});

/** kafkajs has it at run time; its types don't. */
export const fetchedOffsetOf = ({ batch }: EachBatchPayload): bigint =>
  BigInt(String((batch as unknown as { readonly fetchedOffset: unknown }).fetchedOffset));

/** Heartbeats while a handler runs, however long it takes. `onLost`: the group has gone on without this member. */
export const keepAlive = (
  payload: EachBatchPayload,
  everyMs: number,
  onLost: () => void,
): { readonly error: Error | null; stop(): void } => {
  let error: Error | null = null;
  const timer = setInterval(() => {
    payload.heartbeat().catch((reason: unknown) => {
      if (error === null) onLost();
      error ??= reason instanceof Error ? reason : new Error(String(reason));
    });
  }, everyMs);
  return {
    get error() {
      return error;
    },
    stop: () => clearInterval(timer),
  };
};
