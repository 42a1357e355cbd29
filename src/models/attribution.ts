import { type FeatureMatrix, selectRows } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { BASELINE } from './baselines/logistic-regression.js';
import type { Terms } from './detector.js';
import { shuffledIndices } from './fit-rows.js';

type Score = (features: FeatureMatrix) => Float64Array;

/** Rows scored for one explained row, at most about; and of a detector whose score takes long. */
const SCORES_MAX = 1024;
export const SLOW_SCORES_MAX = 128;
/** Coalitions are enumerated where each can be seen before so many background rows. */
const ENUMERATED_ROWS_MIN = 16;
/** The orders in which columns enter are the same for every row: equal rows have equal attributions. */
const SEED = 20_250_102;

/** An infinite score has no differences. */
const finite = (score: number): number => Math.min(Math.max(score, -1e300), 1e300);

/** Rows of `background` in which the columns of a coalition are the explained row's. */
interface Hybrids {
  readonly values: Float32Array;
  count: number;
}

/** Appends background row `b` with the cells of `row` where `isIn`. */
const addHybrid = (
  hybrids: Hybrids,
  row: Float32Array,
  background: FeatureMatrix,
  b: number,
  isIn: (column: number) => boolean,
): void => {
  const width = row.length;
  const at = hybrids.count * width;
  for (let c = 0; c < width; c += 1) hybrids.values[at + c] = isIn(c) ? row[c]! : background.values[b * width + c]!;
  hybrids.count += 1;
};

const scoreHybrids = (score: Score, background: FeatureMatrix, { values, count }: Hybrids): Float64Array =>
  score({ columns: background.columns, rowCount: count, values }).map(finite);

/** Shapley's formula over all 2^d coalitions; exact for this background. */
const enumerateCoalitions = (
  score: Score,
  background: FeatureMatrix,
  row: Float32Array,
): { phi: Float64Array; baseline: number } => {
  const width = row.length;
  const coalitions = 2 ** width;
  const hybrids = { values: new Float32Array(coalitions * background.rowCount * width), count: 0 };
  for (let coalition = 0; coalition < coalitions; coalition += 1)
    for (let b = 0; b < background.rowCount; b += 1) addHybrid(hybrids, row, background, b, (c) => (coalition & (1 << c)) !== 0);
  const scores = scoreHybrids(score, background, hybrids);
  const value = Float64Array.from({ length: coalitions }, (_, coalition) => {
    let sum = 0;
    for (let b = 0; b < background.rowCount; b += 1) sum += scores[coalition * background.rowCount + b]! / background.rowCount;
    return sum;
  });
  // weight[s] = s! (d - s - 1)! / d!
  const weight = new Float64Array(width).fill(1 / width);
  for (let size = 1; size < width; size += 1) weight[size] = (weight[size - 1]! * size) / (width - size);
  const sizeOf = (coalition: number): number => (coalition === 0 ? 0 : (coalition & 1) + sizeOf(coalition >> 1));
  const phi = new Float64Array(width);
  for (let coalition = 0; coalition < coalitions; coalition += 1)
    for (let c = 0; c < width; c += 1)
      if ((coalition & (1 << c)) === 0)
        phi[c]! += weight[sizeOf(coalition)]! * (value[coalition | (1 << c)]! - value[coalition]!);
  return { phi, baseline: value[0]! };
};

/**
 * For each background row one random order and its reverse (antithetic, Mitchell et al. 2022): the columns enter one by one,
 * and each has what the score changes by. Along an order the changes telescope to score(row) - score(background row).
 */
const walkOrders = (score: Score, background: FeatureMatrix, row: Float32Array): { phi: Float64Array; baseline: number } => {
  const width = row.length;
  const random = createRandom(SEED);
  const walks = Array.from({ length: background.rowCount }, (_, b) => {
    const order = shuffledIndices(width, random);
    return [
      { b, order },
      { b, order: order.slice().reverse() },
    ];
  }).flat();
  const steps = width + 1;
  const hybrids = { values: new Float32Array(walks.length * steps * width), count: 0 };
  for (const { b, order } of walks) {
    const entered = new Uint8Array(width);
    addHybrid(hybrids, row, background, b, () => false);
    for (const c of order) {
      entered[c] = 1;
      addHybrid(hybrids, row, background, b, (column) => entered[column] === 1);
    }
  }
  const scores = scoreHybrids(score, background, hybrids);
  const phi = new Float64Array(width);
  let baseline = 0;
  walks.forEach(({ order }, walk) => {
    const from = walk * steps;
    baseline += scores[from]! / walks.length;
    order.forEach((c, i) => (phi[c]! += (scores[from + i + 1]! - scores[from + i]!) / walks.length));
  });
  return { phi, baseline };
};

/**
 * Shapley values of a score over the columns (Shapley 1953; interventional, Janzing et al. 2020): what a column that takes the
 * row's value instead of a background row's changes the score by, averaged over what the other columns are. For detectors
 * whose score has no exact terms. Together with the background's mean score ("baseline") a row's terms add up to its score.
 *
 * Up to 6 columns all coalitions are enumerated; beyond, orders are sampled. The mean is over as many background rows, from
 * the first, as `scoresMax` scores a row allow. The background should be ordinary training rows in random order.
 */
export const attribute = (score: Score, background: FeatureMatrix, features: FeatureMatrix, scoresMax = SCORES_MAX): Terms => {
  const width = features.columns.length;
  if (background.rowCount === 0) throw new RangeError('attribution needs at least one background row');
  const enumerated = 2 ** width * ENUMERATED_ROWS_MIN <= scoresMax;
  const affordable = Math.max(1, Math.floor(scoresMax / (enumerated ? 2 ** width : 2 * (width + 1))));
  const held = selectRows(
    background,
    Uint32Array.from({ length: Math.min(affordable, background.rowCount) }, (_, b) => b),
  );
  const values = new Float64Array(features.rowCount * (width + 1));
  for (let r = 0; r < features.rowCount; r += 1) {
    const row = features.values.subarray(r * width, (r + 1) * width);
    const { phi, baseline } = (enumerated ? enumerateCoalitions : walkOrders)(score, held, row);
    values.set(phi, r * (width + 1));
    values[r * (width + 1) + width] = baseline;
  }
  return { columns: [...features.columns.map(({ name }) => name), BASELINE], values };
};
