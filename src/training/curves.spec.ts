import { createRandom } from '../domain/random.js';
import { calibrationCurve, precisionRecallCurve, rocCurve, scoreHistogram, type Point } from './curves.js';
import { auroc, averagePrecision } from '../domain/ranking.js';

const random = createRandom(5);
const labels = Uint8Array.from({ length: 5000 }, () => (random.uniform() < 0.1 ? 1 : 0));
const scores = Float64Array.from(labels, (label) => random.normal() + 1.5 * label);
/** Area below a line of points, by trapezoids or by steps at the right end. */
const area = (points: readonly Point[], isStep: boolean): number =>
  points.slice(1).reduce((sum, [x, y], i) => sum + (x - points[i]![0]) * (isStep ? y : (y + points[i]![1]) / 2), 0);

describe('curves', () => {
  it('areas below the thinned curves are AUROC and average precision', () => {
    const roc = rocCurve(labels, scores);
    const recall = precisionRecallCurve(labels, scores);
    expect(roc.length).toBeLessThanOrEqual(202);
    expect(recall.length).toBeLessThanOrEqual(203);
    expect(area(roc, false)).toBeCloseTo(auroc(labels, scores), 2);
    expect(area(recall, true)).toBeCloseTo(averagePrecision(labels, scores), 1);
    expect([roc[0], roc.at(-1), recall[0]![0], recall.at(-1)![0]]).toEqual([[0, 0], [1, 1], 0, 1]); // prettier-ignore
  });

  it('few rows are drawn exactly', () => {
    const few = [1, 0, 1, 0];
    expect(rocCurve(few, [4, 3, 2, 1])).toEqual([[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]); // prettier-ignore
    expect(precisionRecallCurve(few, [4, 3, 2, 1])).toEqual([[0, 1], [0.5, 1], [1, 2 / 3]]); // prettier-ignore
  });

  it('histograms hold every row, extremes and equal scores too', () => {
    const sum = (shares: readonly number[]): number => shares.reduce((a, b) => a + b, 0);
    for (const values of [scores, scores.map((s) => Math.exp(20 * s)), new Float64Array(labels.length)]) {
      const { legitimate, frauds, borders } = scoreHistogram(labels, values);
      expect(sum(legitimate)).toBeCloseTo(1, 9);
      expect(sum(frauds)).toBeCloseTo(1, 9);
      expect(borders).toHaveLength(legitimate.length + 1);
      expect(borders.every((b, i) => i === 0 || b >= borders[i - 1]!)).toBe(true);
    }
  });

  it('the calibration of uniform p-values is the diagonal', () => {
    const uniform = Float64Array.from({ length: 1000 }, (_, i) => (i + 0.5) / 1000);
    for (const [nominal, achieved] of calibrationCurve(uniform)) expect(Math.abs(nominal - achieved)).toBeLessThan(1.01e-3);
  });
});
