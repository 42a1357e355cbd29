import { createRandom } from '../domain/random.js';
import { fitScoreCalibration, FUSED_TAIL_COUNT, minusLog10P } from './conformal.js';

const normals = (n: number, seed: number): Float64Array => {
  const random = createRandom(seed);
  return Float64Array.from({ length: n }, () => random.normal());
};
const pOf = (calibration: ReturnType<typeof fitScoreCalibration>, score: number): number =>
  10 ** -minusLog10P(calibration, score);

describe('conformal p-values', () => {
  it('count the reference scores at least as high, plus one', () => {
    const calibration = fitScoreCalibration(Float64Array.from({ length: 100 }, (_, i) => i));
    expect(calibration.tailStart).toBe(80);
    // 90 of 0..99 are >= 10.
    expect(pOf(calibration, 10)).toBeCloseTo(91 / 101, 12);
    expect(pOf(calibration, 80)).toBeCloseTo(21 / 101, 12);
    // Half-way between 10 (90 at least as high) and 11 (89).
    expect(pOf(calibration, 10.5)).toBeCloseTo(90.5 / 101, 12);
  });

  it('fall exponentially above the k-th largest, by the mean excess where no excess is extreme', () => {
    const calibration = fitScoreCalibration(Float64Array.from({ length: 100 }, (_, i) => i));
    // k = 20, u = 80, mean of 80..99 over 80 = 9.5.
    expect(calibration.tailScale).toBeCloseTo(9.5, 12);
    expect(pOf(calibration, 99)).toBeCloseTo(0.2 * Math.exp(-19 / 9.5), 12);
    expect(minusLog10P(calibration, 1e7)).toBeCloseTo((1e7 - 80) / 9.5 / Math.LN10 - Math.log10(0.2), 3);
  });

  it.each([437, 7.6e11])('hardly change when one absurd score (%d) is in the window', (outlier) => {
    const window = normals(6000, 11);
    const clean = minusLog10P(fitScoreCalibration(window), 8);
    const calibration = fitScoreCalibration([...window, outlier]);
    expect(Math.abs(minusLog10P(calibration, 8) / clean - 1)).toBeLessThan(0.1);
    const values = [2.5, 3, 4, 8, 100, outlier, 2 * outlier].map((s) => minusLog10P(calibration, s));
    for (let i = 1; i < values.length; i += 1) expect(values[i]).toBeGreaterThan(values[i - 1]!);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('keep the scale of an exponential tail, and one absurd score with most of the tail tied at its start does not make it', () => {
    const random = createRandom(12);
    const scales = Array.from({ length: 200 }, () => {
      const exponentials = Float64Array.from({ length: 6000 }, () => -3 * Math.log(1 - random.uniform()));
      return fitScoreCalibration(exponentials).tailScale;
    });
    // Each has a standard error of 3 / sqrt(60), their mean one of 0.03.
    expect(Math.abs(scales.reduce((sum, scale) => sum + scale / scales.length, 0) - 3)).toBeLessThan(0.1);
    const tied = fitScoreCalibration([...Array<number>(90).fill(0), ...Array<number>(16).fill(1), 2, 3, 4, 1e12]);
    expect(tied.tailScale).toBeGreaterThan(0);
    expect(tied.tailScale).toBeLessThan(3);
  });

  it('count ties together', () => {
    const calibration = fitScoreCalibration([...Array<number>(60).fill(1), ...Array<number>(40).fill(2)]);
    expect(pOf(calibration, 2)).toBeCloseTo(41 / 101, 12);
    expect(pOf(calibration, 1)).toBeCloseTo(100.5 / 101, 12);
  });

  it.each([1, 2, 3, 19, 20, 21, 500, 30_000])('rise strictly with the score, with %i reference scores', (n) => {
    const calibration = fitScoreCalibration(normals(n, n));
    const { knots, tailStart } = calibration;
    const scores = [-1e6, -50, ...knots, ...knots.map((k) => k + 1e-9), tailStart + 1e-6, 4.9, 50, 1e6, 1e12];
    const distinct = [...new Set(scores)].sort((a, b) => a - b);
    const values = distinct.map((s) => minusLog10P(calibration, s));
    for (let i = 0; i < values.length; i += 1) {
      expect(Number.isFinite(values[i])).toBe(true);
      expect(values[i]).toBeGreaterThan(i === 0 ? 0 : values[i - 1]!);
    }
  });

  it('work where all reference scores are equal', () => {
    const calibration = fitScoreCalibration(Array<number>(50).fill(3));
    const values = [2, 3, 3.5, 4].map((s) => minusLog10P(calibration, s));
    expect([...values].sort((a, b) => a - b)).toEqual(values);
    expect(new Set(values).size).toBe(4);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('are uniform on fresh exchangeable scores (Kolmogorov-Smirnov at 0.1 %)', () => {
    const calibration = fitScoreCalibration(normals(20_000, 1));
    const p = normals(5_000, 2)
      .map((s) => pOf(calibration, s))
      .sort();
    const distance = p.reduce((d, value, i) => Math.max(d, Math.abs(value - (i + 0.5) / p.length)), 0);
    // Critical distance for two samples of 20,000 and 5,000.
    expect(distance).toBeLessThan(1.95 * Math.sqrt(1 / 20_000 + 1 / 5_000));
  });

  it('keep at most 2,000 knots and err by at most 2 % of p in the top hundredth', () => {
    const reference = normals(300_000, 3);
    const calibration = fitScoreCalibration(reference, FUSED_TAIL_COUNT);
    expect(calibration.knots.length).toBeLessThanOrEqual(2000);
    const sorted = Float64Array.from(reference).sort();
    for (const rank of [30, 100, 317, 1000, 1501, 2900]) {
      const exact = (rank + 1) / (reference.length + 1);
      expect(Math.abs(pOf(calibration, sorted[reference.length - rank]!) / exact - 1)).toBeLessThan(0.02);
    }
  });

  it('refuse an empty window and broken scores', () => {
    expect(() => fitScoreCalibration([])).toThrow(/at least one score/);
    expect(() => fitScoreCalibration([1, NaN])).toThrow(/NaN/);
  });
});
