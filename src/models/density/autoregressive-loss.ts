import type { Random } from '../../domain/random.js';
import type { Engine, Tensor } from '../../tensor/engine.js';
import type { ColumnEncoder, EncodedRows } from '../column-encoder.js';
import type { Tensors } from '../network-weights.js';
import { LOG_SQRT_2PI } from '../normal-distribution.js';
import {
  COMPONENTS,
  continuousMask,
  forward,
  LOG_SIGMA_MAX,
  LOG_SIGMA_MIN,
  networkInputs,
  type NetworkLayout,
  type NetworkMasks,
} from './autoregressive-network.js';

/** What is learnt from: encoded rows and, per step, some of them with noise on z. */
export interface LikelihoodTask {
  readonly encoder: ColumnEncoder;
  readonly layout: NetworkLayout;
  readonly rows: EncodedRows;
  readonly inputNoise: number;
}

export interface AutoregressiveTask extends LikelihoodTask {
  readonly masks: NetworkMasks;
}

/** Sum over rows and numeric columns of log sum_k w_k N(z; m_k, s_k), where the cell is continuous. */
const mixtureLogProb = (
  engine: Engine,
  task: LikelihoodTask,
  outputs: Tensor,
  chosen: Uint32Array,
  noisy: Float64Array,
): Tensor => {
  const { layout, encoder, rows } = task;
  const block = layout.mixtures * COMPONENTS;
  const targets = new Float32Array(chosen.length * block);
  for (const { index, mixture } of layout.columns)
    for (let i = 0; mixture >= 0 && i < chosen.length; i += 1) {
      const from = i * block + mixture * COMPONENTS;
      targets.fill(noisy[i * rows.width + index]!, from, from + COMPONENTS);
    }
  const logSigma = engine.clip(engine.slice(outputs, 2 * block, 3 * block), LOG_SIGMA_MIN, LOG_SIGMA_MAX);
  const distance = engine.sub(engine.constant(chosen.length, block, targets), engine.slice(outputs, block, 2 * block));
  const residual = engine.mul(distance, engine.exp(engine.neg(logSigma)));
  const gaussian = engine.sub(engine.scale(engine.square(residual), -0.5), logSigma);
  const joint = engine.add(engine.logSoftmax(engine.slice(outputs, 0, block), COMPONENTS), gaussian);
  const logProb = engine.offset(engine.logSumExp(joint, COMPONENTS), -LOG_SQRT_2PI);
  const mask = engine.constant(chosen.length, layout.mixtures, continuousMask(encoder, layout, rows, chosen));
  return engine.sum(engine.mul(logProb, mask));
};

/** Sum over rows of log P(outcome) of one column. */
const outcomeLogProb = (engine: Engine, outputs: Tensor, start: number, count: number, positions: Int32Array): Tensor => {
  const oneHot = new Float32Array(positions.length * count);
  positions.forEach((position, i) => {
    if (position >= 0) oneHot[i * count + position] = 1;
  });
  const logits = engine.logSoftmax(engine.slice(outputs, start, start + count), count);
  return engine.sum(engine.mul(logits, engine.constant(positions.length, count, oneHot)));
};

/** z of the chosen rows, chosen x columns, with this step's noise. */
export const noisyCells = (
  { layout, rows, inputNoise }: LikelihoodTask,
  chosen: Uint32Array,
  noise: Random | undefined,
): Float64Array => {
  const noisy = new Float64Array(chosen.length * rows.width);
  chosen.forEach((row, i) => {
    for (const { index, zInput } of layout.columns)
      if (zInput >= 0)
        noisy[i * rows.width + index] = rows.z[row * rows.width + index]! + (noise ? inputNoise * noise.normal() : 0);
  });
  return noisy;
};

/** Mean -log p of the chosen rows in outcome and z under the heads' parameters, without the constant share of unseen outcomes. */
export const headsLoss = (
  task: LikelihoodTask,
  engine: Engine,
  outputs: Tensor,
  chosen: Uint32Array,
  noisy: Float64Array,
): Tensor => {
  const { layout, rows } = task;
  let total = layout.mixtures > 0 ? mixtureLogProb(engine, task, outputs, chosen, noisy) : engine.zeros(1, 1);
  for (const { index, logits, seenCount, seenPosition } of layout.columns) {
    if (logits < 0) continue;
    const positions = Int32Array.from(chosen, (row) => seenPosition[rows.outcomes[row * rows.width + index]!]!);
    total = engine.add(total, outcomeLogProb(engine, outputs, logits, seenCount, positions));
  }
  return engine.scale(total, -1 / chosen.length);
};

/** The network's inputs for the chosen rows, and its loss. */
export const autoregressiveLoss = (
  task: AutoregressiveTask,
  engine: Engine,
  tensors: Tensors,
  chosen: Uint32Array,
  noise?: Random,
): Tensor => {
  const { encoder, layout, masks, rows } = task;
  const noisy = noisyCells(task, chosen, noise);
  const inputs = networkInputs(encoder, layout, rows, chosen, (i, column) => noisy[i * rows.width + column]!);
  const masking: Record<string, Tensor> = {};
  for (const [name, { rows: r, columns: c, values }] of [
    ['w1', masks.first],
    ['w2', masks.second],
    ['w3', masks.last],
  ] as const)
    masking[name] = engine.mul(tensors(name), engine.constant(r, c, values));
  const outputs = forward(
    engine,
    (name) => masking[name] ?? tensors(name),
    engine.constant(chosen.length, layout.inputs, inputs),
  );
  return headsLoss(task, engine, outputs, chosen, noisy);
};
