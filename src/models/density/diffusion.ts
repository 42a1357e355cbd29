import { z } from 'zod';
import { createRandom, type Random } from '../../domain/random.js';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine, type Tensor } from '../../tensor/engine.js';
import { type ColumnEncoder, type EncodedRows, isContinuous, loadEncoder, logSlopes } from '../column-encoder.js';
import type { BoundedModel, Estimator, FitContext } from '../detector.js';
import { betweenSteps } from '../fit-rows.js';
import { loadWeights, saveWeights, type Tensors, type Weights } from '../network-weights.js';
import { trainingParameters, trainNetwork } from '../train-network.js';
import { arrayOf, checkArtifact, forChunks, rowSums, sampleDensity, saveDensity, scoreDensity } from './density-model.js';
import { type ChainRows, type DiffusionChain, drawChain, errorsAt, evidenceBound } from './diffusion-chain.js';
import { initialDenoiser, predictVelocity } from './diffusion-network.js';
import { encodeTraining } from './encode-training.js';
import { drawFrequentRows, frequencyTerms } from './frequent-outcomes.js';
import { continuousCells, everyRow, type JointLayout, jointLayout, oneHotCells } from './joint-layout.js';
import { type NoiseLevel, noiseLevels } from './noise-schedule.js';
import { rowRandoms } from './row-noise.js';

const NAME = 'diffusion';

const parametersSchema = z.strictObject({
  ...trainingParameters,
  transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
  stepsMin: trainingParameters.stepsMin.unwrap().default(800),
  inputNoise: trainingParameters.inputNoise.unwrap().default(0),
  levels: z.int().min(4).max(1000).default(16),
  hidden: z.int().min(1).max(512).default(96),
});
type Parameters = z.infer<typeof parametersSchema>;

/** Noise of the first and the last level, in units of the normalised columns. */
const [NOISE_LEAST, NOISE_MOST] = [0.1, 0.995];
const SCORE_SEED = 20_250_102;
/** Rows behind the reverse variances. */
const CALIBRATION_ROWS = 2000;
/** Share of the progress that training takes; the rest measures the errors. */
const TRAINING_SHARE = 0.9;

const chainRows = (encoder: ColumnEncoder, layout: JointLayout, rows: EncodedRows, chosen: Uint32Array): ChainRows => ({
  rowCount: chosen.length,
  ...continuousCells(encoder, layout, rows, chosen),
  oneHots: oneHotCells(layout, rows, chosen),
});

const normals = (count: number, random: Random): Float32Array => Float32Array.from({ length: count }, () => random.normal());

/** Per level eps of every row's own chance. */
const rowNoise = (rows: EncodedRows, size: number, levels: number): ((level: number) => Float32Array) => {
  const all = Array.from({ length: levels }, () => new Float32Array(rows.rowCount * size));
  let r = 0;
  for (const random of rowRandoms(rows)) {
    for (const eps of all) for (let d = 0; d < size; d += 1) eps[r * size + d] = random.normal();
    r += 1;
  }
  return (level) => all[level]!;
};

/** Per level the same eps for every row, so that rows differ by what they are, not by chance. */
const sharedNoise = (size: number, rowCount: number, sign: 1 | -1): ((level: number) => Float32Array) => {
  return (level) => {
    const eps = normals(size, createRandom(SCORE_SEED + level));
    return Float32Array.from({ length: rowCount * size }, (_, at) => sign * eps[at % size]!);
  };
};

const create = (encoder: ColumnEncoder, chain: DiffusionChain, backend: TensorBackend): BoundedModel => {
  const engine = new Engine(backend);
  const layout = jointLayout(encoder);
  const size = layout.dimensions.length;

  const boundOf = (rows: EncodedRows, noises: readonly ((level: number) => Float32Array)[]): Float64Array => {
    const bounds = rowSums(frequencyTerms(encoder, layout, rows), rows.width).map((sum) => -sum);
    if (size === 0 || rows.rowCount === 0) return bounds;
    const chunk = chainRows(encoder, layout, rows, everyRow(rows));
    for (const noise of noises)
      evidenceBound(engine, chain, chunk, noise).forEach((bound, r) => (bounds[r]! += bound / noises.length));
    return bounds;
  };

  const draw = (n: number, random: Random): EncodedRows => {
    const rows = drawFrequentRows(encoder, layout, n, random);
    if (size === 0) return rows;
    const drawn = drawChain(engine, chain, chainRows(encoder, layout, rows, everyRow(rows)), random);
    layout.dimensions.forEach((c, d) => {
      for (let r = 0; r < n; r += 1)
        if (isContinuous(encoder.columns[c]!, rows.outcomes[r * rows.width + c]!))
          rows.z[r * rows.width + c] = drawn[r * size + d]!;
    });
    return rows;
  };

  const { meta, values } = saveWeights(chain.weights);
  const score = (rows: EncodedRows): Float64Array =>
    boundOf(rows, [sharedNoise(size, rows.rowCount, 1), sharedNoise(size, rows.rowCount, -1)]).map((bound) => -bound);
  return {
    estimator: NAME,
    score: (features) => scoreDensity({ encoder, score }, features),
    logProbBound(features) {
      const bounds = new Float64Array(features.rowCount);
      forChunks(encoder, features, (rows, from) => {
        const slopes = logSlopes(encoder, features, rows, from);
        boundOf(rows, [rowNoise(rows, size, chain.levels.length)]).forEach((bound, r) => (bounds[from + r] = bound + slopes[r]!));
      });
      return bounds;
    },
    sample: (n, random, condition) => sampleDensity({ encoder, draw }, n, random, condition),
    save: () =>
      saveDensity({
        estimator: NAME,
        encoder,
        meta: { weights: meta, levels: chain.levels.length },
        arrays: { weights: values, errors: chain.errors },
      }),
  };
};

/** Mean square of the network's error in v, each row at a level of its own: stratified, so that every batch sees them all. */
const velocityLoss = (
  engine: Engine,
  tensors: Tensors,
  { rowCount, z: x, observed, oneHots }: ChainRows,
  levels: readonly NoiseLevel[],
  random: Random,
): Tensor => {
  const size = x.length / rowCount;
  const first = random.uniform();
  const chosen = Uint16Array.from({ length: rowCount }, (_, r) => Math.floor(((r + first) * levels.length) / rowCount));
  const [noisy, target] = [new Float32Array(x.length), new Float32Array(x.length)];
  x.forEach((value, at) => {
    const { signal, noise } = levels[chosen[Math.floor(at / size)]!]!;
    const eps = random.normal();
    noisy[at] = observed[at]! * (signal * value + noise * eps);
    target[at] = signal * eps - noise * value;
  });
  const given = oneHots.length > 0 ? engine.constant(rowCount, oneHots.length / rowCount, oneHots) : undefined;
  const guess = predictVelocity(engine, tensors, engine.constant(rowCount, size, noisy), given, chosen, levels.length);
  const error = engine.mul(engine.sub(guess, engine.constant(rowCount, size, target)), engine.constant(rowCount, size, observed));
  return engine.scale(engine.sum(engine.square(error)), 1 / rowCount);
};

/** The mean squares of the trained denoiser's error, levels x dimensions. */
const measureErrors = async (
  chain: Omit<DiffusionChain, 'errors'>,
  rows: ChainRows,
  context: FitContext,
): Promise<Float64Array> => {
  const engine = new Engine(context.backend);
  const size = rows.z.length / rows.rowCount;
  const errors = new Float64Array(chain.levels.length * size);
  const random = context.random.fork('errors');
  for (let t = 0; t < chain.levels.length; t += 1) {
    errors.set(errorsAt(engine, { ...chain, errors }, rows, t, normals(rows.z.length, random)), t * size);
    const share = TRAINING_SHARE + ((1 - TRAINING_SHARE) * (t + 1)) / chain.levels.length;
    await betweenSteps(context, share, `level ${t + 1} of ${chain.levels.length} measured`);
  }
  return errors;
};

const fitChain = async (
  encoder: ColumnEncoder,
  layout: JointLayout,
  rows: EncodedRows,
  parameters: Parameters,
  context: FitContext,
): Promise<DiffusionChain> => {
  const levels = noiseLevels(parameters.levels, NOISE_LEAST, NOISE_MOST);
  if (layout.dimensions.length === 0) return { levels, weights: {}, errors: new Float64Array(0) };
  const resting = context.random.fork('resting');
  const weights: Weights = await trainNetwork(
    {
      initial: initialDenoiser(layout, parameters.hidden, context.random.fork('weights')),
      rowCount: rows.rowCount,
      settings: parameters,
      loss(engine, tensors, chosen, noise) {
        const cells = continuousCells(encoder, layout, rows, chosen, parameters.inputNoise, noise);
        const batch = { rowCount: chosen.length, ...cells, oneHots: oneHotCells(layout, rows, chosen) };
        return velocityLoss(engine, tensors, batch, levels, noise ?? resting);
      },
    },
    {
      ...context,
      onProgress: ({ share, message }) => context.onProgress?.({ share: TRAINING_SHARE * share, message }),
    },
  );
  const measured = everyRow(rows).subarray(0, CALIBRATION_ROWS);
  const errors = await measureErrors({ levels, weights }, chainRows(encoder, layout, rows, measured), context);
  return { levels, weights, errors };
};

/**
 * Denoising diffusion (Ho et al. 2020) of the continuous columns, conditioned on the discrete ones, which have each column's own
 * frequencies: p(x) >= prod_c P(outcome_c) x bound(z | outcomes), a valid bound in mixed columns. The chain is short, because
 * its reverse steps have the variances that the denoiser's measured errors call for (Bao et al. 2022), one a column and level.
 * `logProbBound` is an unbiased estimate of the bound by a row's own draws. `score` is the bound's negative by a pair of draws shared
 * by all rows. Cost: two passes of the network per level and row to score; as many as there are levels to sample.
 */
export const diffusion: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'lower-bound',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: false });
    return create(encoder, await fitChain(encoder, jointLayout(encoder), rows, parameters, context), context.backend);
  },
  load(artifact, { backend }) {
    checkArtifact(NAME, artifact);
    const levels = noiseLevels(artifact.meta['levels'] as number, NOISE_LEAST, NOISE_MOST);
    const errors = Float64Array.from(arrayOf(artifact, 'errors'));
    return create(loadEncoder(artifact), { levels, weights: loadWeights(artifact), errors }, backend);
  },
};
