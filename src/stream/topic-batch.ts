import type { IncomingRecord } from '../scoring/ports.js';

export interface TopicRecord extends IncomingRecord {
  readonly offset: bigint;
}

/** Consecutive records of one partition, as a handler of `KafkaBatchServer` receives them: one database transaction's worth. */
export interface TopicBatch {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** The stored position: what the fence of the commit compares with. */
  readonly position: bigint;
  /** Position after the batch, behind control records that end it. */
  readonly nextOffset: bigint;
  readonly records: readonly TopicRecord[];
  /**
   * Call after the commit that moved the stored position to `nextOffset`.
   *
   * @param eventMs largest event time in it, UTC epoch milliseconds: the partition's clock
   */
  committed(eventMs?: number): void;
  /** Call when the fence did not hold: the stored position is read again and sought. */
  positionMoved(): Promise<void>;
}
