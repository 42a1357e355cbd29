import type { Random } from '../domain/random.js';

/** A figure and the two-sided interval that resampling gives it. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Several figures of one pass. `weights[c]` says how often cluster c was drawn; all 1: the figures of the data themselves. */
export interface Figures {
  readonly keys: readonly string[];
  readonly of: (weights: Int32Array) => readonly number[];
}

/** Every figure on the data and on each resample. All of a resample's come from the same draw: their differences are paired. */
export interface Resampled {
  readonly value: (key: string) => number;
  /** In the order of the resamples; NaN where a resample cannot say (no fraud was drawn). */
  readonly draws: (key: string) => Float64Array;
}

export interface BootstrapOptions {
  readonly resamples: number;
  readonly random: Random;
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

const RESAMPLES_BETWEEN_REPORTS = 50;

/**
 * Bootstrap over clusters (B. Efron 1979; Field & Welsh 2007): whole clusters are drawn with replacement, as many as there
 * are, because the rows of one customer are not independent. Costs `resamples` passes of every figure.
 *
 * @param clusters at least one
 */
export const bootstrapClusters = async (
  clusters: number,
  figures: readonly Figures[],
  { resamples, random, onProgress, signal }: BootstrapOptions,
): Promise<Resampled> => {
  const keys = figures.flatMap((figure) => figure.keys);
  const place = new Map(keys.map((key, i) => [key, i]));
  if (place.size < keys.length) throw new Error(`two figures have the same key among ${keys.join(', ')}`);
  const table = keys.map(() => new Float64Array(resamples));
  const weights = new Int32Array(clusters).fill(1);
  const values = figures.flatMap((figure) => figure.of(weights));
  for (let r = 0; r < resamples; r += 1) {
    weights.fill(0);
    for (let i = 0; i < clusters; i += 1) weights[random.integer(clusters)]! += 1;
    let at = 0;
    for (const figure of figures) for (const value of figure.of(weights)) table[at++]![r] = value;
    if ((r + 1) % RESAMPLES_BETWEEN_REPORTS === 0) {
      onProgress?.((r + 1) / resamples);
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    }
  }
  const placeOf = (key: string): number => {
    const found = place.get(key);
    if (found === undefined) throw new Error(`there is no figure "${key}" among ${keys.join(', ')}`);
    return found;
  };
  return { value: (key) => values[placeOf(key)]!, draws: (key) => table[placeOf(key)]! };
};

/**
 * Two-sided percentile interval; `basic` (2 value - percentile) where resampling itself biases a figure, as it does a
 * calibration error: a resample repeats rows, so its error is larger than the data's. NaN draws are left out.
 */
export const intervalOf = (
  value: number,
  draws: Float64Array,
  confidence: number,
  kind: 'percentile' | 'basic' = 'percentile',
): Interval => {
  const sorted = draws.filter((draw) => !Number.isNaN(draw)).sort();
  if (sorted.length === 0 || Number.isNaN(value)) return { value, low: NaN, high: NaN };
  const [low, high] = [quantile(sorted, (1 - confidence) / 2), quantile(sorted, (1 + confidence) / 2)];
  return kind === 'percentile' ? { value, low, high } : { value, low: 2 * value - high, high: 2 * value - low };
};

/** Interval of one figure less another, resample by resample. */
export const differenceOf = (resampled: Resampled, key: string, less: string, confidence: number): Interval => {
  const [a, b] = [resampled.draws(key), resampled.draws(less)];
  return intervalOf(
    resampled.value(key) - resampled.value(less),
    a.map((draw, r) => draw - b[r]!),
    confidence,
  );
};

/** Linear between order statistics. @param sorted rising, at least one */
const quantile = (sorted: Float64Array, p: number): number => {
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
};
