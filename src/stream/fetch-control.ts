import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { withAdmin } from './kafka-client.js';
import type { LogRange } from './partition-positions.js';
import type { TopicRecord } from './topic-batch.js';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Where and whether a consumer fetches a partition. */
export class FetchControl {
  constructor(
    private readonly kafka: Kafka,
    private readonly consumer: Consumer,
  ) {}

  seek({ topic, partition }: TopicPartition, position: bigint): void {
    this.#whileJoined(() => this.consumer.seek({ topic, partition, offset: String(position) }));
  }

  pause({ topic, partition }: TopicPartition): void {
    this.#whileJoined(() => this.consumer.pause([{ topic, partitions: [partition] }]));
  }

  resume({ topic, partition }: TopicPartition): void {
    this.#whileJoined(() => this.consumer.resume([{ topic, partitions: [partition] }]));
  }

  /** @throws Error when the broker doesn't know the partition */
  async logRange(topic: string, partition: number): Promise<LogRange> {
    const ranges = await withAdmin(this.kafka, (admin) => admin.fetchTopicOffsets(topic));
    const range = ranges.find((candidate) => candidate.partition === partition);
    if (!range) throw new Error(`Kafka doesn't know ${topic}/${partition}`);
    return { low: BigInt(range.low), high: BigInt(range.high) };
  }

  /** The offset that the next message of each partition will get. */
  async logEnds(topic: string): Promise<ReadonlyMap<number, bigint>> {
    const ranges = await withAdmin(this.kafka, (admin) => admin.fetchTopicOffsets(topic));
    return new Map(ranges.map(({ partition, high }) => [partition, BigInt(high)]));
  }

  /** kafkajs throws while the group is being left; what was asked is void then, since the next assignment starts afresh. */
  #whileJoined(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof Error) || !/not initialized/.test(error.message)) throw error;
    }
  }
}

/** A kafkajs batch as handlers see it: raw bytes, no parsing. */
export const recordsOf = ({ batch }: EachBatchPayload): readonly TopicRecord[] =>
  batch.messages.map((message) => ({
    bytes: message.value ?? new Uint8Array(0),
    key: message.key?.toString() ?? null,
    offset: BigInt(message.offset),
    position: `${batch.topic}/${batch.partition}/${message.offset}`,
  }));

/** kafkajs has it at run time; its types don't. */
export const fetchedOffsetOf = ({ batch }: EachBatchPayload): bigint =>
  BigInt(String((batch as unknown as { readonly fetchedOffset: unknown }).fetchedOffset));
