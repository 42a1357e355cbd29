import type { FeatureMatrix } from '../domain/feature-matrix.js';
import type { Random } from '../domain/random.js';
import { encodeRows, fitEncoder } from '../models/column-encoder.js';
import { limitRows } from '../models/fit-rows.js';
import { rowDistances } from '../models/row-distances.js';

/** Whether generated rows are copies of the real ones, and whether they are as various. */
export interface SyntheticQuality {
  /** Share that equals a real row in every cell. */
  readonly copies: number;
  /** Share that lies nearer to its nearest real row than that one lies to the nearest other real row. */
  readonly nearer: number;
  /** The same of real rows, each against the others: what new real rows would have, so `nearer` well above it is memorising. */
  readonly nearerOfReal: number;
  /**
   * Coverage (Naeem et al. 2020): share of the real rows that have a generated one within the ball of their fifth nearest real
   * neighbour. 1 - Π (n - j) / (m + n - j), j = 1..5, is expected of new real rows; far less means collapsed modes.
   */
  readonly coverage: number;
  readonly coverageExpected: number;
}

/** Distances are all to all: this bounds them to a few seconds. */
const ROWS_MAX = 1000;
const BALL_RANK = 5;

/**
 * @param real what the generator was fitted on; NaN figures with fewer than seven rows, or without generated ones
 */
export const syntheticQuality = (real: FeatureMatrix, generated: FeatureMatrix, random: Random): SyntheticQuality => {
  const known = limitRows(real, ROWS_MAX, random.fork('real'));
  const drawn = limitRows(generated, Math.min(ROWS_MAX, known.rowCount), random.fork('generated'));
  const [n, m] = [known.rowCount, drawn.rowCount];
  if (n < BALL_RANK + 2 || m === 0) return { copies: NaN, nearer: NaN, nearerOfReal: NaN, coverage: NaN, coverageExpected: NaN };
  const encoder = fitEncoder(known, { transform: 'asinh', atoms: false });
  const distances = rowDistances(encoder, encodeRows(encoder, known));
  const squared = new Float64Array(n);
  const among = Array.from({ length: n }, (_, i) => {
    distances.squaredAmong(i, squared);
    squared[i] = Infinity;
    return nearestTwo(squared);
  });
  const balls = Float64Array.from({ length: n }, (_, i) => {
    distances.squaredAmong(i, squared);
    squared[i] = Infinity;
    return squared.slice().sort()[BALL_RANK - 1]!;
  });
  const rows = encodeRows(encoder, drawn);
  const isCovered = new Uint8Array(n);
  let [copies, nearer] = [0, 0];
  for (let r = 0; r < m; r += 1) {
    distances.squared(rows, r, squared);
    const { row, distance } = nearestTwo(squared);
    if (distance === 0) copies += 1;
    if (distance < among[row]!.distance) nearer += 1;
    for (let i = 0; i < n; i += 1) if (squared[i]! <= balls[i]!) isCovered[i] = 1;
  }
  // Left out itself, a row's nearest other is judged by its own nearest among the rest.
  const nearerReal = among.filter(({ row, distance }, i) => {
    const of = among[row]!;
    return distance < (of.row === i ? of.second : of.distance);
  }).length;
  let uncovered = 1;
  for (let j = 1; j <= BALL_RANK; j += 1) uncovered *= (n - j) / (m + n - j);
  return {
    copies: copies / m,
    nearer: nearer / m,
    nearerOfReal: nearerReal / n,
    coverage: isCovered.reduce((sum, each) => sum + each, 0) / n,
    coverageExpected: 1 - uncovered,
  };
};

const nearestTwo = (squared: Float64Array): { row: number; distance: number; second: number } => {
  let [row, distance, second] = [0, Infinity, Infinity];
  squared.forEach((value, i) => {
    if (value < distance) [row, distance, second] = [i, value, distance];
    else if (value < second) second = value;
  });
  return { row, distance, second };
};
