import type { Random } from '../../domain/random.js';
import type { Engine, Tensor } from '../../tensor/engine.js';
import type { ColumnEncoder } from '../column-encoder.js';
import { heNormal, type Matrix, normalMatrix, type Tensors, type Weights, zeroRow } from '../network-weights.js';
import { COMPONENTS, mixtureStart, type NetworkLayout } from './autoregressive-network.js';

export interface TransformerShape {
  readonly layers: number;
  readonly heads: number;
  /** Numbers a token; the heads share them. */
  readonly width: number;
}

/** logit, mean and log sigma of each component. */
const MIXTURE = 3 * COMPONENTS;
/** Of the hidden layer that follows attention, relative to the tokens. */
const WIDENING = 2;
const EPSILON = 1e-5;
/** A score that softmax turns into 0 exactly. */
const CLOSED = -1e9;

const oneRow = (columns: number): Matrix => ({ rows: 1, columns, values: new Float32Array(columns).fill(1) });

/** Heads begin nearly constant: means spread over -2..2, outcomes by their frequencies, as in `initialWeights` of the MADE. */
export const initialTransformer = (
  encoder: ColumnEncoder,
  layout: NetworkLayout,
  { layers, width }: TransformerShape,
  random: Random,
): Weights => {
  const tokens = layout.columns.length;
  const weights: Record<string, Matrix> = {
    embed: normalMatrix(layout.inputs, width, 0.5, random),
    positions: normalMatrix(1, tokens * width, 0.5, random),
    norm: oneRow(width),
    shift: zeroRow(width),
    mixtures: normalMatrix(width, MIXTURE, 0.02, random),
    mixtureBias: zeroRow(tokens * MIXTURE),
  };
  for (let token = 0; token < tokens; token += 1)
    for (let k = 0; k < COMPONENTS; k += 1)
      weights['mixtureBias']!.values[token * MIXTURE + COMPONENTS + k] = -2 + (4 * k) / (COMPONENTS - 1);
  for (let layer = 0; layer < layers; layer += 1) {
    for (const part of ['attention', 'hidden']) {
      weights[`${part}Norm${layer}`] = oneRow(width);
      weights[`${part}Shift${layer}`] = zeroRow(width);
    }
    weights[`attend${layer}`] = normalMatrix(width, 3 * width, 1 / Math.sqrt(width), random);
    weights[`attendBias${layer}`] = zeroRow(3 * width);
    weights[`join${layer}`] = normalMatrix(width, width, 0.5 / Math.sqrt(width), random);
    weights[`joinBias${layer}`] = zeroRow(width);
    weights[`widen${layer}`] = heNormal(width, WIDENING * width, random);
    weights[`widenBias${layer}`] = zeroRow(WIDENING * width);
    weights[`narrow${layer}`] = normalMatrix(WIDENING * width, width, 0.5 / Math.sqrt(WIDENING * width), random);
    weights[`narrowBias${layer}`] = zeroRow(width);
  }
  for (const { index, logits, seenCount } of layout.columns) {
    if (logits < 0) continue;
    const { seen, logFrequencies } = encoder.columns[index]!;
    weights[`outcomes${index}`] = normalMatrix(width, seenCount, 0.02, random);
    const values = Float32Array.from(seen, (outcome) => logFrequencies[outcome]!);
    weights[`outcomesBias${index}`] = { rows: 1, columns: seenCount, values };
  }
  return weights;
};

/** Layer normalisation (Ba et al. 2016). */
const normalised = (engine: Engine, x: Tensor, gain: Tensor, shift: Tensor): Tensor => {
  const centred = engine.sub(x, engine.scale(engine.sumRows(x), 1 / x.columns));
  const variance = engine.scale(engine.sumRows(engine.square(centred)), 1 / x.columns);
  const unit = engine.div(centred, engine.sqrt(engine.offset(variance, EPSILON)));
  return engine.add(engine.mul(unit, gain), shift);
};

/** 0 where a token may look, itself included; for every row of tokens the same. */
const causalMask = (engine: Engine, rows: number, tokens: number): Tensor => {
  const values = new Float32Array(rows * tokens * tokens);
  for (let i = 0; i < tokens; i += 1) values.fill(CLOSED, i * tokens + i + 1, (i + 1) * tokens);
  for (let row = 1; row < rows; row += 1) values.copyWithin(row * tokens * tokens, 0, tokens * tokens);
  return engine.constant(rows * tokens, tokens, values);
};

const attention = (
  engine: Engine,
  tensors: Tensors,
  layer: number,
  { heads, width }: TransformerShape,
  x: Tensor,
  mask: Tensor,
): Tensor => {
  const rows = x.rows / mask.columns;
  const size = width / heads;
  const projected = engine.linear(x, tensors(`attend${layer}`), tensors(`attendBias${layer}`));
  const seen = Array.from({ length: heads }, (_, head) => {
    const part = (which: number): Tensor =>
      engine.slice(projected, which * width + head * size, which * width + (head + 1) * size);
    const scores = engine.batchMatMul(engine.scale(part(0), 1 / Math.sqrt(size)), part(1), rows, { transposeB: true });
    return engine.batchMatMul(engine.softmax(engine.add(scores, mask), mask.columns), part(2), rows);
  });
  return engine.linear(engine.concat(seen), tensors(`join${layer}`), tensors(`joinBias${layer}`));
};

/** Token i holds the cell before column i: each input's own vector, where the input belongs there, and the token's position. */
const embedded = (engine: Engine, tensors: Tensors, layout: NetworkLayout, width: number, inputs: Tensor): Tensor => {
  const tokens = layout.columns.length;
  const open = new Float32Array(layout.inputs * tokens * width);
  layout.columns.slice(0, -1).forEach(({ zInput, outcomeInput, seenCount }, i) => {
    const own = [
      ...(zInput >= 0 ? [zInput] : []),
      ...Array.from({ length: outcomeInput >= 0 ? seenCount : 0 }, (_, o) => outcomeInput + o),
    ];
    for (const input of own) {
      const at = (input * tokens + i + 1) * width;
      open.fill(1, at, at + width);
    }
  });
  const everywhere = engine.concat(Array.from({ length: tokens }, () => tensors('embed')));
  const weights = engine.mul(everywhere, engine.constant(layout.inputs, tokens * width, open));
  return engine.reshape(engine.linear(inputs, weights, tensors('positions')), inputs.rows * tokens, width);
};

/** Which of the tokens' mixture outputs stands where in the layout's outputs. */
const mixtureOrder = (layout: NetworkLayout): Int32Array => {
  const order = new Int32Array(layout.mixtures * MIXTURE);
  layout.columns.forEach(({ mixture }, token) => {
    for (const part of [0, 1, 2] as const)
      for (let k = 0; mixture >= 0 && k < COMPONENTS; k += 1)
        order[mixtureStart(layout, part, mixture) + k] = token * MIXTURE + part * COMPONENTS + k;
  });
  return order;
};

/** The heads' parameters (rows x layout.outputs) of rows given by their inputs. */
export const transform = (
  engine: Engine,
  tensors: Tensors,
  layout: NetworkLayout,
  shape: TransformerShape,
  inputs: Tensor,
): Tensor => {
  const { width } = shape;
  const rows = inputs.rows;
  const tokens = layout.columns.length;
  const mask = causalMask(engine, rows, tokens);
  let x = embedded(engine, tensors, layout, width, inputs);
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const norm = (part: string, input: Tensor): Tensor =>
      normalised(engine, input, tensors(`${part}Norm${layer}`), tensors(`${part}Shift${layer}`));
    x = engine.scope(() => engine.add(x, attention(engine, tensors, layer, shape, norm('attention', x), mask)));
    x = engine.scope(() => {
      const hidden = engine.linear(norm('hidden', x), tensors(`widen${layer}`), tensors(`widenBias${layer}`), 'relu');
      return engine.add(x, engine.linear(hidden, tensors(`narrow${layer}`), tensors(`narrowBias${layer}`)));
    });
  }
  x = normalised(engine, x, tensors('norm'), tensors('shift'));
  const side = engine.reshape(x, rows, tokens * width);
  const parts: Tensor[] = [];
  if (layout.mixtures > 0) {
    const mixtures = engine.reshape(engine.matMul(x, tensors('mixtures')), rows, tokens * MIXTURE);
    parts.push(engine.pick(engine.add(mixtures, tensors('mixtureBias')), mixtureOrder(layout)));
  }
  layout.columns.forEach(({ index, logits }, token) => {
    if (logits < 0) return;
    const own = engine.slice(side, token * width, (token + 1) * width);
    parts.push(engine.linear(own, tensors(`outcomes${index}`), tensors(`outcomesBias${index}`)));
  });
  return engine.concat(parts);
};
