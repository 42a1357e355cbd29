import type { Random } from '../../domain/random.js';
import type { Engine, Tensor } from '../../tensor/engine.js';
import { type ColumnEncoder, type EncodedRows, isContinuous } from '../column-encoder.js';
import { heNormal, type Matrix, normalMatrix, type Tensors, type Weights, zeroRow } from '../network-weights.js';

export const COMPONENTS = 5;
/** log sigma is kept within these. */
export const LOG_SIGMA_MIN = -5;
export const LOG_SIGMA_MAX = 3;
/** What the other columns see of an outlier; its own term sees all of it. */
const INPUT_MAX = 10;
/** logit, mean and log sigma. */
const MIXTURE_PARTS = 3;

/** One column of the network: where its inputs and its head's outputs lie; -1 where it has none. */
export interface NetworkColumn {
  readonly index: number;
  /** Position in the order of the chain rule, from 1. */
  readonly degree: number;
  readonly zInput: number;
  readonly outcomeInput: number;
  /** Which of the mixture heads. */
  readonly mixture: number;
  readonly logits: number;
  /** Position of each outcome among the seen ones, -1 for unseen. */
  readonly seenPosition: Int32Array;
  readonly seenCount: number;
}

/**
 * Layout of a MADE (Germain et al. 2015). Outputs: mixture logits, means and log sigmas of all numeric columns
 * (COMPONENTS each), then the outcome logits of every column with more than one seen outcome.
 */
export interface NetworkLayout {
  readonly columns: readonly NetworkColumn[];
  readonly inputs: number;
  readonly mixtures: number;
  readonly outputs: number;
}

export const networkLayout = ({ columns }: ColumnEncoder): NetworkLayout => {
  const joint = [...columns.keys()].filter((c) => !columns[c]!.apart);
  const mixtures = joint.filter((c) => columns[c]!.map).length;
  let inputs = 0;
  let mixture = 0;
  let outputs = mixtures * COMPONENTS * MIXTURE_PARTS;
  const take = (count: number, wanted: boolean): number => (wanted ? (inputs += count) - count : -1);
  const placed = joint.map((index, position) => {
    const { map, seen, counts } = columns[index]!;
    const discrete = seen.length > 1;
    const seenPosition = new Int32Array(counts.length).fill(-1);
    seen.forEach((outcome, i) => (seenPosition[outcome] = i));
    return {
      index,
      degree: position + 1,
      zInput: take(1, map !== undefined),
      outcomeInput: take(seen.length, discrete),
      mixture: map ? mixture++ : -1,
      logits: discrete ? (outputs += seen.length) - seen.length : -1,
      seenPosition,
      seenCount: seen.length,
    };
  });
  return { columns: placed, inputs, mixtures, outputs };
};

/** The part of a head with one value per component: `part` 0 = logits, 1 = means, 2 = log sigmas. */
export const mixtureStart = (layout: NetworkLayout, part: 0 | 1 | 2, mixture: number): number =>
  (part * layout.mixtures + mixture) * COMPONENTS;

/** Masks that let every output depend on the columns before its own only. */
export interface NetworkMasks {
  readonly first: Matrix;
  readonly second: Matrix;
  readonly last: Matrix;
}

/** 1 where a unit of some degree may be seen from one of another, from x to. */
export const degreeMask = (from: Int32Array, to: Int32Array, open: (from: number, to: number) => boolean): Matrix => ({
  rows: from.length,
  columns: to.length,
  values: Float32Array.from({ length: from.length * to.length }, (_, i) =>
    open(from[Math.floor(i / to.length)]!, to[i % to.length]!) ? 1 : 0,
  ),
});

export const networkMasks = (layout: NetworkLayout, hidden: number): NetworkMasks => {
  const input = new Int32Array(layout.inputs);
  const output = new Int32Array(layout.outputs);
  for (const column of layout.columns) {
    if (column.zInput >= 0) input[column.zInput] = column.degree;
    if (column.outcomeInput >= 0) input.fill(column.degree, column.outcomeInput, column.outcomeInput + column.seenCount);
    if (column.logits >= 0) output.fill(column.degree, column.logits, column.logits + column.seenCount);
    if (column.mixture < 0) continue;
    for (const part of [0, 1, 2] as const) {
      const start = mixtureStart(layout, part, column.mixture);
      output.fill(column.degree, start, start + COMPONENTS);
    }
  }
  const top = Math.max(1, layout.columns.length - 1);
  const degrees = Int32Array.from({ length: hidden }, (_, j) => (j % top) + 1);
  return {
    first: degreeMask(input, degrees, (from, to) => to >= from),
    second: degreeMask(degrees, degrees, (from, to) => to >= from),
    last: degreeMask(degrees, output, (from, to) => to > from),
  };
};

export const masked = (matrix: Matrix, by: Matrix): Matrix => ({
  ...matrix,
  values: matrix.values.map((w, i) => w * by.values[i]!),
});

/** Nearly constant heads at first: means spread over -2..2, outcomes by their frequencies (models.md 7.2). */
export const initialWeights = (encoder: ColumnEncoder, layout: NetworkLayout, hidden: number, random: Random): Weights => {
  const bias = zeroRow(layout.outputs);
  for (const { index, mixture, logits } of layout.columns) {
    const { seen, logFrequencies } = encoder.columns[index]!;
    if (logits >= 0) seen.forEach((outcome, i) => (bias.values[logits + i] = logFrequencies[outcome]!));
    for (let k = 0; mixture >= 0 && k < COMPONENTS; k += 1)
      bias.values[mixtureStart(layout, 1, mixture) + k] = -2 + (4 * k) / (COMPONENTS - 1);
  }
  return {
    w1: heNormal(layout.inputs, hidden, random),
    b1: zeroRow(hidden),
    w2: heNormal(hidden, hidden, random),
    b2: zeroRow(hidden),
    w3: normalMatrix(hidden, layout.outputs, 0.01, random),
    b3: bias,
  };
};

/** Inputs of the chosen rows (rows x inputs), of `z` within -limit..limit. */
export const networkInputs = (
  encoder: ColumnEncoder,
  layout: NetworkLayout,
  rows: EncodedRows,
  chosen: ArrayLike<number>,
  z: (row: number, column: number) => number,
  limit = INPUT_MAX,
): Float32Array => {
  const values = new Float32Array(chosen.length * layout.inputs);
  for (const { index, zInput, outcomeInput, seenPosition } of layout.columns)
    for (let i = 0; i < chosen.length; i += 1) {
      const outcome = rows.outcomes[chosen[i]! * rows.width + index]!;
      const missing = outcome === encoder.columns[index]!.counts.length - 1;
      if (zInput >= 0 && !missing) values[i * layout.inputs + zInput] = Math.min(Math.max(z(i, index), -limit), limit);
      const position = seenPosition[outcome]!;
      if (outcomeInput >= 0 && position >= 0) values[i * layout.inputs + outcomeInput + position] = 1;
    }
  return values;
};

/** Outputs (rows x outputs): two hidden ReLU layers, the second residual. The weights must be masked already. */
export const forward = (engine: Engine, tensors: Tensors, inputs: Tensor): Tensor => {
  const first = engine.linear(inputs, tensors('w1'), tensors('b1'), 'relu');
  const second = engine.add(first, engine.linear(first, tensors('w2'), tensors('b2'), 'relu'));
  return engine.linear(second, tensors('w3'), tensors('b3'));
};

/** 1 where the row's cell has a z to explain, rows x mixtures. */
export const continuousMask = (
  encoder: ColumnEncoder,
  layout: NetworkLayout,
  rows: EncodedRows,
  chosen: Uint32Array,
): Float32Array => {
  const values = new Float32Array(chosen.length * layout.mixtures);
  for (const { index, mixture } of layout.columns)
    for (let i = 0; mixture >= 0 && i < chosen.length; i += 1)
      if (isContinuous(encoder.columns[index]!, rows.outcomes[chosen[i]! * rows.width + index]!))
        values[i * layout.mixtures + mixture] = 1;
  return values;
};
