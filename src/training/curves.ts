import { rankingPoints } from '../domain/ranking.js';

/** What is plotted of a detector's scores: points thinned to what a screen can show. */
export type Point = readonly [x: number, y: number];

const POINTS_MAX = 200;
const BINS = 40;

/** Every k-th point and the last one. */
const thinned = (points: readonly Point[]): readonly Point[] => {
  const step = Math.ceil(points.length / POINTS_MAX);
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
};

/** False-alarm rate and recall at every threshold. */
export const rocCurve = (labels: ArrayLike<number>, scores: ArrayLike<number>): readonly Point[] => {
  const points = rankingPoints(labels, scores);
  const { frauds, legitimate } = points.at(-1)!;
  return thinned([[0, 0], ...points.map((p): Point => [p.legitimate / legitimate, p.frauds / frauds])]);
};

/** Recall and precision at the thresholds that catch a further fraud; the area by steps is the average precision. */
export const precisionRecallCurve = (labels: ArrayLike<number>, scores: ArrayLike<number>): readonly Point[] => {
  const points = rankingPoints(labels, scores);
  const total = points.at(-1)!.frauds;
  const catching = points.filter((p, i) => p.frauds > (points[i - 1]?.frauds ?? 0));
  const curve = catching.map((p): Point => [p.frauds / total, p.frauds / (p.frauds + p.legitimate)]);
  return [[0, curve[0]![1]], ...thinned(curve)];
};

export interface ScoreHistogram {
  /** Share of the class in each of the bins, which are equally wide on the axis. */
  readonly legitimate: readonly number[];
  readonly frauds: readonly number[];
  /** Scores at the bins' borders: one more than bins. */
  readonly borders: readonly number[];
}

/**
 * Scores on an inverse hyperbolic sine axis in units of the legitimate rows' interquartile range: surprisals have tails a
 * thousand times longer than their body. What lies outside the middle 99 % of both classes is in the outermost bins.
 */
export const scoreHistogram = (labels: ArrayLike<number>, scores: Float64Array): ScoreHistogram => {
  const ofClass = (label: number): Float64Array => scores.filter((_, i) => labels[i] === label).sort();
  const [legitimate, frauds] = [ofClass(0), ofClass(1)];
  const at = (sorted: Float64Array, share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  const middle = at(legitimate, 0.5);
  const scale = at(legitimate, 0.75) - at(legitimate, 0.25) || 1;
  const axis = (score: number): number => Math.asinh((score - middle) / scale);
  const low = axis(Math.min(at(legitimate, 0.005), at(frauds, 0.005)));
  const high = Math.max(axis(Math.max(at(legitimate, 0.995), at(frauds, 0.995))), low + 1e-9);
  const shares = (values: Float64Array): readonly number[] => {
    const counts = new Array<number>(BINS).fill(0);
    for (const value of values) {
      const bin = Math.floor((BINS * (axis(value) - low)) / (high - low));
      counts[Math.min(BINS - 1, Math.max(0, bin))]! += 1 / values.length;
    }
    return counts;
  };
  const borders = Array.from({ length: BINS + 1 }, (_, i) => middle + scale * Math.sinh(low + (i * (high - low)) / BINS));
  return { legitimate: shares(legitimate), frauds: shares(frauds), borders };
};

/** Stated and achieved share of false alarms, from the smallest one that the rows can tell up to 1. */
export const calibrationCurve = (pValues: Float64Array): readonly Point[] => {
  const n = pValues.length;
  const decades = Math.log10(n);
  const steps = 60;
  let below = 0;
  return Array.from({ length: steps + 1 }, (_, i): Point => {
    const nominal = 10 ** (-decades * (1 - i / steps));
    while (below < n && pValues[below]! <= nominal) below += 1;
    return [nominal, below / n];
  });
};
