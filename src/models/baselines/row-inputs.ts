import { z } from 'zod';
import type { FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import type { Artifact } from '../artifact.js';
import {
  type ColumnEncoder,
  encodeRows,
  type EncodedColumn,
  fitEncoder,
  isContinuous,
  loadEncoder,
  openOutcome,
  saveEncoder,
} from '../column-encoder.js';
import type { TransformKind } from '../column-transform.js';
import { arrayOf } from '../density/density-model.js';
import { type JointLayout, jointLayout, oneHotCells } from '../density/joint-layout.js';
import { limitRows } from '../fit-rows.js';

/** Rows by which the columns' transforms are chosen. */
const ENCODER_ROWS = 50_000;

/**
 * How a row enters a discriminative model that wants numbers: per numeric column its z (0 where missing), then
 * per categorical column and per column with missing cells one-hots of the outcomes that training met. Categorical columns
 * with more than 50 levels and columns without variation do not enter.
 */
export interface RowInputs {
  readonly encoder: ColumnEncoder;
  readonly layout: JointLayout;
  readonly width: number;
  /** The column behind each input. */
  readonly columnOf: Int32Array;
  /** Least and greatest z that training saw, of each numeric column. */
  readonly ranges: Float64Array;
}

/** asinh, the default, tames heavy tails and keeps how far out a number is: a little better on later rows over normal quantiles on card payments. */
export const inputTransform = z.enum(['asinh', 'quantile-normal']).default('asinh');

const withRanges = (encoder: ColumnEncoder, ranges: Float64Array): RowInputs => {
  const layout = jointLayout(encoder);
  const oneHots = layout.discrete.flatMap(({ index, count }) => Array<number>(count).fill(index));
  const columnOf = Int32Array.from([...layout.dimensions, ...oneHots]);
  return { encoder, layout, width: columnOf.length, columnOf, ranges };
};

export const fitRowInputs = (features: FeatureMatrix, transform: TransformKind, random: Random): RowInputs => {
  const encoder = fitEncoder(limitRows(features, ENCODER_ROWS, random), { transform, atoms: false });
  const rows = encodeRows(encoder, features);
  const { dimensions } = jointLayout(encoder);
  const ranges = dimensions.flatMap((c) => {
    let [least, greatest] = [Infinity, -Infinity];
    for (let at = c; at < rows.z.length; at += rows.width)
      if (isContinuous(encoder.columns[c]!, rows.outcomes[at]!)) {
        least = Math.min(least, rows.z[at]!);
        greatest = Math.max(greatest, rows.z[at]!);
      }
    return [least, greatest];
  });
  return withRanges(encoder, Float64Array.from(ranges));
};

/** For an artifact's `meta` and `arrays`. */
export const saveRowInputs = ({ encoder, ranges }: RowInputs): Pick<Artifact, 'meta' | 'arrays'> => {
  const { meta, values } = saveEncoder(encoder);
  return { meta: { columns: meta }, arrays: { columns: values, ranges } };
};

export const loadRowInputs = (artifact: Artifact): RowInputs =>
  withRanges(loadEncoder(artifact), Float64Array.from(arrayOf(artifact, 'ranges')));

/**
 * What training never met counts as the rarest outcome that it did meet: a model says nothing of an input that it has no
 * weight for. A missing cell of a numeric column that was never missing has no one-hot and counts as 0.
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
export const inputsOf = (
  { encoder, layout, width, ranges }: RowInputs,
  features: FeatureMatrix,
  from: number,
  to: number,
): Float32Array => {
  const rows = encodeRows(encoder, features, from, to);
  const inputs = new Float32Array(rows.rowCount * width);
  layout.dimensions.forEach((c, i) => {
    const { counts } = encoder.columns[c]!;
    const [least, greatest] = [ranges[2 * i]!, ranges[2 * i + 1]!];
    for (let r = 0; r < rows.rowCount; r += 1) {
      const at = r * rows.width + c;
      if (rows.outcomes[at] !== counts.length - 1) inputs[r * width + i] = Math.min(Math.max(rows.z[at]!, least), greatest);
    }
  });
  for (const { index } of layout.discrete)
    for (let at = index; at < rows.outcomes.length; at += rows.width)
      rows.outcomes[at] = knownOutcome(encoder.columns[index]!, rows.outcomes[at]!);
  const oneHots = oneHotCells(
    layout,
    rows,
    Uint32Array.from({ length: rows.rowCount }, (_, r) => r),
  );
  const first = layout.dimensions.length;
  for (let r = 0; r < rows.rowCount; r += 1)
    inputs.set(oneHots.subarray(r * layout.oneHots, (r + 1) * layout.oneHots), r * width + first);
  return inputs;
};
