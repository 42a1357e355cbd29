import type { Random } from '../../domain/random.js';
import type { Engine, Tensor } from '../../tensor/engine.js';
import type { ColumnEncoder } from '../column-encoder.js';
import { heNormal, normalMatrix, type Tensors, type Weights, zeroRow } from '../network-weights.js';
import { LOG_SQRT_2PI } from '../normal-distribution.js';
import type { JointLayout } from './joint-layout.js';

export const LOG_SIGMA_MIN = -4;
export const LOG_SIGMA_MAX = 2;
const LOG_VARIANCE_MIN = -8;
const LOG_VARIANCE_MAX = 4;
const INPUT_MAX = 10;

/** Half the columns, within 2..8 (models.md 7.3). */
export const latentSize = (layout: JointLayout): number => Math.min(Math.max(Math.floor(layout.columns.length / 2), 2), 8);

export const initialVae = (encoder: ColumnEncoder, layout: JointLayout, hidden: number, random: Random): Weights => {
  const inputs = layout.dimensions.length + layout.oneHots;
  const latent = latentSize(layout);
  const outputs = zeroRow(inputs);
  for (const { index, start } of layout.discrete)
    encoder.columns[index]!.seen.forEach((outcome, i) => {
      outputs.values[layout.dimensions.length + start + i] = encoder.columns[index]!.logFrequencies[outcome]!;
    });
  return {
    e1: heNormal(inputs, hidden, random),
    eb1: zeroRow(hidden),
    e2: heNormal(hidden, hidden, random),
    eb2: zeroRow(hidden),
    e3: normalMatrix(hidden, 2 * latent, 0.01, random),
    eb3: zeroRow(2 * latent),
    d1: heNormal(latent, hidden, random),
    db1: zeroRow(hidden),
    d2: heNormal(hidden, hidden, random),
    db2: zeroRow(hidden),
    d3: normalMatrix(hidden, inputs, 0.01, random),
    db3: outputs,
    logSigma: zeroRow(Math.max(1, layout.dimensions.length)),
  };
};

/** q(h | x): means and log variances, rows x latent. */
export const encodeLatent = (engine: Engine, tensors: Tensors, inputs: Tensor): { mean: Tensor; logVariance: Tensor } => {
  const first = engine.linear(engine.clip(inputs, -INPUT_MAX, INPUT_MAX), tensors('e1'), tensors('eb1'), 'relu');
  const second = engine.linear(first, tensors('e2'), tensors('eb2'), 'relu');
  const out = engine.linear(second, tensors('e3'), tensors('eb3'));
  const latent = out.columns / 2;
  return {
    mean: engine.slice(out, 0, latent),
    logVariance: engine.clip(engine.slice(out, latent, 2 * latent), LOG_VARIANCE_MIN, LOG_VARIANCE_MAX),
  };
};

/** What x looks like from h: means of z, then outcome logits. */
export const decodeLatent = (engine: Engine, tensors: Tensors, latent: Tensor): Tensor => {
  const first = engine.linear(latent, tensors('d1'), tensors('db1'), 'relu');
  const second = engine.linear(first, tensors('d2'), tensors('db2'), 'relu');
  return engine.linear(second, tensors('d3'), tensors('db3'));
};

/** A batch as the network takes it, each rows x its width. */
export interface VaeBatch {
  readonly rowCount: number;
  readonly z: Float32Array;
  readonly observed: Float32Array;
  readonly oneHots: Float32Array;
}

export const inputsOf = (engine: Engine, layout: JointLayout, { rowCount, z, oneHots }: VaeBatch): Tensor => {
  const parts = [
    ...(layout.dimensions.length > 0 ? [engine.constant(rowCount, layout.dimensions.length, z)] : []),
    ...(layout.oneHots > 0 ? [engine.constant(rowCount, layout.oneHots, oneHots)] : []),
  ];
  return parts.length === 1 ? parts[0]! : engine.concat(parts);
};

/** log p(x | h), rows x 1: Gaussian on observed z, softmax on seen outcomes. */
const reconstruction = (engine: Engine, tensors: Tensors, layout: JointLayout, batch: VaeBatch, decoded: Tensor): Tensor => {
  const size = layout.dimensions.length;
  let total = engine.zeros(batch.rowCount, 1);
  if (size > 0) {
    const logSigma = engine.clip(tensors('logSigma'), LOG_SIGMA_MIN, LOG_SIGMA_MAX);
    const distance = engine.sub(engine.constant(batch.rowCount, size, batch.z), engine.slice(decoded, 0, size));
    const residual = engine.mul(distance, engine.exp(engine.neg(logSigma)));
    const logProb = engine.offset(engine.sub(engine.scale(engine.square(residual), -0.5), logSigma), -LOG_SQRT_2PI);
    total = engine.sumRows(engine.mul(logProb, engine.constant(batch.rowCount, size, batch.observed)));
  }
  for (const { start, count } of layout.discrete) {
    const logits = engine.logSoftmax(engine.slice(decoded, size + start, size + start + count), count);
    const oneHot = engine.slice(engine.constant(batch.rowCount, layout.oneHots, batch.oneHots), start, start + count);
    total = engine.add(total, engine.sumRows(engine.mul(logits, oneHot)));
  }
  return total;
};

/**
 * Evidence lower bound, rows x 1: the mean over `noises` (each rows x latent) of log p(x | m + s noise), minus
 * KL(q(h | x) || N(0, 1)) in closed form.
 */
export const evidenceBound = (
  engine: Engine,
  tensors: Tensors,
  layout: JointLayout,
  batch: VaeBatch,
  noises: readonly Float32Array[],
): Tensor => {
  const { mean, logVariance } = encodeLatent(engine, tensors, inputsOf(engine, layout, batch));
  const sd = engine.exp(engine.scale(logVariance, 0.5));
  let total = engine.zeros(batch.rowCount, 1);
  for (const noise of noises) {
    const latent = engine.add(mean, engine.mul(sd, engine.constant(batch.rowCount, mean.columns, noise)));
    total = engine.add(total, reconstruction(engine, tensors, layout, batch, decodeLatent(engine, tensors, latent)));
  }
  const spread = engine.sub(engine.add(engine.square(mean), engine.exp(logVariance)), engine.offset(logVariance, 1));
  return engine.sub(engine.scale(total, 1 / noises.length), engine.scale(engine.sumRows(spread), 0.5));
};
