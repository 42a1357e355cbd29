import { type ColumnEncoder, type EncodedRows, loadEncoder, saveEncoder } from './column-encoder.js';
import type { Artifact } from './artifact.js';
import { arrayOf } from './density/density-model.js';

/**
 * Squared distances from a row to stored rows: the sum of squared differences of standardised z over numeric columns, plus a
 * constant for each cell whose outcome differs. Two random rows differ by 2 in a standardised numeric column on average,
 * hence the constants: 2 for other levels of a category, 1 where a number is missing (its z counts as the mean, which is
 * 1 away on average). Cost: stored rows x columns; no allocation per row.
 */
export interface RowDistances {
  readonly storedCount: number;
  /** Fills `into` with the squared distances to every stored row. */
  squared(rows: EncodedRows, row: number, into: Float64Array): void;
  /** Stored row `i` against all stored rows. */
  squaredAmong(i: number, into: Float64Array): void;
  save(): Pick<Artifact, 'meta' | 'arrays'>;
}

const MISMATCH = { numeric: 1, categorical: 2 } as const;

/** Standard deviation of each numeric column's z over the rows; 1 for columns without variation. */
const spreads = ({ columns }: ColumnEncoder, { z, width, rowCount }: EncodedRows): Float64Array =>
  Float64Array.from(columns, ({ map }, c) => {
    if (!map) return 1;
    let sum = 0;
    for (let r = 0; r < rowCount; r += 1) sum += z[r * width + c]!;
    const mean = sum / rowCount;
    let square = 0;
    for (let r = 0; r < rowCount; r += 1) square += (z[r * width + c]! - mean) ** 2;
    const sd = Math.sqrt(square / rowCount);
    return sd > 1e-12 ? sd : 1;
  });

/** The columns in which stored rows differ, each kind in a block of its own: the others add the same to every distance. */
interface Blocks {
  readonly numeric: readonly number[];
  readonly discrete: readonly number[];
}

const varyingBlocks = ({ columns }: ColumnEncoder, { z, outcomes, width, rowCount }: EncodedRows): Blocks => {
  const varies = (values: ArrayLike<number>, c: number): boolean => {
    for (let r = 1; r < rowCount; r += 1) if (values[r * width + c] !== values[c]) return true;
    return false;
  };
  const all = [...columns.keys()];
  return { numeric: all.filter((c) => varies(z, c)), discrete: all.filter((c) => varies(outcomes, c)) };
};

/** @param stored at least one row */
export const rowDistances = (
  encoder: ColumnEncoder,
  stored: EncodedRows,
  scales: Float64Array = spreads(encoder, stored),
): RowDistances => {
  const { width, rowCount } = stored;
  const { numeric, discrete } = varyingBlocks(encoder, stored);
  const weights = encoder.columns.map(({ column }) => MISMATCH[column.kind]);
  const [size, kinds] = [numeric.length, discrete.length];
  const storedZ = Float64Array.from({ length: rowCount * size }, (_, at) => {
    const c = numeric[at % size]!;
    return stored.z[Math.floor(at / size) * width + c]! / scales[c]!;
  });
  const storedOutcomes = Uint16Array.from(
    { length: rowCount * kinds },
    (_, at) => stored.outcomes[Math.floor(at / kinds) * width + discrete[at % kinds]!]!,
  );
  const ownZ = new Float64Array(size);
  const ownOutcomes = new Uint16Array(kinds);
  const fixedNumeric = [...encoder.columns.keys()].filter((c) => !numeric.includes(c));
  const fixedDiscrete = [...encoder.columns.keys()].filter((c) => !discrete.includes(c));

  const squared = (rows: EncodedRows, row: number, into: Float64Array): void => {
    const start = row * width;
    let same = 0;
    for (const c of fixedNumeric) same += ((rows.z[start + c]! - stored.z[c]!) / scales[c]!) ** 2;
    for (const c of fixedDiscrete) if (rows.outcomes[start + c] !== stored.outcomes[c]) same += weights[c]!;
    numeric.forEach((c, d) => (ownZ[d] = rows.z[start + c]! / scales[c]!));
    discrete.forEach((c, d) => (ownOutcomes[d] = rows.outcomes[start + c]!));
    for (let i = 0, at = 0, outcomeAt = 0; i < rowCount; i += 1) {
      let sum = same;
      for (let d = 0; d < size; d += 1, at += 1) {
        const difference = ownZ[d]! - storedZ[at]!;
        sum += difference * difference;
      }
      for (let d = 0; d < kinds; d += 1, outcomeAt += 1)
        if (ownOutcomes[d] !== storedOutcomes[outcomeAt]) sum += weights[discrete[d]!]!;
      into[i] = sum;
    }
  };
  return {
    storedCount: rowCount,
    squared,
    squaredAmong: (i, into) => squared(stored, i, into),
    save: () => {
      const { meta: columns, values } = saveEncoder(encoder);
      const { outcomes, z } = stored;
      return {
        meta: { columns, storedCount: rowCount },
        arrays: { columns: values, scales, outcomes: Float64Array.from(outcomes), z },
      };
    },
  };
};

/** Inverse of `save`. */
export const loadRowDistances = (artifact: Artifact): { encoder: ColumnEncoder; distances: RowDistances } => {
  const encoder = loadEncoder(artifact);
  const array = (name: string): Float64Array => Float64Array.from(arrayOf(artifact, name));
  const stored: EncodedRows = {
    rowCount: artifact.meta['storedCount'] as number,
    width: encoder.columns.length,
    outcomes: Uint16Array.from(arrayOf(artifact, 'outcomes')),
    z: array('z'),
  };
  return { encoder, distances: rowDistances(encoder, stored, array('scales')) };
};
