import { createRandom } from '../domain/random.js';
import type { Transaction } from '../domain/transaction.js';
import { fitPlatt, plattProbability, type Platt } from '../models/platt.js';

/** Fewer known frauds say too little of a scale. */
const FRAUDS_MIN = 10;

/** Rows that no model was fitted on. */
export interface ScoredSlice {
  readonly scores: Float64Array;
  /** As `maturedLabels`: rows of -1 say nothing of a scale. */
  readonly labels: Int8Array;
}

/**
 * What turns scores into fraud probabilities: Platt's scale, or where it has too few frauds to be fitted on `asItIs`, for a score
 * that is log-odds already.
 */
export const fitFraudScale = (slice: ScoredSlice, asItIs: Platt): Platt => plattOf(slice, () => true) ?? asItIs;

/**
 * Probabilities that may be judged on the very slice that the scale is fitted on: each row's comes from a scale of the other
 * half, in which its primary entity has no row. Halves are drawn by a hash of the entity, so that they are the same for whoever
 * asks. What is served has the scale of all rows, twice as many. Where one half has too few frauds both are left as they are:
 * rows of two scales cannot be judged together.
 */
export const crossFitProbabilities = (
  slice: ScoredSlice,
  transactions: readonly Pick<Transaction, 'id' | 'entities'>[],
  asItIs: Platt,
): Float64Array => {
  const halves = halvesOf(transactions);
  const fitted = [1, 0].map((other) => plattOf(slice, (row) => halves[row] === other));
  const scales = fitted.includes(null) ? [asItIs, asItIs] : fitted;
  return slice.scores.map((score, row) => plattProbability(scales[halves[row]!]!, score));
};

/** 0 or 1 of each transaction; one without entities is an entity of its own. */
const halvesOf = (transactions: readonly Pick<Transaction, 'id' | 'entities'>[]): Uint8Array => {
  const random = createRandom(0);
  const halves = new Map<string, number>();
  return Uint8Array.from(transactions, ({ id, entities: [primary = id] }) => {
    const half = halves.get(primary) ?? random.fork(primary).integer(2);
    halves.set(primary, half);
    return half;
  });
};

/** Null where frauds are too few, or all there is. */
const plattOf = ({ scores, labels }: ScoredSlice, isAsked: (row: number) => boolean): Platt | null => {
  const rows = [...labels.keys()].filter((row) => labels[row]! >= 0 && isAsked(row));
  const frauds = rows.filter((row) => labels[row] === 1).length;
  if (frauds < FRAUDS_MIN || frauds === rows.length) return null;
  return fitPlatt(
    Float64Array.from(rows, (row) => scores[row]!),
    Uint8Array.from(rows, (row) => labels[row]!),
  );
};
