import { type FeatureMatrix, selectRows } from '../../domain/feature-matrix.js';
import { checkColumns, type ColumnEncoder, encodeRows, type EncodedRows } from '../column-encoder.js';
import type { LatentModel } from '../detector.js';
import { decodeCell } from './apart-columns.js';

/** What tells one latent model from another; few rows at a time, so that nothing is done in chunks. */
export interface LatentCore {
  readonly encoder: ColumnEncoder;
  readonly latentSize: number;
  /** A point per row. */
  encode(rows: EncodedRows): Float64Array;
  /** Rows from points; cells that the decoder says nothing about stay as `like` has them. */
  decode(points: Float64Array, like: EncodedRows): EncodedRows;
  /** -log p in outcome and z. */
  score(rows: EncodedRows): Float64Array;
}

const STEPS_MAX = 1000;

const cellsOf = ({ columns }: ColumnEncoder, rows: EncodedRows): FeatureMatrix => ({
  columns: columns.map(({ column }) => column),
  rowCount: rows.rowCount,
  values: Float32Array.from(rows.z, (z, at) => decodeCell(columns[at % rows.width]!, rows.outcomes[at]!, z)),
});

const repeated = (features: FeatureMatrix, count: number): FeatureMatrix => selectRows(features, new Uint32Array(count));

/**
 * Straight lines between latent points, where the density is simple, instead of between rows, where it is not. What the
 * decoder leaves open (a flow's outcomes, columns set apart) changes from one end's to the other's at the one step that makes
 * the whole path least surprising.
 */
export const latentMethods = (core: LatentCore): Omit<LatentModel, 'estimator' | 'score' | 'save'> => {
  const { encoder, latentSize } = core;
  const encoded = (features: FeatureMatrix): EncodedRows => {
    checkColumns(encoder, features);
    return encodeRows(encoder, features);
  };
  return {
    latentSize,
    encode: (features) => core.encode(encoded(features)),
    decode: (points, like) => cellsOf(encoder, core.decode(points, encoded(like))),
    interpolate(from, to, steps) {
      if (!Number.isInteger(steps) || steps < 2 || steps > STEPS_MAX)
        throw new RangeError(`${steps} steps; expected a whole number from 2 to ${STEPS_MAX}`);
      const [start, end] = [from, to].map((row) => core.encode(encoded(row))) as [Float64Array, Float64Array];
      const points = Float64Array.from({ length: steps * latentSize }, (_, at) => {
        const [step, d] = [Math.floor(at / latentSize), at % latentSize];
        const share = step / (steps - 1);
        return (1 - share) * start[d]! + share * end[d]!;
      });
      const [before, after] = [from, to].map((row) => core.decode(points, encoded(repeated(row, steps)))) as [
        EncodedRows,
        EncodedRows,
      ];
      const first = changeStep(core.score(before), core.score(after));
      const [starts, ends] = [cellsOf(encoder, before), cellsOf(encoder, after)];
      const cut = first * starts.columns.length;
      return { ...starts, values: starts.values.map((cell, at) => (at < cut ? cell : ends.values[at]!)) };
    },
  };
};

/** The first step of `after`, 1 or more, never beyond the last: both ends stay what they are. */
const changeStep = (before: Float64Array, after: Float64Array): number => {
  let [best, least, sum] = [1, 0, 0];
  for (let step = 1; step < before.length - 1; step += 1) {
    sum += before[step]! - after[step]!;
    if (sum < least) [best, least] = [step + 1, sum];
  }
  return best;
};
