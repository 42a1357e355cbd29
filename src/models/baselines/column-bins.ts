import type { FeatureColumn, FeatureMatrix } from '../../domain/feature-matrix.js';
import { blockRows, kernelMemory } from './kernel-memory.js';

/** Bin 0 holds missing cells. */
export const MISSING_BIN = 0;
/** With the bin of missing cells a bin fits into a byte. */
const BINS_MAX = 254;
/** Quantiles of more rows than these do not move the edges noticeably; LightGBM takes 200,000 as well. */
const ROWS_MAX = 200_000;

/**
 * How cells become bins. A numeric column has rising edges: its bin is 1 + the number of edges below the cell, so that
 * infinities fall into the outermost bins. A categorical column has a bin per level, and one for a level that training
 * did not know.
 */
export interface ColumnBins {
  readonly columns: readonly FeatureColumn[];
  /** The edges of numeric columns and the bins of levels, column after column. */
  readonly tables: Float64Array;
  /** Column c's part of `tables` begins at starts[c] and ends at starts[c + 1]. */
  readonly starts: Int32Array;
}

/** Bins of a matrix: row-major as it is scored, or column after column as trees are grown. */
export interface BinnedRows {
  readonly rowCount: number;
  readonly width: number;
  readonly cells: Uint8Array;
}

/** Edges halfway between neighbouring values, at most `edgesMax`, that part the rows evenly. */
export const quantileEdges = (values: Float32Array, edgesMax: number): number[] => {
  const sorted = values.filter((value) => Number.isFinite(value)).sort();
  const distinct: number[] = [];
  const counts: number[] = [];
  for (const value of sorted) {
    if (value === distinct.at(-1)) counts[counts.length - 1]! += 1;
    else {
      distinct.push(value);
      counts.push(1);
    }
  }
  const between = (i: number): number => (distinct[i]! + distinct[i + 1]!) / 2;
  if (distinct.length <= edgesMax + 1) return distinct.slice(1).map((_, i) => between(i));
  const edges: number[] = [];
  let [below, rest] = [0, sorted.length];
  for (let i = 0; i + 1 < distinct.length && edges.length < edgesMax; i += 1) {
    below += counts[i]!;
    // What a heavy value takes is shared out anew among the bins that are left.
    if (below * (edgesMax + 1 - edges.length) < rest) continue;
    edges.push(between(i));
    rest -= below;
    below = 0;
  }
  return edges;
};

export const columnValues = ({ columns, rowCount, values }: FeatureMatrix, column: number): Float32Array => {
  const step = Math.ceil(Math.max(rowCount, 1) / ROWS_MAX);
  const width = columns.length;
  return Float32Array.from({ length: Math.ceil(rowCount / step) }, (_, i) => values[i * step * width + column]!);
};

/** Rows and frauds of each level; the last place counts missing and unseen cells. */
export const levelCounts = (
  { columns, values, rowCount }: FeatureMatrix,
  column: number,
  labels: Uint8Array,
): { readonly rows: Float64Array; readonly frauds: Float64Array } => {
  const { length: unseen } = columns[column]!.levels;
  const rows = new Float64Array(unseen + 1);
  const frauds = new Float64Array(unseen + 1);
  for (let r = 0; r < rowCount; r += 1) {
    const cell = values[r * columns.length + column]!;
    const level = cell < unseen ? cell : unseen;
    rows[level]! += 1;
    frauds[level]! += labels[r]!;
  }
  return { rows, frauds };
};

/**
 * The known level that an unknown one is taken for: the one whose share of fraud is nearest to that of all rows, so that
 * a new level is neither suspicious nor a way to evade. -1: training knew no level.
 */
export const averageLevel = ({ rows, frauds }: ReturnType<typeof levelCounts>): number => {
  const known = rows.subarray(0, -1);
  const total = known.reduce((sum, n) => sum + n, 0);
  const prior = frauds.subarray(0, -1).reduce((sum, n) => sum + n, 0) / total;
  const distance = (level: number): number => Math.abs(frauds[level]! / rows[level]! - prior);
  let nearest = -1;
  known.forEach((n, level) => {
    if (n > 0 && (nearest < 0 || distance(level) < distance(nearest))) nearest = level;
  });
  return nearest;
};

/** A bin for each of the most frequent levels, one for all others. */
export const levelBins = (counts: ReturnType<typeof levelCounts>): number[] => {
  const levels = [...counts.rows.keys()].slice(0, -1).sort((a, b) => counts.rows[b]! - counts.rows[a]! || a - b);
  const bins = new Array<number>(levels.length).fill(MISSING_BIN);
  levels.forEach((level, rank) => {
    bins[level] = Math.min(rank + 1, BINS_MAX);
  });
  const average = averageLevel(counts);
  return [...bins, average < 0 ? MISSING_BIN : bins[average]!];
};

/** @param labels 0 or 1 per row */
export const fitBins = (features: FeatureMatrix, labels: Uint8Array): ColumnBins =>
  columnBins(
    features.columns,
    features.columns.map(({ kind }, c) =>
      kind === 'numeric' ? quantileEdges(columnValues(features, c), BINS_MAX - 1) : levelBins(levelCounts(features, c, labels)),
    ),
  );

export const columnBins = (columns: readonly FeatureColumn[], tables: readonly (readonly number[])[]): ColumnBins => {
  const starts = new Int32Array(columns.length + 1);
  tables.forEach((table, c) => {
    starts[c + 1] = starts[c]! + table.length;
  });
  return { columns, tables: Float64Array.from(tables.flat()), starts };
};

/** Number of edges below a value: binary search, about 8 steps. */
export const edgesBelow = (tables: Float64Array, from: number, to: number, value: number): number => {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tables[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low - from;
};

/** @throws TypeError naming the columns when they are others than the training's */
export const binRows = (bins: ColumnBins, features: FeatureMatrix, estimator: string): BinnedRows => {
  const { columns, starts } = bins;
  requireColumns(estimator, columns, features.columns);
  const { values, rowCount } = features;
  const width = columns.length;
  const cells = new Uint8Array(values.length);
  const memory = kernelMemory();
  const [edges] = memory.addressesOf(bins, ({ tables }) => [tables]);
  const step = blockRows(width);
  const [valuesAt, cellsAt] = memory.block(step * width * 4, step * width);
  for (let from = 0; from < rowCount; from += step) {
    const rows = Math.min(step, rowCount - from);
    const [start, end] = [from * width, (from + rows) * width];
    memory.write(valuesAt!, values.subarray(start, end));
    columns.forEach(({ kind }, c) => {
      const [first, count] = [edges! + 8 * starts[c]!, starts[c + 1]! - starts[c]!];
      if (kind === 'numeric') memory.kernels.binNumeric(valuesAt! + 4 * c, 4 * width, rows, first, count, cellsAt! + c, width);
    });
    cells.set(memory.bytes(cellsAt!, end - start), start);
    columns.forEach(({ kind }, c) => {
      if (kind === 'categorical') binLevels(bins, values, cells, c, start, end);
    });
  }
  return { rowCount, width, cells };
};

/** One categorical column of the rows whose cells lie between `start` and `end`. */
const binLevels = (
  { columns, tables, starts }: ColumnBins,
  values: Float32Array,
  cells: Uint8Array,
  column: number,
  start: number,
  end: number,
): void => {
  const [from, unseen] = [starts[column]!, starts[column + 1]! - 1];
  for (let at = start + column; at < end; at += columns.length) {
    const value = values[at]!;
    cells[at] = value !== value ? MISSING_BIN : tables[Math.min(from + value, unseen)]!;
  }
};

/** Number of bins of each column, the one of missing cells among them. */
export const binCounts = ({ columns, tables, starts }: ColumnBins): Int32Array =>
  Int32Array.from(columns, ({ kind }, c) =>
    kind === 'numeric'
      ? starts[c + 1]! - starts[c]! + 2
      : 1 + tables.subarray(starts[c], starts[c + 1]).reduce((a, b) => Math.max(a, b), 0),
  );

/** Column after column: what histograms read. */
export const byColumn = ({ cells, rowCount, width }: BinnedRows): Uint8Array => {
  const transposed = new Uint8Array(cells.length);
  for (let c = 0; c < width; c += 1)
    for (let r = 0, at = c; r < rowCount; r += 1, at += width) transposed[c * rowCount + r] = cells[at]!;
  return transposed;
};

const requireColumns = (estimator: string, expected: readonly FeatureColumn[], given: readonly FeatureColumn[]): void => {
  const names = (columns: readonly FeatureColumn[]): string => columns.map((c) => c.name).join(', ');
  // Comparing the arrays first: a served batch has the very columns of the feature set most of the time.
  if (expected !== given && names(expected) !== names(given))
    throw new TypeError(`${estimator}: the columns are ${names(given)}; it was fitted on ${names(expected)}`);
};
