import type { FeatureColumn, FeatureMatrix } from '../domain/feature-matrix.js';
import type { Artifact } from './artifact.js';
import { fitTransform, logSlope, transform, transformOf, type ColumnTransform, type TransformKind } from './column-transform.js';

/**
 * What a density model sees of a table.
 *
 * Every cell is first a discrete *outcome*, then, for the one outcome that is open, a real number z:
 *   numeric      0..A-1 its atoms · A = open: continuous, has a z · A+1 = missing
 *   categorical  0..L-1 its levels · L = open: unseen by training · L+1 = missing
 * so p(cell) = P(outcome) x [numeric and open] p(z) dz/dx: exact for mixed columns, no dequantisation (models.md 1.2).
 * Outcomes that training never saw have probability 0.5 / (n + 0.5 u) each, u being their number: a model spreads only
 * the rest over the seen ones. So a new level is at least as surprising as a level seen once.
 *
 * Coordinates (the one place where this is said): a density's `score` is -log p in outcome and z, which does not depend
 * on the units of a column; `logProb` adds the sum of log(dz/dx) and is the density in the columns' own units.
 *
 * Columns without variation and categorical columns with more than 50 levels are set *apart*: independent of the
 * others, with smoothed frequencies, and z ~ N(0, 1) for a value that a constant column never had.
 */
export interface EncodedColumn {
  readonly column: FeatureColumn;
  readonly apart: boolean;
  /** Sorted; empty for categorical columns. */
  readonly atoms: Float64Array;
  /** Rows of training per outcome. */
  readonly counts: Float64Array;
  /** log of the share of probability that the seen outcomes have together. */
  readonly logSeen: number;
  /** log P of each outcome that training never saw. */
  readonly logUnseen: number;
  /** Outcomes that training saw, ascending. */
  readonly seen: readonly number[];
  /** log P(outcome) where only frequencies count, by outcome. */
  readonly logFrequencies: Float64Array;
  /** Only numeric columns. */
  readonly map?: ColumnTransform;
}

export interface ColumnEncoder {
  readonly columns: readonly EncodedColumn[];
}

/** Rows as outcomes and z, row-major (rows x columns). z is 0 for missing cells and categorical columns. */
export interface EncodedRows {
  readonly rowCount: number;
  readonly width: number;
  readonly outcomes: Uint16Array;
  readonly z: Float64Array;
}

export interface EncoderOptions {
  readonly transform: TransformKind;
  /** Whether values of a numeric column that carry much mass become outcomes of their own. */
  readonly atoms: boolean;
}

const LEVELS_MAX = 50;
const DISTINCT_MAX = 20;
const ATOM_SHARE = 0.02;
const ATOM_ROWS_MIN = 5;
const UNSEEN_COUNT = 0.5;
const FLOAT32_MAX = 3.4028234663852886e38;

/** Infinities enter as the largest float: as surprising as can be, and still a number. */
const finite = (value: number): number => Math.min(Math.max(value, -FLOAT32_MAX), FLOAT32_MAX);

/** The outcome that carries a z (numeric) or stands for levels unknown to training (categorical). */
export const openOutcome = (column: EncodedColumn): number => column.counts.length - 2;
export const isContinuous = (column: EncodedColumn, outcome: number): boolean =>
  column.map !== undefined && outcome === openOutcome(column);

const finish = (
  column: FeatureColumn,
  apart: boolean,
  atoms: Float64Array,
  counts: Float64Array,
  map?: ColumnTransform,
): EncodedColumn => {
  let rows = 0;
  for (const count of counts) rows += count;
  const seen = [...counts.keys()].filter((outcome) => counts[outcome]! > 0);
  const unseenMass = UNSEEN_COUNT * (counts.length - seen.length);
  const total = rows + unseenMass;
  const logFrequencies = counts.map((count) => Math.log((count > 0 ? count : UNSEEN_COUNT) / total));
  const logSeen = Math.log(rows / total);
  const plain = { column, apart, atoms, counts, logSeen, logUnseen: Math.log(UNSEEN_COUNT / total), seen, logFrequencies };
  return map ? { ...plain, map } : plain;
};

const chooseAtoms = (observed: Float64Array, wanted: boolean): Float64Array => {
  const counts = new Map<number, number>();
  for (const value of observed) counts.set(value, (counts.get(value) ?? 0) + 1);
  if (counts.size === 1) return Float64Array.from(counts.keys());
  if (!wanted) return new Float64Array(0);
  const few = counts.size <= DISTINCT_MAX;
  const enough = few ? ATOM_ROWS_MIN : Math.max(ATOM_ROWS_MIN, ATOM_SHARE * observed.length);
  return Float64Array.from([...counts].filter(([, count]) => count >= enough).map(([value]) => value)).sort();
};

const fitNumeric = (column: FeatureColumn, cells: Float64Array, options: EncoderOptions): EncodedColumn => {
  const observed = cells.filter((value) => !Number.isNaN(value)).map(finite);
  const atoms = chooseAtoms(observed, options.atoms);
  const known = new Set(atoms);
  const continuous = observed.filter((value) => !known.has(value));
  const basis = continuous.length > 0 ? continuous : observed.length > 0 ? observed : new Float64Array(1);
  const counts = new Float64Array(atoms.length + 2);
  for (const value of observed) counts[known.has(value) ? atoms.indexOf(value) : atoms.length]! += 1;
  counts[atoms.length + 1] = cells.length - observed.length;
  const constant = counts.filter((count) => count > 0).length === 1 && continuous.length === 0;
  return finish(column, constant, atoms, counts, fitTransform(options.transform, basis));
};

const categoricalOutcome = (levels: number, cell: number): number =>
  Number.isNaN(cell) ? levels + 1 : Number.isInteger(cell) && cell >= 0 && cell < levels ? cell : levels;

const fitCategorical = (column: FeatureColumn, cells: Float64Array): EncodedColumn => {
  const counts = new Float64Array(column.levels.length + 2);
  for (const cell of cells) counts[categoricalOutcome(column.levels.length, cell)]! += 1;
  const seenCount = counts.filter((count) => count > 0).length;
  return finish(column, seenCount < 2 || column.levels.length > LEVELS_MAX, new Float64Array(0), counts);
};

/** @throws TypeError when there is no row or no column to learn from */
export const fitEncoder = (features: FeatureMatrix, options: EncoderOptions): ColumnEncoder => {
  if (features.columns.length === 0) throw new TypeError('features have no columns; expected at least one');
  if (features.rowCount < 2) throw new TypeError(`features have ${features.rowCount} rows; expected at least 2 to fit a density`);
  const width = features.columns.length;
  const columns = features.columns.map((column, c) => {
    if (column.levels.length > 65000)
      throw new TypeError(`column "${column.name}" has ${column.levels.length} levels; at most 65000`);
    const cells = Float64Array.from({ length: features.rowCount }, (_, r) => features.values[r * width + c]!);
    return column.kind === 'numeric' ? fitNumeric(column, cells, options) : fitCategorical(column, cells);
  });
  return { columns };
};

/** @throws TypeError naming the first column that is not what the model was fitted on */
export const checkColumns = (encoder: ColumnEncoder, features: FeatureMatrix): void => {
  const { columns } = encoder;
  if (features.columns.length !== columns.length)
    throw new TypeError(`${features.columns.length} feature columns; the model was fitted on ${columns.length}`);
  columns.forEach(({ column }, c) => {
    const given = features.columns[c]!;
    if (given === column) return;
    if (given.name !== column.name || given.kind !== column.kind)
      throw new TypeError(`column ${c} is ${given.kind} "${given.name}"; the model expects ${column.kind} "${column.name}"`);
    if (given.levels.length !== column.levels.length || given.levels.some((level, i) => level !== column.levels[i]))
      throw new TypeError(`column "${column.name}" has other levels than those the model was fitted on`);
  });
};

/** Rows from..to (exclusive) of a matrix whose columns were checked. */
export const encodeRows = (
  { columns }: ColumnEncoder,
  features: FeatureMatrix,
  from = 0,
  to = features.rowCount,
): EncodedRows => {
  const width = columns.length;
  const rowCount = to - from;
  const outcomes = new Uint16Array(rowCount * width);
  const z = new Float64Array(rowCount * width);
  columns.forEach(({ column, atoms, map }, c) => {
    const atomIndex = new Map(Array.from(atoms, (value, i) => [value, i]));
    for (let r = 0; r < rowCount; r += 1) {
      const cell = features.values[(from + r) * width + c]!;
      const at = r * width + c;
      if (!map) outcomes[at] = categoricalOutcome(column.levels.length, cell);
      else if (Number.isNaN(cell)) outcomes[at] = atoms.length + 1;
      else {
        const value = finite(cell);
        outcomes[at] = atomIndex.get(value) ?? atoms.length;
        z[at] = transform(map, value);
      }
    }
  });
  return { rowCount, width, outcomes, z };
};

/** Sum of log(dz/dx) over the continuous cells of each row from..to: logProb = -score + this. */
export const logSlopes = ({ columns }: ColumnEncoder, features: FeatureMatrix, rows: EncodedRows, from: number): Float64Array => {
  const sums = new Float64Array(rows.rowCount);
  columns.forEach((column, c) => {
    if (!column.map) return;
    const open = openOutcome(column);
    for (let r = 0; r < rows.rowCount; r += 1)
      if (rows.outcomes[r * rows.width + c] === open)
        sums[r]! += logSlope(column.map, finite(features.values[(from + r) * rows.width + c]!));
  });
  return sums;
};

interface StoredColumn {
  readonly column: FeatureColumn;
  readonly apart: boolean;
  readonly atomCount: number;
  readonly knotCount: number;
  readonly kind: TransformKind | null;
}

/** For `Artifact.meta.columns` and `Artifact.arrays.columns`. */
export const saveEncoder = ({ columns }: ColumnEncoder): { meta: StoredColumn[]; values: Float64Array } => {
  const meta = columns.map(({ column, apart, atoms, map }) => ({
    column,
    apart,
    atomCount: atoms.length,
    knotCount: map?.values.length ?? 0,
    kind: map?.kind ?? null,
  }));
  const numbers = columns.flatMap(({ atoms, counts, map }) => [
    ...atoms,
    ...counts,
    ...(map ? [...map.values, ...map.z, map.center, map.scale, map.spread] : []),
  ]);
  return { meta, values: Float64Array.from(numbers) };
};

/** @throws Error when the artifact holds no columns */
export const loadEncoder = (artifact: Artifact): ColumnEncoder => {
  const numbers = artifact.arrays['columns'];
  if (!numbers) throw new Error(`the artifact of ${artifact.estimator} has no array "columns"`);
  let at = 0;
  const take = (count: number): Float64Array => {
    at += count;
    return Float64Array.from(numbers.subarray(at - count, at));
  };
  const columns = (artifact.meta['columns'] as StoredColumn[]).map(({ column, apart, atomCount, knotCount, kind }) => {
    const atoms = take(atomCount);
    const counts = take((kind === null ? column.levels.length : atomCount) + 2);
    if (kind === null) return finish(column, apart, atoms, counts);
    const [values, z] = [take(knotCount), take(knotCount)];
    const [center, scale, spread] = take(3) as unknown as [number, number, number];
    return finish(column, apart, atoms, counts, transformOf({ kind, values, z, center, scale, spread }));
  });
  return { columns };
};
