import { createRandom } from '../domain/random.js';
import { fitPlatt, plattProbability } from './platt.js';

describe('Platt calibration', () => {
  it('recovers the logistic model that made the labels', () => {
    const random = createRandom(1);
    const scores = Float64Array.from({ length: 30_000 }, () => 100 + 10 * random.normal());
    const labels = scores.map((s) => (random.uniform() < 1 / (1 + Math.exp(3 - 0.2 * (s - 100))) ? 1 : 0));
    const platt = fitPlatt(scores, labels);
    expect(Math.abs(platt.slope - 0.2)).toBeLessThan(0.01);
    expect(Math.abs(plattProbability(platt, 100) - 1 / (1 + Math.exp(3)))).toBeLessThan(0.005);
    const mean = scores.reduce((sum, s) => sum + plattProbability(platt, s), 0) / scores.length;
    expect(mean).toBeCloseTo(labels.reduce((sum, y) => sum + y, 0) / labels.length, 3);
  });

  it('stays finite on separated and on constant scores', () => {
    const separated = fitPlatt([1, 2, 3, 4], [0, 0, 1, 1]);
    expect(Number.isFinite(separated.slope)).toBe(true);
    expect(plattProbability(separated, 4)).toBeGreaterThan(0.5);
    // Smoothed targets: (2 · 1/4 ... ) one fraud of four rows, all scores equal.
    const constant = plattProbability(fitPlatt([7, 7, 7, 7], [0, 0, 0, 1]), 7);
    expect(constant).toBeCloseTo((3 * (1 / 5) + 2 / 3) / 4, 6);
  });

  it('refuses a slice with one class', () => {
    expect(() => fitPlatt([1, 2], [0, 0])).toThrow(/0 frauds in 2 rows/);
  });
});
