import type { IncomingRecord } from '../scoring/ports.js';

export interface TopicRecord extends IncomingRecord {
  readonly offset: bigint;
}

/** What one fetch brought of one partition, as a handler of `KafkaBatchServer` receives it. */
export interface TopicBatch {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** The stored position: what the fence of the first commit compares with. */
  readonly position: bigint;
  /** Position after the whole batch, behind control records that end it. */
  readonly nextOffset: bigint;
  readonly records: readonly TopicRecord[];
  /** False once the partition is another's, or the service pauses or closes: leave what is not committed yet. */
  isCurrent(): boolean;
  /** Call after the commit that moved the stored position to `nextOffset`. */
  committed(nextOffset: bigint): void;
  /** Call when the fence did not hold: the stored position is read again and sought; leave the rest of the batch. */
  positionMoved(): Promise<void>;
}

export interface MicroBatch {
  readonly records: readonly TopicRecord[];
  readonly fetchedOffset: bigint;
  readonly nextOffset: bigint;
}

/** Consecutive parts of at most `sizeMax` records whose offsets meet, so that each can be committed by its own fence. */
export function* microBatches(batch: TopicBatch, sizeMax: number): Generator<MicroBatch> {
  if (!Number.isInteger(sizeMax) || sizeMax < 1)
    throw new RangeError(`batchSizeMax is ${sizeMax}; expected a whole number from 1`);
  let fetchedOffset = batch.position;
  for (let start = 0; start < batch.records.length; start += sizeMax) {
    const records = batch.records.slice(start, start + sizeMax);
    const isLast = start + sizeMax >= batch.records.length;
    const nextOffset = isLast ? batch.nextOffset : records.at(-1)!.offset + 1n;
    yield { records, fetchedOffset, nextOffset };
    fetchedOffset = nextOffset;
  }
}
