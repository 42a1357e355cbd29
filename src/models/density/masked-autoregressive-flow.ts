import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { Engine, Tensor } from '../../tensor/engine.js';
import { heNormal, type Matrix, normalMatrix, type Tensors, type Weights, zeroRow } from '../network-weights.js';
import { affineMap, affineStep } from './affine-step.js';
import { degreeMask } from './autoregressive-network.js';
import { conditionerInputs } from './couplings.js';
import { type FlowConditions, flowEstimator, flowTraining, type FlowStep } from './flow-model.js';
import type { JointLayout } from './joint-layout.js';

/**
 * Masks of a MADE (Germain et al. 2015) whose outputs for a coordinate depend on those before it, in the columns' order or
 * against it. One-hots come before all coordinates, so a unit that sees only them has degree 0.
 */
const masksOf = ({ dimensions, oneHots }: JointLayout, hidden: number, reversed: boolean): Record<string, Matrix> => {
  const size = dimensions.length;
  const order = Int32Array.from({ length: size }, (_, d) => (reversed ? size - d : d + 1));
  const inputs = Int32Array.from([...order, ...new Int32Array(oneHots)]);
  const lowest = oneHots > 0 || size === 1 ? 0 : 1;
  const units = Int32Array.from({ length: hidden }, (_, j) => lowest + (j % (size - lowest)));
  const reaches = (from: number, to: number): boolean => to >= from;
  const name = reversed ? 'maskReversed' : 'mask';
  return {
    [`${name}1`]: degreeMask(inputs, units, reaches),
    [`${name}2`]: degreeMask(units, units, reaches),
    [`${name}3`]: degreeMask(units, Int32Array.from([...order, ...order]), (from, to) => to > from),
  };
};

const initialBlocks = (
  layout: JointLayout,
  { blocks, hidden }: { readonly blocks: number; readonly hidden: number },
  random: Random,
): Weights => {
  const size = layout.dimensions.length;
  const weights: Record<string, Matrix> = { ...masksOf(layout, hidden, false), ...masksOf(layout, hidden, true) };
  for (let i = 0; i < blocks; i += 1) {
    weights[`w1.${i}`] = heNormal(size + layout.oneHots, hidden, random);
    weights[`b1.${i}`] = zeroRow(hidden);
    weights[`w2.${i}`] = heNormal(hidden, hidden, random);
    weights[`b2.${i}`] = zeroRow(hidden);
    weights[`w3.${i}`] = normalMatrix(hidden, 2 * size, 0.01 / Math.sqrt(hidden), random);
    weights[`b3.${i}`] = zeroRow(2 * size);
  }
  return weights;
};

const blockOutputs = (engine: Engine, tensors: Tensors, i: number, z: Tensor, conditions: FlowConditions): Tensor => {
  const weight = (layer: number): Tensor =>
    engine.mul(tensors(`w${layer}.${i}`), tensors(`mask${i % 2 === 0 ? '' : 'Reversed'}${layer}`));
  const first = engine.linear(conditionerInputs(engine, z, conditions), weight(1), tensors(`b1.${i}`), 'relu');
  const second = engine.linear(first, weight(2), tensors(`b2.${i}`), 'relu');
  return engine.linear(second, weight(3), tensors(`b3.${i}`));
};

const blockStep = (i: number, size: number): FlowStep =>
  affineStep(
    (engine, tensors, z, conditions) => affineMap(engine, blockOutputs(engine, tensors, i, z, conditions), conditions.observed),
    size,
  );

/**
 * Masked autoregressive flow (Papamakarios et al. 2017; recipe in models.md 7.3): blocks in which each coordinate is shifted
 * and scaled by what all before it say, every second one against the columns' order; see `flowEstimator`.
 * Cost: one pass for scoring, as many as there are dimensions for sampling.
 */
export const maskedAutoregressiveFlow = flowEstimator({
  name: 'masked-autoregressive-flow',
  parametersSchema: z.strictObject({
    ...flowTraining,
    blocks: z.int().min(1).max(32).default(5),
    hidden: z.int().min(1).max(512).default(48),
  }),
  initialWeights: initialBlocks,
  steps(weights) {
    const steps: FlowStep[] = [];
    for (let i = 0; weights[`b3.${i}`]; i += 1) steps.push(blockStep(i, weights[`b3.${i}`]!.columns / 2));
    return steps;
  },
});
