import { describe, expect, it } from '@jest/globals';
import { FetchQueue } from './fetch-queue.js';

const records = (...offsets: readonly bigint[]) =>
  offsets.map((offset) => ({ bytes: new Uint8Array(0), key: null, offset, position: `t/0/${offset}` }));

describe('FetchQueue', () => {
  it('gives parts whose positions meet, over gaps, fetches and to the very end', () => {
    const queue = new FetchQueue();
    queue.push(records(12n, 13n, 17n), 18n);
    queue.push(records(18n, 19n), 23n);
    const parts: [number, bigint][] = [];
    while (queue.length > 0) {
      const part = queue.peek(2);
      parts.push([part.records.length, part.nextOffset]);
      queue.drop(part.records.length);
    }
    expect(parts).toEqual([
      [2, 14n],
      [2, 19n],
      [1, 23n],
    ]);
  });

  it('gives the same records again until they are dropped', () => {
    const queue = new FetchQueue();
    queue.push(records(0n, 1n, 2n), 3n);
    expect(queue.peek(2)).toEqual(queue.peek(2));
    queue.drop(1);
    expect(queue.peek(9).records.map(({ offset }) => offset)).toEqual([1n, 2n]);
    queue.clear();
    expect(queue.length).toBe(0);
  });
});
