import type { Random } from '../../domain/random.js';
import { type Engine } from '../../tensor/engine.js';
import { constantsOf, type Weights } from '../network-weights.js';
import { LOG_SQRT_2PI } from '../normal-distribution.js';
import { predictVelocity } from './diffusion-network.js';
import type { NoiseLevel } from './noise-schedule.js';

/** Bound here because a global is dear to look up in innermost loops under jest. */
const { floor, log, max, sqrt } = Math;

/** Rows of a chunk in the coordinates of the chain, each rows x its width. */
export interface ChainRows {
  readonly rowCount: number;
  readonly z: Float32Array;
  /** 1 where a coordinate is observed. The chain leaves the others out: their z stays 0. */
  readonly observed: Float32Array;
  readonly oneHots: Float32Array;
}

/** A fitted chain: the denoiser and, per level and dimension, the mean square of its error in x. */
export interface DiffusionChain {
  readonly levels: readonly NoiseLevel[];
  readonly weights: Weights;
  readonly errors: Float64Array;
}

/** The network's guess of x from z at one level, rows x dimensions. */
const guessX = (engine: Engine, chain: DiffusionChain, rows: ChainRows, z: Float32Array, t: number): Float64Array => {
  const { signal, noise } = chain.levels[t]!;
  const velocity = engine.scope(() => {
    const oneHots =
      rows.oneHots.length > 0 ? engine.constant(rows.rowCount, rows.oneHots.length / rows.rowCount, rows.oneHots) : undefined;
    const input = engine.constant(rows.rowCount, z.length / rows.rowCount, z);
    const levels = new Uint16Array(rows.rowCount).fill(t);
    return engine.read(predictVelocity(engine, constantsOf(engine, chain.weights), input, oneHots, levels, chain.levels.length));
  });
  return Float64Array.from(velocity, (v, at) => rows.observed[at]! * (signal * z[at]! - noise * v));
};

/** z_t = signal x + noise eps on observed coordinates. */
const diffuse = ({ z, observed }: ChainRows, { signal, noise }: NoiseLevel, eps: Float32Array): Float32Array =>
  z.map((x, at) => observed[at]! * (signal * x + noise * eps[at]!));

/** Mean squares of the guess's error per dimension at level t: what makes the reverse variances right (Bao et al. 2022). */
export const errorsAt = (engine: Engine, chain: DiffusionChain, rows: ChainRows, t: number, eps: Float32Array): Float64Array => {
  const guess = guessX(engine, chain, rows, diffuse(rows, chain.levels[t]!, eps), t);
  const size = rows.z.length / rows.rowCount;
  const [sums, counts] = [new Float64Array(size), new Float64Array(size)];
  guess.forEach((x, at) => {
    counts[at % size]! += rows.observed[at]!;
    sums[at % size]! += rows.observed[at]! * (rows.z[at]! - x) ** 2;
  });
  return sums.map((sum, d) => (counts[d]! > 0 ? sum / counts[d]! : 1));
};

/** Variance of the reverse step from level t, or of x given the first level. */
const reverseVariance = (chain: DiffusionChain, size: number, t: number, d: number): number => {
  const error = max(ERROR_MIN, chain.errors[t * size + d]!);
  const { byX, variance } = chain.levels[t]!;
  return t === 0 ? error : variance + byX * byX * error;
};
const ERROR_MIN = 1e-6;

/**
 * Evidence lower bound of log p(x) for each row (Ho et al. 2020, equation 5, every step of the chain), in nats: the mean over
 * the draws of `noise`, which gives the eps (rows x dimensions) of each level.
 *
 * Most of such an estimate's variance is that of eps. The same expression for the guess x = signal z, whose mean over
 * eps is known (noise^4 x^2 + signal^2 noise^2), is taken off: the mean stays, the variance falls.
 */
export const evidenceBound = (
  engine: Engine,
  chain: DiffusionChain,
  rows: ChainRows,
  noise: (level: number) => Float32Array,
): Float64Array => {
  const size = rows.z.length / rows.rowCount;
  const bounds = new Float64Array(rows.rowCount);
  const last = chain.levels.at(-1)!;
  rows.z.forEach((x, at) => {
    const prior = 0.5 * (last.signal ** 2 * x * x + last.noise ** 2 - 1) - log(last.noise);
    bounds[floor(at / size)]! -= rows.observed[at]! * prior;
  });
  chain.levels.forEach((level, t) => {
    const eps = noise(t);
    const z = diffuse(rows, level, eps);
    const guess = guessX(engine, chain, rows, z, t);
    for (let at = 0; at < z.length; at += 1) {
      if (rows.observed[at] === 0) continue;
      const x = rows.z[at]!;
      const error = (x - guess[at]!) ** 2;
      const plain = (x - level.signal * (level.signal * x + level.noise * eps[at]!)) ** 2;
      const square = error - plain + level.noise ** 4 * x * x + (level.signal * level.noise) ** 2;
      const variance = reverseVariance(chain, size, t, at % size);
      const step =
        t === 0
          ? LOG_SQRT_2PI + 0.5 * log(variance) + (0.5 * square) / variance
          : 0.5 * (log(variance / level.variance) + (level.variance + level.byX ** 2 * square) / variance - 1);
      bounds[floor(at / size)]! -= step;
    }
  });
  return bounds;
};

/** x drawn by the reverse chain from pure noise (Ho et al. 2020, algorithm 2), rows x dimensions. */
export const drawChain = (engine: Engine, chain: DiffusionChain, rows: ChainRows, random: Random): Float32Array => {
  const size = rows.z.length / rows.rowCount;
  let z = rows.observed.map((seen) => seen * random.normal());
  for (let t = chain.levels.length - 1; t >= 0; t -= 1) {
    const { byZ, byX } = chain.levels[t]!;
    const guess = guessX(engine, chain, rows, z, t);
    z = z.map((value, at) => {
      const mean = t === 0 ? guess[at]! : byZ * value + byX * guess[at]!;
      return rows.observed[at]! * (mean + sqrt(reverseVariance(chain, size, t, at % size)) * random.normal());
    });
  }
  return z;
};
