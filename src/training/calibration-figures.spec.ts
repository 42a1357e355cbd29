import { createRandom } from '../domain/random.js';
import { calibrationFigures, calibrationHalves, calibrationNoise } from './calibration-figures.js';

const rowCount = 8000;
const labels = Uint8Array.from({ length: rowCount }, (_, i) => (i % 20 === 0 ? 1 : 0));
/** Legitimate scores are standard normal, frauds 2 higher; the later half drifts up by `drift`. */
const scoresWith = (drift: number): Float64Array => {
  const random = createRandom(3);
  return Float64Array.from(labels, (label, i) => random.normal() + 2 * label + (i >= rowCount / 2 ? drift : 0));
};
/** P(Z > x) of the standard normal by Simpson's rule. */
const normalTail = (x: number): number => {
  const n = 2000;
  const h = (10 - x) / n;
  const at = (i: number): number => Math.exp(-((x + i * h) ** 2) / 2) / Math.sqrt(2 * Math.PI);
  let sum = at(0) + at(n);
  for (let i = 1; i < n; i += 1) sum += (i % 2 === 1 ? 4 : 2) * at(i);
  return (sum * h) / 3;
};

describe('calibration figures', () => {
  const halves = calibrationHalves(rowCount, true);

  it('halves: by order, or drawn; every row in exactly one', () => {
    expect([halves.reference.at(-1), halves.checked[0]]).toEqual([rowCount / 2 - 1, rowCount / 2]);
    const drawn = calibrationHalves(rowCount, false);
    expect([...drawn.reference, ...drawn.checked].sort((a, b) => a - b)).toEqual(Array.from({ length: rowCount }, (_, i) => i));
    expect(Math.abs(drawn.reference.length - rowCount / 2)).toBeLessThan(4 * Math.sqrt(rowCount / 4));
    expect(calibrationHalves(rowCount, false)).toEqual(drawn);
  });

  it('without drift errors are noise and stated rates are achieved', () => {
    const figures = calibrationFigures(labels, scoresWith(0), halves, true);
    expect(figures.error).toBeLessThan(calibrationNoise(labels, halves)!);
    expect(figures.achievedAtOnePercent).toBeGreaterThan(0.005);
    expect(figures.achievedAtOnePercent).toBeLessThan(0.017);
    expect(figures.achievedAtFivePercent).toBeGreaterThan(0.035);
    expect(figures.achievedAtFivePercent).toBeLessThan(0.065);
    expect(figures.probabilityError).toBeLessThan(0.015);
  });

  it('a drift of d achieves P(Z > z - d); the error is that at 10 %, where the distance is largest', () => {
    const drift = 0.5;
    const figures = calibrationFigures(labels, scoresWith(drift), halves, false);
    expect(figures.achievedAtFivePercent).toBeCloseTo(normalTail(1.6449 - drift), 1);
    expect(Math.abs(figures.error - (normalTail(1.2816 - drift) - 0.1))).toBeLessThan(0.03);
    expect(figures.probabilityError).toBeNull();
  });

  it('counts by hand: p = (k + 1) / (n + 1), half way between two knots', () => {
    const scores = Float64Array.from({ length: 201 }, (_, i) => (i < 200 ? i + 1 : 50.5));
    const hand = { reference: Uint32Array.from({ length: 200 }, (_, i) => i), checked: Uint32Array.of(200) };
    const { pValues } = calibrationFigures(new Uint8Array(201), scores, hand, true);
    expect(pValues[0]).toBeCloseTo((150.5 + 1) / 201, 12);
  });

  it('ties of harmless scores are no error, ties of the highest ones are', () => {
    const tiedBelow = scoresWith(0).map((score) => Math.max(score, 0.5));
    expect(calibrationFigures(labels, tiedBelow, halves, false).error).toBeLessThan(calibrationNoise(labels, halves)!);
    const tiedAbove = scoresWith(0).map((score) => Math.min(score, 0));
    expect(calibrationFigures(labels, tiedAbove, halves, false).error).toBeCloseTo(0.1, 6);
  });

  it('halves without frauds have no probability error', () => {
    const noFraud = new Uint8Array(rowCount);
    expect(calibrationFigures(noFraud, scoresWith(0), halves, true).probabilityError).toBeNull();
  });

  it.each(['reference', 'checked'] as const)('a %s half of frauds alone: nothing is known, nothing fails', (half) => {
    const rows = new Set(halves[half]);
    const oneSided = labels.map((label, row) => (rows.has(row) ? 1 : label));
    const figures = calibrationFigures(oneSided, scoresWith(0), halves, true);
    expect([figures.error, figures.achievedAtOnePercent, figures.achievedAtFivePercent]).toEqual([NaN, NaN, NaN]);
    expect(figures.pValues).toHaveLength(0);
    expect(calibrationNoise(oneSided, halves)).toBeNull();
  });
});
