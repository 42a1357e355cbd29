import type { FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, encodeRows, type EncodedColumn, fitEncoder, openOutcome } from '../column-encoder.js';
import { type JointLayout, jointLayout, oneHotCells } from '../density/joint-layout.js';
import { limitRows } from '../fit-rows.js';

/** Rows by which the columns' transforms are chosen. */
const ENCODER_ROWS = 50_000;

/**
 * How a row enters a discriminative model that wants numbers: per numeric column its normal quantile z (0 where missing), then
 * per categorical column and per column with missing cells one-hots of the outcomes that training met. Categorical columns
 * with more than 50 levels and columns without variation do not enter.
 */
export interface RowInputs {
  readonly encoder: ColumnEncoder;
  readonly layout: JointLayout;
  readonly width: number;
  /** The column behind each input. */
  readonly columnOf: Int32Array;
}

export const rowInputs = (encoder: ColumnEncoder): RowInputs => {
  const layout = jointLayout(encoder);
  const oneHots = layout.discrete.flatMap(({ index, count }) => Array<number>(count).fill(index));
  const columnOf = Int32Array.from([...layout.dimensions, ...oneHots]);
  return { encoder, layout, width: columnOf.length, columnOf };
};

export const fitRowInputs = (features: FeatureMatrix, random: Random): RowInputs =>
  rowInputs(fitEncoder(limitRows(features, ENCODER_ROWS, random), { transform: 'quantile-normal', atoms: false }));

/**
 * What training never met counts as the rarest outcome that it did meet: a model says nothing of an input that it has no
 * weight for. A missing cell of a numeric column that was never missing has no one-hot and counts as the median.
 */
const knownOutcome = (column: EncodedColumn, outcome: number): number => {
  if (column.map || column.counts[outcome]! > 0) return outcome;
  const levels = column.seen.filter((each) => each < openOutcome(column));
  return (levels.length > 0 ? levels : column.seen).reduce((a, b) => (column.counts[b]! < column.counts[a]! ? b : a));
};

/**
 * Inputs of the rows from..to, rows x width. A number beyond those of training counts as the nearest of them: a model that
 * learned a border says nothing beyond its data, yet unbounded it would extrapolate, which is a way to evade.
 */
export const inputsOf = ({ encoder, layout, width }: RowInputs, features: FeatureMatrix, from: number, to: number): Float32Array => {
  const rows = encodeRows(encoder, features, from, to);
  const inputs = new Float32Array(rows.rowCount * width);
  layout.dimensions.forEach((c, i) => {
    const { map, counts } = encoder.columns[c]!;
    const [least, greatest] = [map!.z[0]!, map!.z.at(-1)!];
    for (let r = 0; r < rows.rowCount; r += 1) {
      const at = r * rows.width + c;
      if (rows.outcomes[at] !== counts.length - 1) inputs[r * width + i] = Math.min(Math.max(rows.z[at]!, least), greatest);
    }
  });
  for (const { index } of layout.discrete)
    for (let at = index; at < rows.outcomes.length; at += rows.width)
      rows.outcomes[at] = knownOutcome(encoder.columns[index]!, rows.outcomes[at]!);
  const oneHots = oneHotCells(layout, rows, Uint32Array.from({ length: rows.rowCount }, (_, r) => r));
  const first = layout.dimensions.length;
  for (let r = 0; r < rows.rowCount; r += 1)
    inputs.set(oneHots.subarray(r * layout.oneHots, (r + 1) * layout.oneHots), r * width + first);
  return inputs;
};
