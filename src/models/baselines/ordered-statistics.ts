import type { FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import { shuffledIndices } from '../fit-rows.js';
import {
  averageLevel,
  columnBins,
  columnValues,
  edgesBelow,
  levelBins,
  levelCounts,
  MISSING_BIN,
  quantileEdges,
  type ColumnBins,
} from './column-bins.js';
import { countFrauds } from './labelled-rows.js';

/** Weight of the share of fraud of all rows in a level's own. */
const PRIOR_WEIGHT = 1;

const share = (frauds: number, rows: number, prior: number): number => (frauds + PRIOR_WEIGHT * prior) / (rows + PRIOR_WEIGHT);

/** Half of what a byte holds, as CatBoost does on GPUs: more cost time and change little. */
const EDGES_MAX = 127;

/** Columns of at most so many levels keep them apart: a statistic would throw away which level it was. */
const LEVELS_APART_MAX = 16;

/** Bins for serving; for training, those of the categorical columns in each of several random orders. */
export interface OrderedColumns {
  readonly bins: ColumnBins;
  readonly binCounts: Int32Array;
  /** True for a column whose bins are levels, in no order. */
  readonly isLevel: readonly boolean[];
  /** By column: a bin per row for each order; empty for columns without statistics. */
  readonly orders: readonly (readonly Uint8Array[])[];
}

export const orderedColumns = (
  features: FeatureMatrix,
  labels: Uint8Array,
  permutations: number,
  random: Random,
): OrderedColumns => {
  const prior = countFrauds(labels) / labels.length;
  const parts = features.columns.map(({ kind, levels }, c) => {
    if (kind === 'numeric') {
      const edges = quantileEdges(columnValues(features, c), EDGES_MAX);
      return { table: edges, binCount: edges.length + 2, isLevel: false, orders: [] };
    }
    if (levels.length <= LEVELS_APART_MAX) {
      const table = levelBins(levelCounts(features, c, labels));
      return { table, binCount: levels.length + 1, isLevel: true, orders: [] };
    }
    return orderedColumn(features, c, labels, prior, permutations, random.fork(`column ${c}`));
  });
  return {
    bins: columnBins(
      features.columns,
      parts.map(({ table }) => table),
    ),
    isLevel: parts.map(({ isLevel }) => isLevel),
    binCounts: Int32Array.from(parts, ({ binCount }) => binCount),
    orders: parts.map(({ orders }) => orders),
  };
};

const orderedColumn = (
  features: FeatureMatrix,
  column: number,
  labels: Uint8Array,
  prior: number,
  permutations: number,
  random: Random,
) => {
  const shares = Array.from({ length: permutations }, () => orderedShares(features, column, labels, prior, random));
  const edges = Float64Array.from(quantileEdges(shares[0]!, EDGES_MAX));
  const binOf = (value: number): number => (Number.isNaN(value) ? MISSING_BIN : 1 + edgesBelow(edges, 0, edges.length, value));
  const counts = levelCounts(features, column, labels);
  // Served levels count as their share over all rows; an unseen one as the level nearest to all rows' share.
  const table = Array.from(counts.rows.subarray(0, -1), (n, level) => binOf(share(counts.frauds[level]!, n, prior)));
  const average = averageLevel(counts);
  return {
    table: [...table, average < 0 ? MISSING_BIN : table[average]!],
    binCount: edges.length + 2,
    isLevel: false,
    orders: shares.map((of) => Uint8Array.from(of, binOf)),
  };
};

/**
 * Ordered target statistics (Prokhorenkova et al. 2018, CatBoost): each row's level as the share of fraud among the rows
 * before it in a random order. A row's own label is no part of it, so that a rare level does not give its label away.
 * Missing cells stay NaN.
 */
export const orderedShares = (
  { columns, values, rowCount }: FeatureMatrix,
  column: number,
  labels: Uint8Array,
  prior: number,
  random: Random,
): Float32Array => {
  const { length: unseen } = columns[column]!.levels;
  const rows = new Float64Array(unseen + 1);
  const frauds = new Float64Array(unseen + 1);
  const shares = new Float32Array(rowCount);
  for (const r of shuffledIndices(rowCount, random)) {
    const cell = values[r * columns.length + column]!;
    const level = Math.min(cell, unseen);
    shares[r] = Number.isNaN(cell) ? NaN : share(frauds[level]!, rows[level]!, prior);
    if (Number.isNaN(cell)) continue;
    rows[level]! += 1;
    frauds[level]! += labels[r]!;
  }
  return shares;
};
