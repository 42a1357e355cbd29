import { beforeEach, describe, expect, it } from '@jest/globals';
import { OffsetStore, type StoredPosition } from '../scoring/ports.js';
import type { AssignedPartition } from './assigned-partitions.js';
import { BatchOrder } from './batch-order.js';
import { FetchQueue } from './fetch-queue.js';
import { PartitionSkew } from './partition-skew.js';

const HOUR = 3_600_000;

class Stored extends OffsetStore {
  rows: StoredPosition[] = [];
  override open(): Promise<bigint> {
    throw new Error('nothing is opened here');
  }
  override advance(): Promise<boolean> {
    throw new Error('nothing is moved here');
  }
  override positions(): Promise<readonly StoredPosition[]> {
    return Promise.resolve(this.rows);
  }
}

describe('partitions in event time', () => {
  let stored: Stored;
  let ends: Map<number, bigint>;
  let skew: PartitionSkew;
  let order: BatchOrder;
  beforeEach(() => {
    stored = new Stored();
    ends = new Map();
    skew = new PartitionSkew({ group: 'g', topic: 'transactions' }, stored, () => Promise.resolve(ends));
    order = new BatchOrder('transactions', skew);
  });

  /** With 100 records in the log, of which `waiting` are queued. */
  const assigned = (partition: number, position: bigint, waiting: number, topic = 'transactions'): AssignedPartition => {
    const queue = new FetchQueue();
    const at = (i: number) => ({ bytes: new Uint8Array(0), key: null, offset: position + BigInt(i), position: '' });
    queue.push(
      Array.from({ length: waiting }, (_, i) => at(i)),
      position + BigInt(waiting),
    );
    const idle = { error: null, failures: 0, retry: null, isInWork: false, seeks: 0, isFull: false, told: null };
    return { topic, partition, queue, position, end: 100n, state: 'reading', ...idle };
  };
  const next = (partitions: readonly AssignedPartition[], nowMs = 0) => order.next(partitions, nowMs)?.partition ?? null;

  it('reads the partition that is furthest behind first', async () => {
    const partitions = [assigned(0, 10n, 5), assigned(1, 10n, 5), assigned(2, 10n, 5)];
    await skew.refresh(order.local(partitions), 0);
    skew.committed(0, 10n, 300, 0);
    skew.committed(1, 10n, 100, 0);
    skew.committed(2, 10n, 200, 0);
    expect(next(partitions)).toBe(1);
    skew.committed(1, 11n, 400, 0);
    expect(next(partitions)).toBe(2);
  });

  it('holds one that is more than the limit ahead until the other has caught up, is read to its end, or stalls', async () => {
    const [ahead, behind] = [assigned(0, 10n, 5), assigned(1, 10n, 0)];
    await skew.refresh(order.local([ahead, behind]), 0);
    skew.committed(0, 10n, 10 * HOUR, 0);
    skew.committed(1, 10n, 8 * HOUR, 0);
    expect(next([ahead, behind])).toBeNull();
    expect(order.isWaiting([ahead, behind], 0)).toBe(true);
    // Read to its end, or failing: it holds nobody.
    expect(next([ahead, { ...behind, end: 10n }])).toBe(0);
    expect(next([ahead, { ...behind, state: 'backing-off' }])).toBe(0);
    expect(next([ahead, behind], 59_000)).toBeNull();
    expect(next([ahead, behind], 61_000)).toBe(0);
    skew.committed(1, 12n, 9 * HOUR, 61_000);
    expect(next([ahead, behind], 61_000)).toBe(0);
  });

  it('waits for a partition of another process, and knows its own times from the store', async () => {
    stored.rows = [
      { partition: 0, next: 10n, maxEventMs: 10 * HOUR },
      { partition: 1, next: 40n, maxEventMs: 5 * HOUR },
    ];
    ends = new Map([
      [0, 100n],
      [1, 100n],
    ]);
    const mine = [assigned(0, 10n, 5)];
    skew.committed(0, 10n, 10 * HOUR, 0);
    expect(next(mine)).toBeNull(); // Nobody was asked yet.
    await skew.refresh(order.local(mine), 0);
    expect(next(mine)).toBeNull();
    ends.set(1, 40n);
    await skew.refresh(order.local(mine), 0);
    expect(next(mine)).toBe(0);
    ends.set(1, 100n);
    stored.rows[1] = { partition: 1, next: 60n, maxEventMs: 9 * HOUR };
    await skew.refresh(order.local(mine), 0);
    expect(next(mine)).toBe(0);
  });

  it('lets topics take turns, and partitions without a clock', () => {
    const partitions = [assigned(0, 10n, 5, 'labels'), assigned(1, 10n, 5, 'labels'), assigned(7, 10n, 5)];
    const seen = Array.from({ length: 4 }, () => next(partitions));
    expect(seen).toEqual([0, 7, 1, 7]);
  });
});
