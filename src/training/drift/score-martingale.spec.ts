import { createRandom, type Random } from '../../domain/random.js';
import { scoreDay, type ScoreDay, type WatchedScore } from './score-day.js';
import {
  martingaleValue,
  nextScoreMartingale,
  ScoreMartingaleSchema,
  startScoreMartingale,
  weekChange,
  type ScoreMartingale,
} from './score-martingale.js';

/**
 * A day's statistics as many rows of it make them: ties make p-values conservative, weekends look odder, all rows of a day share its
 * weather, and D and the fused score see the same. The shift is in standard deviations of a day.
 */
const day = (random: Random, weekday: number, shift: number): Record<WatchedScore, ScoreDay> => {
  const z = random.normal() + shift - (weekday < 2 ? 3 : 0);
  const of = (own: number): ScoreDay => ({ mean: 0.51 - 0.01 * (z + own), tail: 0.045 + 0.004 * (z + 0.5 * random.normal()) });
  return { D: of(0.3 * random.normal()), fused: of(0.3 * random.normal()) };
};

const run = (seed: number, days: number, shiftOf: (d: number) => number = () => 0): ScoreMartingale => {
  const random = createRandom(seed);
  let state = startScoreMartingale('m1');
  for (let d = 0; d < days; d += 1) {
    state = nextScoreMartingale(state, d, day(random, d % 7, shiftOf(d)));
  }
  return state;
};

describe('martingale of the scores', () => {
  it('Ville: of 150 quiet streams of 88 days at most a tenth reach 10, with weekends and conservative p-values', () => {
    const peaks = Array.from({ length: 150 }, (_, seed) => run(seed, 88).peak);
    expect(peaks.filter((peak) => peak >= 10).length).toBeLessThanOrEqual(15);
    expect(peaks.filter((peak) => peak >= 100).length).toBeLessThanOrEqual(1);
  });

  it('a jump that a rolling calibration follows within a week is found', () => {
    const found = Array.from({ length: 10 }, (_, seed) =>
      run(seed, 70, (d) => (d < 56 ? 0 : Math.max(0, 8 * (1 - (d - 56) / 7)))),
    );
    expect(found.filter(({ peak }) => peak >= 100).length).toBeGreaterThanOrEqual(6);
    expect(found.every(({ peakDay }) => peakDay! >= 56 && peakDay! < 65)).toBe(true);
  });

  it('one odd day is no drift', () => {
    const peaks = Array.from({ length: 10 }, (_, seed) => run(seed, 70, (d) => (d === 56 ? 30 : 0)).peak);
    expect(Math.max(...peaks)).toBeLessThan(100);
  });

  it('is small JSON; a day again or an earlier one changes nothing; days that are all alike are no bet', () => {
    const state = run(1, 60);
    expect(ScoreMartingaleSchema.parse(JSON.parse(JSON.stringify(state)))).toEqual(state);
    expect(JSON.stringify(run(1, 420)).length).toBeLessThan(50_000);
    const same = { D: { mean: 0.4, tail: 0.1 }, fused: { mean: 0.4, tail: 0.1 } };
    expect(nextScoreMartingale(state, 59, same)).toBe(state);
    let constant = startScoreMartingale('m1');
    for (let d = 0; d < 60; d += 1) constant = nextScoreMartingale(constant, d, same);
    expect(martingaleValue(constant)).toBeCloseTo(1, 12);
  });

  it('a week’s change is its mean less that of the days before', () => {
    let state = startScoreMartingale('m1');
    expect(weekChange(state, 'D', 'mean')).toBeNull();
    for (let d = 0; d < 21; d += 1) {
      const D = { mean: d < 14 ? 0.5 : 0.45, tail: 0.05 };
      state = nextScoreMartingale(state, d, { D, fused: { mean: 0.5, tail: 0.05 } });
    }
    expect(weekChange(state, 'D', 'mean')).toBeCloseTo(-0.05, 12);
    expect(weekChange(state, 'fused', 'mean')).toBeCloseTo(0, 12);
  });

  it('a day is counted by hand; a p-value beyond the tail knot counts as any other in the tail', () => {
    const result = scoreDay(Float64Array.of(40, 2, 0, -Math.log10(0.5)));
    expect(result.mean).toBeCloseTo((0 + 0.01 + 1 + 0.5) / 4, 12);
    expect(result.tail).toBe(0.5);
    expect(() => scoreDay(Float64Array.of(1, NaN))).toThrow('-log10 p is NaN; expected a number from 0 up');
    expect(() => scoreDay(new Float64Array(0))).toThrow('at least one p-value');
  });
});
