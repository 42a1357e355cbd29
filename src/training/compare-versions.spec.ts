import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '../domain/decision.js';
import { createRandom } from '../domain/random.js';
import { compareVersions } from './compare-versions.js';
import type { PairCount, ScoredPairs } from './ports.js';
import { DAY_MS } from '../domain/time.js';

const wanted = { a: 'm1', b: 'm2', fromMs: 0, toMs: 7 * DAY_MS, maturedBeforeMs: 5 * DAY_MS };
const pairsOf = (counts: readonly PairCount[], over: Partial<ScoredPairs> = {}): ScoredPairs => ({
  everyNth: 1,
  spanMs: 4 * DAY_MS,
  counts,
  rankCorrelation: 0.5,
  onlyA: [],
  onlyB: [],
  ...over,
});
const cell = (a: Outcome | null, b: Outcome | null, truth: PairCount['truth'], rows: number): PairCount => ({
  a,
  b,
  truth,
  rows,
});

describe('two versions on the same rows', () => {
  it('are counted as a pass over the rows counts them', () => {
    const random = createRandom(4);
    const pick = <T>(from: readonly T[]): T => from[random.integer(from.length)]!;
    const rows = Array.from({ length: 3_000 }, () => ({
      a: pick<Outcome>(['approve', 'approve', 'approve', 'review', 'decline']),
      b: pick<Outcome>(['approve', 'approve', 'review', 'decline']),
      truth: pick<PairCount['truth']>(['fraud', 'legitimate', 'legitimate', null]),
    }));
    const cells = new Map<string, PairCount>();
    for (const row of rows) {
      const key = JSON.stringify(row);
      cells.set(key, { ...row, rows: (cells.get(key)?.rows ?? 0) + 1 });
    }
    const n = (holds: (row: (typeof rows)[number]) => boolean): number => rows.filter(holds).length;
    const found = compareVersions(wanted, pairsOf([...cells.values(), cell(null, null, null, 17)]), { share: 0.01 });
    expect(found).toMatchObject({
      rows: 3_000,
      undecided: 17,
      rowsPerDay: 750,
      budgetPerDay: 7.5,
      sameDecision: { count: n(({ a, b }) => a === b), of: 3_000 },
      alertsOfBoth: n(({ a, b }) => a !== 'approve' && b !== 'approve'),
      onlyA: {
        rows: n(({ a, b }) => a !== 'approve' && b === 'approve'),
        frauds: n(({ a, b, truth }) => a !== 'approve' && b === 'approve' && truth === 'fraud'),
        legitimate: n(({ a, b, truth }) => a !== 'approve' && b === 'approve' && truth === 'legitimate'),
      },
      onlyB: { rows: n(({ a, b }) => a === 'approve' && b !== 'approve') },
    });
    for (const side of ['a', 'b'] as const) {
      const caught = (truth: PairCount['truth']) => ({
        count: n((row) => row[side] !== 'approve' && row.truth === truth),
        of: n((row) => row.truth === truth),
      });
      expect(found[side]).toMatchObject({ caughtFrauds: caught('fraud'), falseAlarms: caught('legitimate') });
      const alerts = n((row) => row[side] !== 'approve');
      expect(found[side].alerts).toMatchObject({ count: alerts, of: 3_000, share: alerts / 3_000 });
      expect(found[side].alertsPerDay).toBeCloseTo((750 * alerts) / 3_000, 9);
    }
  });

  it('have the intervals of Wilson: 2 of 10 is 5.7 % to 51.0 %, and none of 0 is anything', () => {
    const found = compareVersions(
      wanted,
      pairsOf([cell('review', 'approve', 'fraud', 2), cell('approve', 'approve', 'fraud', 8)]),
      { share: 0.01 },
    );
    expect(found.a.caughtFrauds.low).toBeCloseTo(0.0567, 4);
    expect(found.a.caughtFrauds.high).toBeCloseTo(0.5098, 4);
    expect(found.a.falseAlarms).toEqual({ count: 0, of: 0, share: null, low: 0, high: 1 });
  });

  it.each([
    [{ share: 0.01 }, 10],
    [{ share: 0.01, countPerDay: 6 }, 6],
    [{ share: 0.01, countPerDay: 60 }, 10],
    [{ share: 0.01, errorRate: 0.002 }, 2],
  ])('stand beside the budget that binds: %j', (budget, alerts) => {
    const found = compareVersions(wanted, pairsOf([cell('approve', 'approve', null, 4_000)]), budget);
    expect(found.budgetPerDay).toBeCloseTo(alerts, 9);
  });

  it('are not blown up from a part of a day, and from a part of the rows to all', () => {
    const hours = pairsOf([cell('review', 'approve', null, 60)], { spanMs: DAY_MS / 4 });
    expect(compareVersions(wanted, hours, { share: 0.5 })).toMatchObject({ rowsPerDay: 60, a: { alertsPerDay: 60 } });
    const part = pairsOf([cell('review', 'approve', null, 60)], { everyNth: 10 });
    expect(compareVersions(wanted, part, { share: 0.5 })).toMatchObject({ rows: 60, rowsPerDay: 150, a: { alertsPerDay: 150 } });
  });

  it('that have no row in common say so', () => {
    const found = compareVersions(wanted, pairsOf([], { spanMs: 0, rankCorrelation: null }), { share: 0.01 });
    expect(found).toMatchObject({ rows: 0, rowsPerDay: null, budgetPerDay: null, a: { alertsPerDay: null } });
    expect(JSON.stringify(found)).not.toContain('NaN');
  });
});
