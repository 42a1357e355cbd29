import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine } from '../../tensor/engine.js';
import { type ColumnEncoder, type EncodedRows, isContinuous, loadEncoder, logSlopes } from '../column-encoder.js';
import type { BoundedModel, Estimator, LatentModel } from '../detector.js';
import { constantsOf, loadWeights, saveWeights, type Weights } from '../network-weights.js';
import { trainingParameters, trainNetwork } from '../train-network.js';
import { addApartTerms, apartLogProb } from './apart-columns.js';
import { checkArtifact, forChunks, rowSums, sampleDensity, saveDensity, scoreDensity, usualOf } from './density-model.js';
import { encodeTraining } from './encode-training.js';
import { blankRows, continuousCells, everyRow, type JointLayout, jointLayout, oneHotCells } from './joint-layout.js';
import { latentMethods } from './latent.js';
import { rowRandoms } from './row-noise.js';
import {
  decodeLatent,
  encodeLatent,
  evidenceBound,
  initialVae,
  inputsOf,
  latentSize,
  LOG_SIGMA_MAX,
  LOG_SIGMA_MIN,
  type VaeBatch,
} from './vae-network.js';

const NAME = 'vae';

const parametersSchema = z.strictObject({
  ...trainingParameters,
  transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
  hidden: z.int().min(1).max(512).default(64),
});

/** Antithetic pairs of latent draws behind `logProbBound`. */
const BOUND_PAIRS = 8;

const batchOf = (
  encoder: ColumnEncoder,
  layout: JointLayout,
  rows: EncodedRows,
  chosen: Uint32Array,
  sd = 0,
  noise?: Random,
): VaeBatch => ({
  rowCount: chosen.length,
  ...continuousCells(encoder, layout, rows, chosen, sd, noise),
  oneHots: oneHotCells(layout, rows, chosen),
});

/** log p of what the decoder does not speak about: columns set apart, the share of seen outcomes, unseen outcomes. */
const remainder = (encoder: ColumnEncoder, layout: JointLayout, rows: EncodedRows): Float64Array => {
  const values = new Float64Array(rows.z.length);
  addApartTerms(encoder, rows, values);
  for (const c of layout.columns) {
    const column = encoder.columns[c]!;
    for (let at = c; at < values.length; at += rows.width) {
      const outcome = rows.outcomes[at]!;
      values[at] = column.counts[outcome]! > 0 ? -column.logSeen : -apartLogProb(column, outcome, rows.z[at]!);
    }
  }
  return rowSums(values, rows.width).map((sum) => -sum);
};

/** Latent noises (each rows x latent) in antithetic pairs, of every row's own chance. */
const boundNoises = (rows: EncodedRows, latent: number): Float32Array[] => {
  const noises = Array.from({ length: 2 * BOUND_PAIRS }, () => new Float32Array(rows.rowCount * latent));
  let r = 0;
  for (const random of rowRandoms(rows)) {
    for (let pair = 0; pair < BOUND_PAIRS; pair += 1)
      for (let at = r * latent; at < (r + 1) * latent; at += 1) {
        const value = random.normal();
        noises[2 * pair]![at] = value;
        noises[2 * pair + 1]![at] = -value;
      }
    r += 1;
  }
  return noises;
};

const create = (encoder: ColumnEncoder, weights: Weights, backend: TensorBackend): BoundedModel & LatentModel => {
  const engine = new Engine(backend);
  const layout = jointLayout(encoder);
  const size = layout.dimensions.length;
  const latent = latentSize(layout);

  const boundOf = (rows: EncodedRows, noises: readonly Float32Array[]): Float64Array => {
    const rest = remainder(encoder, layout, rows);
    if (layout.columns.length === 0) return rest;
    const batch = batchOf(encoder, layout, rows, everyRow(rows));
    const bounds = engine.scope(() => engine.read(evidenceBound(engine, constantsOf(engine, weights), layout, batch, noises)));
    return rest.map((value, r) => value + bounds[r]!);
  };

  const draw = (n: number, random: Random): EncodedRows => {
    const rows = blankRows(n, encoder.columns.length);
    if (layout.columns.length === 0) return rows;
    const noise = Float32Array.from({ length: n * latent }, () => random.normal());
    const width = size + layout.oneHots;
    const decoded = engine.scope(() =>
      engine.read(decodeLatent(engine, constantsOf(engine, weights), engine.constant(n, latent, noise))),
    );
    for (let r = 0; r < n; r += 1) {
      for (const c of layout.columns) rows.outcomes[r * rows.width + c] = encoder.columns[c]!.seen[0]!;
      for (const { index, start, count } of layout.discrete)
        rows.outcomes[r * rows.width + index] =
          encoder.columns[index]!.seen[drawLogit(decoded, r * width + size + start, count, random)]!;
      layout.dimensions.forEach((c, d) => {
        const at = r * rows.width + c;
        if (!isContinuous(encoder.columns[c]!, rows.outcomes[at]!)) return;
        const logSigma = Math.min(Math.max(weights['logSigma']!.values[d]!, LOG_SIGMA_MIN), LOG_SIGMA_MAX);
        rows.z[at] = decoded[r * width + d]! + Math.exp(logSigma) * random.normal();
      });
    }
    return rows;
  };

  const encode = (rows: EncodedRows): Float64Array => {
    if (layout.columns.length === 0) return new Float64Array(rows.rowCount * latent);
    const batch = batchOf(encoder, layout, rows, everyRow(rows));
    const means = engine.scope(() =>
      engine.read(encodeLatent(engine, constantsOf(engine, weights), inputsOf(engine, layout, batch)).mean),
    );
    return Float64Array.from(means);
  };

  /** The decoder's means and most probable outcomes. */
  const decode = (points: Float64Array, like: EncodedRows): EncodedRows => {
    const rows = { ...like, outcomes: like.outcomes.slice(), z: like.z.slice() };
    if (layout.columns.length === 0) return rows;
    const decoded = engine.scope(() =>
      engine.read(
        decodeLatent(engine, constantsOf(engine, weights), engine.constant(rows.rowCount, latent, Float32Array.from(points))),
      ),
    );
    const width = size + layout.oneHots;
    for (let r = 0; r < rows.rowCount; r += 1) {
      for (const c of layout.columns) rows.outcomes[r * rows.width + c] = encoder.columns[c]!.seen[0]!;
      for (const { index, start, count } of layout.discrete) {
        const logits = decoded.subarray(r * width + size + start, r * width + size + start + count);
        rows.outcomes[r * rows.width + index] = encoder.columns[index]!.seen[logits.indexOf(Math.max(...logits))]!;
      }
      layout.dimensions.forEach((c, d) => {
        const at = r * rows.width + c;
        rows.z[at] = isContinuous(encoder.columns[c]!, rows.outcomes[at]!) ? decoded[r * width + d]! : 0;
      });
    }
    return rows;
  };

  const { meta, values } = saveWeights(weights);
  const score = (rows: EncodedRows): Float64Array =>
    boundOf(rows, [new Float32Array(rows.rowCount * latent)]).map((bound) => -bound);
  const core = { estimator: NAME, encoder, score, draw, meta: { weights: meta }, arrays: { weights: values } };
  return {
    estimator: NAME,
    score: (features) => scoreDensity(core, features),
    logProbBound(features) {
      const bounds = new Float64Array(features.rowCount);
      forChunks(encoder, features, (rows, from) => {
        const slopes = logSlopes(encoder, features, rows, from);
        boundOf(rows, boundNoises(rows, latent)).forEach((bound, r) => (bounds[from + r] = bound + slopes[r]!));
      });
      return bounds;
    },
    sample: (n, random, condition) => sampleDensity(core, n, random, condition),
    usualValues: (features) => usualOf(core, features),
    save: () => saveDensity(core),
    ...latentMethods({ encoder, latentSize: latent, encode, decode, score }),
  };
};

/** An index with probability softmax(values[from .. from + count)). */
const drawLogit = (values: Float32Array, from: number, count: number, random: Random): number => {
  let top = -Infinity;
  for (let i = 0; i < count; i += 1) top = Math.max(top, values[from + i]!);
  let total = 0;
  for (let i = 0; i < count; i += 1) total += Math.exp(values[from + i]! - top);
  let rest = random.uniform() * total;
  for (let i = 0; i < count - 1; i += 1) {
    rest -= Math.exp(values[from + i]! - top);
    if (rest < 0) return i;
  }
  return count - 1;
};

/**
 * Variational autoencoder (Kingma and Welling 2014; recipe in models.md 7.3): Gaussian decoder with one learnt deviation per
 * column, softmax for categories and missing cells. No exact density: `logProbBound` is the evidence lower bound by 16
 * latent draws of the row's own, an unbiased estimate of a bound below log p. `score` is the negative of the same expression at the latent
 * mean: cheaper, no worse at ranking (measured), but not itself a bound. A numeric column with ties enters by its mid-rank z.
 */
export const vae: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'lower-bound',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: false });
    const layout = jointLayout(encoder);
    if (layout.columns.length === 0) return create(encoder, {}, context.backend);
    const latent = latentSize(layout);
    const resting = context.random.fork('resting');
    const weights = await trainNetwork(
      {
        initial: initialVae(encoder, layout, parameters.hidden, context.random.fork('weights')),
        rowCount: rows.rowCount,
        settings: parameters,
        loss(engine, tensors, chosen, noise) {
          const batch = batchOf(encoder, layout, rows, chosen, parameters.inputNoise, noise);
          const draws = noise ?? resting;
          const eta = Float32Array.from({ length: chosen.length * latent }, () => draws.normal());
          return engine.scale(engine.mean(evidenceBound(engine, tensors, layout, batch, [eta])), -1);
        },
      },
      context,
    );
    return create(encoder, weights, context.backend);
  },
  load(artifact, { backend }) {
    checkArtifact(NAME, artifact);
    return create(loadEncoder(artifact), loadWeights(artifact), backend);
  },
};
