import { describe, expect, it } from '@jest/globals';
import { microBatches, type TopicBatch } from './topic-batch.js';

const batchOf = (position: bigint, offsets: readonly bigint[], nextOffset: bigint): TopicBatch => ({
  group: 'g',
  topic: 't',
  partition: 0,
  position,
  nextOffset,
  records: offsets.map((offset) => ({ bytes: new Uint8Array(0), key: null, offset, position: `t/0/${offset}` })),
  isCurrent: () => true,
  committed: () => undefined,
  positionMoved: () => Promise.resolve(),
});

describe('microBatches', () => {
  it('cuts into parts whose fences meet, over gaps and to the very end', () => {
    const parts = [...microBatches(batchOf(10n, [12n, 13n, 17n, 18n, 19n], 23n), 2)];
    expect(parts.map(({ fetchedOffset, nextOffset, records }) => [fetchedOffset, nextOffset, records.length])).toEqual([
      [10n, 14n, 2],
      [14n, 19n, 2],
      [19n, 23n, 1],
    ]);
  });

  it('refuses a size that is none', () => {
    expect(() => [...microBatches(batchOf(0n, [0n], 1n), 0)]).toThrow('batchSizeMax is 0; expected a whole number from 1');
  });
});
