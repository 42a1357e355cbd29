import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, type EncodedRows, isContinuous, openOutcome } from '../column-encoder.js';

/** A column that enters as one-hot: where its seen outcomes lie. */
export interface DiscreteColumn {
  readonly index: number;
  readonly start: number;
  readonly count: number;
  /** Position of each outcome among the seen ones, -1 for unseen. */
  readonly seenPosition: Int32Array;
}

/** How columns enter networks that take continuous and discrete inputs apart (flow, VAE); columns set apart do not. */
export interface JointLayout {
  /** Columns with a z that training saw. */
  readonly dimensions: readonly number[];
  readonly discrete: readonly DiscreteColumn[];
  /** Width of all one-hots. */
  readonly oneHots: number;
  readonly columns: readonly number[];
}

export const jointLayout = ({ columns }: ColumnEncoder): JointLayout => {
  const joint = [...columns.keys()].filter((c) => !columns[c]!.apart);
  let oneHots = 0;
  const discrete = joint
    .filter((c) => columns[c]!.seen.length > 1)
    .map((index) => {
      const { seen, counts } = columns[index]!;
      const seenPosition = new Int32Array(counts.length).fill(-1);
      seen.forEach((outcome, i) => (seenPosition[outcome] = i));
      const start = oneHots;
      oneHots += seen.length;
      return { index, start, count: seen.length, seenPosition };
    });
  const dimensions = joint.filter((c) => columns[c]!.map && columns[c]!.counts[openOutcome(columns[c]!)]! > 0);
  return { dimensions, discrete, oneHots, columns: joint };
};

/** z of the chosen rows and 1 where there is one, each rows x dimensions; `noise` with standard deviation `sd` is added. */
export const continuousCells = (
  encoder: ColumnEncoder,
  { dimensions }: JointLayout,
  rows: EncodedRows,
  chosen: ArrayLike<number>,
  sd = 0,
  noise?: Random,
): { z: Float32Array; observed: Float32Array } => {
  const z = new Float32Array(chosen.length * dimensions.length);
  const observed = new Float32Array(z.length);
  for (let i = 0; i < chosen.length; i += 1)
    for (let d = 0; d < dimensions.length; d += 1) {
      const index = dimensions[d]!;
      const at = chosen[i]! * rows.width + index;
      if (!isContinuous(encoder.columns[index]!, rows.outcomes[at]!)) continue;
      z[i * dimensions.length + d] = rows.z[at]! + (noise ? sd * noise.normal() : 0);
      observed[i * dimensions.length + d] = 1;
    }
  return { z, observed };
};

/** Rows x one-hots; an unseen outcome is all zeros. */
export const oneHotCells = ({ discrete, oneHots }: JointLayout, rows: EncodedRows, chosen: ArrayLike<number>): Float32Array => {
  const values = new Float32Array(chosen.length * oneHots);
  for (const { index, start, seenPosition } of discrete)
    for (let i = 0; i < chosen.length; i += 1) {
      const position = seenPosition[rows.outcomes[chosen[i]! * rows.width + index]!]!;
      if (position >= 0) values[i * oneHots + start + position] = 1;
    }
  return values;
};

export const everyRow = (rows: EncodedRows): Uint32Array => Uint32Array.from({ length: rows.rowCount }, (_, r) => r);

/** Rows without content, to be drawn into. */
export const blankRows = (rowCount: number, width: number): EncodedRows => ({
  rowCount,
  width,
  outcomes: new Uint16Array(rowCount * width),
  z: new Float64Array(rowCount * width),
});
