import { createRandom } from '../domain/random.js';
import { MergedQueues } from './merged-queues.js';

const signal = new AbortController().signal;
const ranges = (...ends: bigint[]) => ends.map((end, partition) => ({ partition, start: 0n, end }));

describe('merged queues', () => {
  it('merges by clocks, whatever the order in which partitions come, and keeps the order of each', () => {
    const random = createRandom(5);
    const queues = new MergedQueues<string>(ranges(40n, 40n, 40n), 1_000);
    const all = Array.from({ length: 3 }, (_, partition) => {
      let clockMs = 0;
      return Array.from({ length: 40 }, (_row, offset) => {
        clockMs += 1 + random.integer(1_000) + partition / 10;
        return { partition, offset: BigInt(offset), clockMs, name: `${partition}/${offset}` };
      });
    });
    const waiting = all.map((rows) => [...rows]);
    const taken: string[] = [];
    while (!queues.isThrough) {
      const left = waiting.filter((rows) => rows.length > 0);
      const row = left[random.integer(Math.max(1, left.length))]?.shift();
      if (row) queues.push(row.partition, row.offset, row.clockMs, row.name);
      taken.push(...queues.take(1 + random.integer(5)));
    }
    const sorted = all.flat().sort((a, b) => a.clockMs - b.clockMs);
    expect(taken).toEqual(sorted.map(({ name }) => name));
  });

  it('takes nothing while a slower partition may still come', () => {
    const queues = new MergedQueues<string>(ranges(2n, 1n), 10);
    queues.push(0, 0n, 5, 'a');
    expect(queues.take(9)).toEqual([]);
    queues.push(1, 0n, 7, 'c');
    expect(queues.take(9)).toEqual(['a']);
    expect(queues.isThrough).toBe(false);
    // What lies before the end of the first was no record.
    queues.passed(0, 2n);
    expect(queues.take(9)).toEqual(['c']);
    expect(queues.isThrough).toBe(true);
  });

  it('passes over what came before and what is beyond the range', () => {
    const queues = new MergedQueues<string>([{ partition: 0, start: 3n, end: 5n }], 10);
    expect([2n, 3n, 4n, 5n].map((offset) => queues.wants(0, offset))).toEqual([false, true, true, false]);
    expect(queues.wants(1, 3n)).toBe(false);
    queues.push(0, 3n, 1, 'a');
    expect(queues.wants(0, 3n)).toBe(false);
    expect(queues.missing('t')).toBe('t/0 from 4 to 5');
  });

  it('says who is full, and once when there is room again', () => {
    const queues = new MergedQueues<number>(ranges(100n, 100n), 4);
    queues.push(1, 0n, 100, 0);
    for (let i = 0; i < 4; i += 1) queues.push(0, BigInt(i), i, i);
    expect([queues.isFull(0), queues.isFull(1)]).toEqual([true, false]);
    expect(queues.take(1)).toEqual([0]);
    expect(queues.drained()).toEqual([]);
    queues.take(1);
    expect(queues.drained()).toEqual([0]);
    expect(queues.drained()).toEqual([]);
    expect(queues.isFull(0)).toBe(false);
  });

  it('waits for a change, not for ever, and tells of failures and of the abort', async () => {
    const queues = new MergedQueues<number>(ranges(1n), 4);
    expect(await queues.changed(5, signal)).toBe(false);
    const change = queues.changed(10_000, signal);
    queues.passed(0, 1n);
    expect(await change).toBe(true);
    const stop = new AbortController();
    const waits = queues.changed(10_000, stop.signal);
    stop.abort(new Error('cancelled'));
    await expect(waits).rejects.toThrow('cancelled');
    queues.fail(new Error('no broker'));
    await expect(queues.changed(10_000, signal)).rejects.toThrow('no broker');
  });
});
