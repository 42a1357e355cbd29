import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, type EncodedRows, isContinuous } from '../column-encoder.js';
import { addApartTerms, apartLogProb, drawFrequent } from './apart-columns.js';
import { blankRows, type JointLayout } from './joint-layout.js';

/** -log p of the outcomes, each column by its own frequencies, and of z where no dimension carries it. */
export const frequencyTerms = (encoder: ColumnEncoder, layout: JointLayout, rows: EncodedRows): Float64Array => {
  const values = new Float64Array(rows.z.length);
  addApartTerms(encoder, rows, values);
  const dimensions = new Set(layout.dimensions);
  for (const c of layout.columns) {
    const column = encoder.columns[c]!;
    for (let at = c; at < values.length; at += rows.width) {
      const outcome = rows.outcomes[at]!;
      values[at] = dimensions.has(c) ? -column.logFrequencies[outcome]! : -apartLogProb(column, outcome, rows.z[at]!);
    }
  }
  return values;
};

/** Rows with outcomes by the columns' own frequencies and standard normal z: where sampling starts. */
export const drawFrequentRows = (encoder: ColumnEncoder, layout: JointLayout, n: number, random: Random): EncodedRows => {
  const rows = blankRows(n, encoder.columns.length);
  for (let r = 0; r < n; r += 1)
    for (const c of layout.columns) {
      const outcome = drawFrequent(encoder.columns[c]!, random);
      rows.outcomes[r * rows.width + c] = outcome;
      if (isContinuous(encoder.columns[c]!, outcome)) rows.z[r * rows.width + c] = random.normal();
    }
  return rows;
};
