import fc from 'fast-check';
import { learnCategory, learnCounterpart } from './novelty.js';
import { hashId, PrimaryState, STAT, STATE_BYTES_MAX } from './primary-state.js';
import { BUCKETS_MAX, EVENTS_MAX } from './recent-events.js';
import type { RowWork } from './row-work.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const category = (level: number): RowWork =>
  ({ categoryLevel: level, x: level / 7, ofCategory: { mean: 0, scale: 1, nu: 4 } }) as RowWork;

/** A customer with `perDay` events on each of 40 days, at new counterparts and categories. */
const busyState = (perDay: number): { state: PrimaryState; times: number[] } => {
  const state = new PrimaryState();
  const times: number[] = [];
  for (let i = 0; i < 40 * perDay; i += 1) {
    const ms = 1_500_000_000_000 + Math.floor((i * DAY) / perDay);
    times.push(ms);
    state.stats[STAT.lastMs] = ms;
    state.events.add(ms, i % 100, ms - 30 * DAY);
    learnCounterpart(state, hashId(`shop ${i % 90}`));
    learnCategory(state, category(i % 25));
  }
  return { state, times };
};
const windows = { count: new Float64Array(3), sum: new Float64Array(3), max: new Float64Array(3) };

describe('a primary state', () => {
  it('is at most 4 KB, however busy, and comes back to the bit', () => {
    for (const perDay of [1, 6, 40, 500]) {
      const { state } = busyState(perDay);
      const bytes = state.encode();
      expect(bytes.length).toBeLessThanOrEqual(Math.min(4096, STATE_BYTES_MAX));
      expect(PrimaryState.decode(bytes).encode()).toEqual(bytes);
      if (perDay === 500) expect(bytes.length).toBe(STATE_BYTES_MAX);
    }
  });

  it('is read from bytes at any alignment', () => {
    const bytes = busyState(6).state.encode();
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(PrimaryState.decode(shifted.subarray(3)).encode()).toEqual(bytes);
  });

  it('refuses damaged bytes', () => {
    const bytes = busyState(6).state.encode();
    expect(() => PrimaryState.decode(bytes.subarray(0, bytes.length - 1))).toThrow('ends after');
    expect(() => PrimaryState.decode(new Uint8Array([...bytes, 0]))).toThrow('1 bytes too many');
    expect(() => PrimaryState.decode(Uint8Array.from(bytes, (b, i) => (i === 0 ? 9 : b)))).toThrow(
      'of another version (9, expected 1)',
    );
  });

  it('keeps the newest 256 events exactly and the older ones within a few per cent of the window', () => {
    const { state, times } = busyState(40);
    const now = times.at(-1)!;
    state.events.sumWindows(now, 5, [DAY, 6 * DAY, 30 * DAY], windows);
    const exact = (days: number): number => times.filter((ms) => ms > now - days * DAY).length + 1;
    expect(state.events.length).toBe(EVENTS_MAX);
    expect(state.events.buckets).toBeLessThanOrEqual(BUCKETS_MAX);
    expect([windows.count[0], windows.count[1]]).toEqual([exact(1), exact(6)]);
    expect(Math.abs(windows.count[2]! - exact(30)) / exact(30)).toBeLessThan(0.06);
    state.events.sumWindows(now, 5, [15 * DAY, 20 * DAY, 25 * DAY], windows);
    [15, 20, 25].forEach((days, w) => expect(Math.abs(windows.count[w]! - exact(days)) / exact(days)).toBeLessThan(0.06));
    expect(windows.max[2]).toBe(99);
  });

  it('is exact to the hour while its older events fit into the buckets', () => {
    const state = new PrimaryState();
    const times = Array.from({ length: 300 }, (_, i) => 1_500_001_200_000 + i * 6 * 60_000);
    for (const ms of times) state.events.add(ms, 1, ms - 30 * DAY);
    const now = times.at(-1)!;
    state.events.sumWindows(now, 1, [30 * DAY], windows);
    expect(windows.count[0]).toBe(301);
    expect(state.events.countIn(now - HOUR, now)).toBe(10);
  });

  it('keeps 64 counterparts: the one with the lowest decayed count goes', () => {
    const state = new PrimaryState();
    for (let i = 0; i < 64; i += 1) learnCounterpart(state, i);
    for (let i = 0; i < 64; i += 1) if (i !== 9) learnCounterpart(state, i);
    learnCounterpart(state, 1000);
    const ids = [...state.counterpartIds.subarray(0, state.counterparts)];
    expect(ids).toHaveLength(64);
    expect(ids).toContain(1000);
    expect(ids).not.toContain(9);
  });

  it('gives the same windows whatever the order of arrival, up to 256 events', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 25 * DAY }), { minLength: 1, maxLength: 200 }), (offsets) => {
        const sorted = new PrimaryState();
        const shuffled = new PrimaryState();
        for (const ms of [...offsets].sort((a, b) => a - b)) sorted.events.add(ms, 1, ms - 30 * DAY);
        for (const ms of offsets) shuffled.events.add(ms, 1, ms - 30 * DAY);
        for (const { stats } of [sorted, shuffled]) stats[STAT.lastMs] = Math.max(...offsets);
        expect(shuffled.encode()).toEqual(sorted.encode());
      }),
    );
  });
});
