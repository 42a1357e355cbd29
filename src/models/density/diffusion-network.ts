import type { Random } from '../../domain/random.js';
import type { Engine, Tensor } from '../../tensor/engine.js';
import { heNormal, normalMatrix, type Tensors, type Weights, zeroRow } from '../network-weights.js';
import type { JointLayout } from './joint-layout.js';

/** What the network sees of an outlier; the estimate itself starts from all of it. */
const INPUT_MAX = 10;
/** Cosines of the level that tell the network how much noise there is. */
const LEVEL_FEATURES = 8;

export const initialDenoiser = ({ dimensions, oneHots }: JointLayout, hidden: number, random: Random): Weights => ({
  w1: heNormal(dimensions.length + oneHots + LEVEL_FEATURES, hidden, random),
  b1: zeroRow(hidden),
  w2: heNormal(hidden, hidden, random),
  b2: zeroRow(hidden),
  w3: normalMatrix(hidden, dimensions.length, 0.01, random),
  b3: zeroRow(dimensions.length),
});

/** @param levels of each row, 0 <= level < count */
const levelFeatures = (levels: ArrayLike<number>, count: number): Float32Array =>
  Float32Array.from({ length: levels.length * LEVEL_FEATURES }, (_, at) =>
    Math.cos((Math.PI * ((at % LEVEL_FEATURES) + 1) * (levels[Math.floor(at / LEVEL_FEATURES)]! + 0.5)) / count),
  );

/**
 * v = (signal z - x) / noise for each coordinate of z (Salimans and Ho 2022): 0 is the best guess for independent standard
 * normal coordinates, so the network learns only what differs from them.
 */
export const predictVelocity = (
  engine: Engine,
  tensors: Tensors,
  z: Tensor,
  oneHots: Tensor | undefined,
  levels: ArrayLike<number>,
  count: number,
): Tensor => {
  const level = engine.constant(levels.length, LEVEL_FEATURES, levelFeatures(levels, count));
  const inputs = engine.concat([engine.clip(z, -INPUT_MAX, INPUT_MAX), ...(oneHots ? [oneHots] : []), level]);
  const first = engine.linear(inputs, tensors('w1'), tensors('b1'), 'relu');
  const second = engine.add(first, engine.linear(first, tensors('w2'), tensors('b2'), 'relu'));
  return engine.linear(second, tensors('w3'), tensors('b3'));
};
