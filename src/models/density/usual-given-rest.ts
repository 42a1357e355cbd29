import type { FeatureMatrix } from '../../domain/feature-matrix.js';
import { type ColumnEncoder, type EncodedColumn, encodeRows, type EncodedRows, openOutcome } from '../column-encoder.js';
import { transform } from '../column-transform.js';
import { blankLike, scoreInChunks } from '../conditional.js';
import type { UsualValues } from '../detector.js';
import { mixedQuantile, USUAL_QUANTILES } from './mixed-quantile.js';

/** Where z is looked at first: close where columns have most of their mass, and as far as `asinh` columns reach. */
const COARSE = Float64Array.from(
  [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.5, 4, 5, 6, 8, 10, 14, 20].flatMap((z) =>
    z === 0 ? [0] : [-z, z],
  ),
).sort();
/** Points of the second look, over the stretch that holds nearly all the mass. */
const FINE_POINTS = 32;
const OUTSIDE = 0.005;
/** Rows whose candidates are scored together. */
const ROWS_AT_ONCE = 64;

/** A density known at points: its mass (log) and its cumulative distribution, by the trapezoid rule. */
interface Grid {
  readonly points: Float64Array;
  readonly cumulative: Float64Array;
  readonly logMass: number;
}

const gridOf = (points: Float64Array, logDensities: Float64Array): Grid => {
  const top = logDensities.reduce((most, value) => Math.max(most, value), -Infinity);
  const heights = logDensities.map((value) => (top === -Infinity ? 1 : Math.exp(value - top)));
  const cumulative = new Float64Array(points.length);
  for (let i = 1; i < points.length; i += 1)
    cumulative[i] = cumulative[i - 1]! + 0.5 * (heights[i]! + heights[i - 1]!) * (points[i]! - points[i - 1]!);
  const total = cumulative[points.length - 1]!;
  return { points, cumulative: cumulative.map((sum) => sum / total), logMass: Math.log(total) + (top === -Infinity ? 0 : top) };
};

const cumulativeAt = ({ points, cumulative }: Grid, z: number): number => {
  const above = points.findIndex((point) => point >= z);
  if (above < 0) return 1;
  if (above === 0) return 0;
  const share = (z - points[above - 1]!) / (points[above]! - points[above - 1]!);
  return cumulative[above - 1]! + share * (cumulative[above]! - cumulative[above - 1]!);
};

/** Between the outermost points of a grid that have any mass to speak of, one cell more on both sides. */
const finePoints = ({ points, cumulative }: Grid): Float64Array => {
  const low = points[Math.max(0, cumulative.findIndex((sum) => sum > OUTSIDE) - 1)]!;
  const high = points[cumulative.findIndex((sum) => sum >= 1 - OUTSIDE)]!;
  return Float64Array.from({ length: FINE_POINTS }, (_, i) => low + ((high - low) * i) / (FINE_POINTS - 1));
};

/** The cells that a column is tried with: outcomes that have no z of their own, and points of the open one. */
interface Candidates {
  readonly row: number;
  readonly index: number;
  readonly column: EncodedColumn;
  readonly outcomes: readonly number[];
  readonly points: Float64Array;
}

/** log p of every candidate, the rest of its row as it is; one batch. */
const scoreCandidates = (
  rows: EncodedRows,
  all: readonly Candidates[],
  score: (rows: EncodedRows) => Float64Array,
): Float64Array[] => {
  const tried = blankLike(
    rows,
    all.reduce((sum, { outcomes, points }) => sum + outcomes.length + points.length, 0),
  );
  const { width } = rows;
  let at = 0;
  for (const { row, index, column, outcomes, points } of all)
    for (let i = 0; i < outcomes.length + points.length; i += 1, at += 1) {
      tried.outcomes.set(rows.outcomes.subarray(row * width, (row + 1) * width), at * width);
      tried.z.set(rows.z.subarray(row * width, (row + 1) * width), at * width);
      const outcome = outcomes[i] ?? openOutcome(column);
      const atom = column.map && outcome < column.atoms.length ? transform(column.map, column.atoms[outcome]!) : 0;
      tried.outcomes[at * width + index] = outcome;
      tried.z[at * width + index] = i < outcomes.length ? atom : points[i - outcomes.length]!;
    }
  const scores = scoreInChunks(score, tried);
  at = 0;
  return all.map(({ outcomes, points }) => {
    const part = scores.subarray(at, (at += outcomes.length + points.length));
    return part.map((value) => -value);
  });
};

const candidatesOf = (encoder: ColumnEncoder, row: number): Candidates[] =>
  encoder.columns.flatMap((column, index) => {
    if (column.apart) return [];
    const open = openOutcome(column);
    const outcomes = column.seen.filter((outcome) => outcome < open);
    const points = column.map && column.counts[open]! > 0 ? COARSE : new Float64Array(0);
    return [{ row, index, column, outcomes, points }];
  });

/** The most usual level of a categorical column, or the quantiles of a numeric one. */
const usualOf = (
  { column, outcomes, points }: Candidates,
  logProbs: Float64Array,
): { low: number; median: number; high: number } => {
  if (!column.map) {
    const best = outcomes.reduce((most, _, i) => (logProbs[i]! > logProbs[most]! ? i : most), 0);
    return { low: NaN, median: outcomes[best] ?? NaN, high: NaN };
  }
  const grid = points.length > 0 ? gridOf(points, logProbs.subarray(outcomes.length)) : null;
  const open = openOutcome(column);
  const top = logProbs.reduce((most, value) => Math.max(most, value), grid?.logMass ?? -Infinity);
  const logOutcome = (outcome: number): number =>
    (outcome === open ? (grid?.logMass ?? -Infinity) : (logProbs[outcomes.indexOf(outcome)] ?? -Infinity)) - top;
  const quantile = (share: number): number =>
    mixedQuantile(column, logOutcome, (z) => (grid ? cumulativeAt(grid, z) : z < 0 ? 0 : 1), share);
  return { low: quantile(USUAL_QUANTILES.low), median: quantile(USUAL_QUANTILES.median), high: quantile(USUAL_QUANTILES.high) };
};

/**
 * What is usual for each cell given the rest of its row, for any model that scores rows: p(cell | rest) is p(row) normalised
 * over the column's outcomes and a grid of z, coarse first, then fine where the mass is. Columns set apart have none.
 * Cost: about 75 scores a column and row, in two batches.
 *
 * @param score -log p in outcome and z, up to a constant
 */
export const usualGivenRest = (
  encoder: ColumnEncoder,
  score: (rows: EncodedRows) => Float64Array,
  features: FeatureMatrix,
): UsualValues => {
  const blank = (): Float64Array => new Float64Array(features.values.length).fill(NaN);
  const usual = { low: blank(), median: blank(), high: blank() };
  const width = encoder.columns.length;
  for (let from = 0; from < features.rowCount; from += ROWS_AT_ONCE) {
    const rows = encodeRows(encoder, features, from, Math.min(features.rowCount, from + ROWS_AT_ONCE));
    const coarse = Array.from({ length: rows.rowCount }, (_, r) => candidatesOf(encoder, r)).flat();
    const first = scoreCandidates(rows, coarse, score);
    const fine = coarse.map((each, i) => {
      if (each.points.length === 0) return { ...each, outcomes: [] };
      const grid = gridOf(each.points, first[i]!.subarray(each.outcomes.length));
      return { ...each, outcomes: [], points: finePoints(grid) };
    });
    const second = scoreCandidates(rows, fine, score);
    coarse.forEach((each, i) => {
      const points = fine[i]!.points;
      const logProbs = Float64Array.from([...first[i]!.subarray(0, each.outcomes.length), ...second[i]!]);
      const found = usualOf({ ...each, points }, logProbs);
      for (const name of ['low', 'median', 'high'] as const) usual[name][(from + each.row) * width + each.index] = found[name];
    });
  }
  return usual;
};
