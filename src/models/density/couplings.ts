import { createRandom, type Random } from '../../domain/random.js';
import type { Engine, Tensor } from '../../tensor/engine.js';
import { shuffledIndices } from '../fit-rows.js';
import { heNormal, type Matrix, normalMatrix, type Tensors, type Weights, zeroRow } from '../network-weights.js';
import type { FlowConditions } from './flow-model.js';
import type { JointLayout } from './joint-layout.js';

/** What the steps' networks see of an outlier; the map itself acts on all of it. */
const INPUT_MAX = 10;
/** Masks are the same whatever the fit's seed: a warm start goes on with weights that were learnt under them. */
const MASK_SEED = 6;

/**
 * Masks of coupling layers (1 = kept), random halves in complementary pairs, each with a network of two hidden layers.
 * The last layer is nearly 0, so that the flow starts near the map that its biases stand for.
 *
 * @param outputs of a coupling that moves so many coordinates, as biases
 */
export const initialCouplings = (
  layout: JointLayout,
  { couplings, hidden }: { readonly couplings: number; readonly hidden: number },
  random: Random,
  outputs: (moved: number) => Matrix,
): Weights => {
  const size = layout.dimensions.length;
  const weights: Record<string, Matrix> = {};
  const halves = createRandom(MASK_SEED);
  let kept = new Set<number>();
  for (let i = 0; i < couplings; i += 1) {
    kept =
      i % 2 === 0
        ? new Set(shuffledIndices(size, halves).subarray(0, Math.floor(size / 2)))
        : new Set([...Array(size).keys()].filter((d) => !kept.has(d)));
    const bias = outputs(size - kept.size);
    weights[`mask${i}`] = {
      rows: 1,
      columns: size,
      values: Float32Array.from({ length: size }, (_, d) => (kept.has(d) ? 1 : 0)),
    };
    weights[`w1.${i}`] = heNormal(size + layout.oneHots, hidden, random);
    weights[`b1.${i}`] = zeroRow(hidden);
    weights[`w2.${i}`] = heNormal(hidden, hidden, random);
    weights[`b2.${i}`] = zeroRow(hidden);
    weights[`w3.${i}`] = normalMatrix(hidden, bias.columns, 0.01 / Math.sqrt(hidden), random);
    weights[`b3.${i}`] = bias;
  }
  return weights;
};

/** The masks among the weights, in order. */
export const couplingMasks = (weights: Weights): Float32Array[] => {
  const masks: Float32Array[] = [];
  for (let i = 0; weights[`mask${i}`]; i += 1) masks.push(weights[`mask${i}`]!.values);
  return masks;
};

/** What a step's network sees: the coordinates, tamed, then the one-hots. */
export const conditionerInputs = (engine: Engine, z: Tensor, { oneHots }: FlowConditions): Tensor => {
  const seen = engine.clip(z, -INPUT_MAX, INPUT_MAX);
  return oneHots ? engine.concat([seen, oneHots]) : seen;
};

/** Outputs of coupling i, which depend on the kept coordinates and the one-hots alone. */
export const couplingOutputs = (engine: Engine, tensors: Tensors, i: number, z: Tensor, conditions: FlowConditions): Tensor => {
  const inputs = conditionerInputs(engine, engine.mul(z, tensors(`mask${i}`)), conditions);
  const first = engine.linear(inputs, tensors(`w1.${i}`), tensors(`b1.${i}`), 'relu');
  const second = engine.linear(first, tensors(`w2.${i}`), tensors(`b2.${i}`), 'relu');
  return engine.linear(second, tensors(`w3.${i}`), tensors(`b3.${i}`));
};
