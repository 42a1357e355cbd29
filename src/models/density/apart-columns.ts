import type { Random } from '../../domain/random.js';
import { inverseTransform } from '../column-transform.js';
import { isContinuous, openOutcome, type ColumnEncoder, type EncodedColumn, type EncodedRows } from '../column-encoder.js';
import { LOG_SQRT_2PI } from '../normal-distribution.js';

/** log N(z; 0, 1): what a continuous cell has where training saw no continuous value. */
export const logStandardNormal = (z: number): number => -0.5 * z * z - LOG_SQRT_2PI;

/** log p of a cell by the column's own frequencies, in outcome and z. */
export const apartLogProb = (column: EncodedColumn, outcome: number, z: number): number =>
  column.logFrequencies[outcome]! + (isContinuous(column, outcome) ? logStandardNormal(z) : 0);

/** The columns set apart, by index. */
export const apartColumns = ({ columns }: ColumnEncoder): number[] => [...columns.keys()].filter((c) => columns[c]!.apart);

/** -log p of the columns set apart, added to `terms` (rows x columns). */
export const addApartTerms = (encoder: ColumnEncoder, rows: EncodedRows, terms: Float64Array): void => {
  for (const c of apartColumns(encoder))
    for (let at = c; at < rows.z.length; at += rows.width)
      terms[at] = -apartLogProb(encoder.columns[c]!, rows.outcomes[at]!, rows.z[at]!);
};

/** A seen outcome of a column, drawn by its frequencies. */
export const drawFrequent = ({ seen, counts }: EncodedColumn, random: Random): number => {
  let total = 0;
  for (const outcome of seen) total += counts[outcome]!;
  let rest = random.uniform() * total;
  for (const outcome of seen) {
    rest -= counts[outcome]!;
    if (rest < 0) return outcome;
  }
  return seen[seen.length - 1]!;
};

/** The cell, in the column's own units, that an outcome and z stand for; NaN for missing. */
export const decodeCell = (column: EncodedColumn, outcome: number, z: number): number => {
  const open = openOutcome(column);
  if (outcome === open + 1) return NaN;
  if (!column.map) return outcome;
  return outcome < open ? column.atoms[outcome]! : inverseTransform(column.map, z);
};
