import type { FeatureColumn, FeatureMatrix } from '../domain/feature-matrix.js';
import type { Random } from '../domain/random.js';
import type { RowSource } from './synthetic-rows.js';

/** What real rows have in a column. */
export interface ColumnSupport {
  readonly column: FeatureColumn;
  /** Of the finite values; Infinity and -Infinity where there is none. */
  readonly low: number;
  readonly high: number;
  /** Whether rows pile up at that end: "none so far" is 0, and a model that knows no such floor draws below it. */
  readonly endsLow: boolean;
  readonly endsHigh: boolean;
  readonly mayMiss: boolean;
  /** Every value is a whole number. */
  readonly isInteger: boolean;
  /** The values, rising, of a categorical column or where there are few; null: any within the range. */
  readonly values: Float32Array | null;
}

/** A numeric column with at most so many values, each of ten rows or more on average, has no others. */
const VALUES_MAX = 20;
const ROWS_PER_VALUE = 10;
/** Share of the rows at an end that makes it a floor or a ceiling: what is drawn beyond it is put there. */
const END_SHARE = 0.01;

/** @param rows real ones of both classes: what may be at all, of which the generated class is a part */
export const supportsOf = ({ columns, rowCount, values }: FeatureMatrix): readonly ColumnSupport[] =>
  columns.map((column, c) => {
    const isCategorical = column.kind === 'categorical';
    const distinct = new Set<number>();
    let [low, high, missing, isInteger] = [Infinity, -Infinity, 0, true];
    let [atLow, atHigh] = [0, 0];
    for (let r = 0; r < rowCount; r += 1) {
      const value = values[r * columns.length + c]!;
      if (!Number.isFinite(value)) {
        missing += 1;
        continue;
      }
      atLow = value < low ? 1 : atLow + Number(value === low);
      atHigh = value > high ? 1 : atHigh + Number(value === high);
      low = Math.min(low, value);
      high = Math.max(high, value);
      isInteger &&= Number.isInteger(value);
      if (isCategorical || distinct.size <= VALUES_MAX) distinct.add(value);
    }
    const isFew = distinct.size <= VALUES_MAX && distinct.size * ROWS_PER_VALUE <= rowCount - missing;
    const known = isCategorical || isFew ? Float32Array.from(distinct).sort() : null;
    const isEnd = (rows: number): boolean => rows > 1 && rows >= END_SHARE * (rowCount - missing);
    const ends = { endsLow: isEnd(atLow), endsHigh: isEnd(atHigh) };
    return { column, low, high, ...ends, mayMiss: missing > 0, isInteger, values: known };
  });

const nearest = (values: Float32Array, value: number): number =>
  values.reduce((best, each) => (Math.abs(each - value) < Math.abs(best - value) ? each : best), values[0] ?? NaN);

/**
 * A generated cell as the column could hold it: a whole number where the column has only those, the nearest value where it has
 * few, the end where it has one. NaN is a missing cell; null means that no real row has anything like it.
 */
export const controlledCell = (support: ColumnSupport, cell: number): number | null => {
  const { column, low, high, values } = support;
  if (Number.isNaN(cell)) return support.mayMiss ? NaN : null;
  if (column.kind === 'categorical') return values!.includes(cell) ? cell : null;
  const whole = support.isInteger ? Math.round(cell) : cell;
  if (whole < low) return support.endsLow ? low : null;
  if (whole > high) return support.endsHigh ? high : null;
  return values ? nearest(values, whole) : whole;
};

export interface ControlledRows {
  readonly rows: FeatureMatrix;
  readonly rejectedShare: number;
  /** The column that cost the most rows, and its share of the drawn ones; null: none was rejected. */
  readonly worst: { readonly column: string; readonly share: number } | null;
}

/** Draws are given up at so many for each row wanted. */
const DRAWS_MAX = 5;

/** n rows that passed control, or fewer where most are rejected. */
export const drawControlled = (
  source: RowSource,
  n: number,
  supports: readonly ColumnSupport[],
  random: Random,
): ControlledRows => {
  const width = supports.length;
  const values = new Float32Array(n * width);
  const failures = new Uint32Array(width);
  let [kept, drawn] = [0, 0];
  while (kept < n && drawn < DRAWS_MAX * n) {
    const some = source(Math.min(n, DRAWS_MAX * n - drawn), random);
    for (let r = 0; r < some.rowCount && kept < n; r += 1) {
      drawn += 1;
      const wrong = supports.findIndex((support, c) => {
        const cell = controlledCell(support, some.values[r * width + c]!);
        if (cell !== null) values[kept * width + c] = cell;
        return cell === null;
      });
      if (wrong < 0) kept += 1;
      else failures[wrong]! += 1;
    }
  }
  const most = failures.indexOf(Math.max(...failures));
  return {
    rows: { columns: supports.map(({ column }) => column), rowCount: kept, values: values.slice(0, kept * width) },
    rejectedShare: drawn === 0 ? 0 : 1 - kept / drawn,
    worst: kept === drawn ? null : { column: supports[most]!.column.name, share: failures[most]! / drawn },
  };
};
