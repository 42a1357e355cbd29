import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine } from '../../tensor/engine.js';
import { type ColumnEncoder, type EncodedRows, isContinuous, loadEncoder } from '../column-encoder.js';
import type { Detector, Estimator, Sampler } from '../detector.js';
import { constantsOf, loadWeights, saveWeights, type Weights } from '../network-weights.js';
import { type NetworkRows, playGame, trainInverse } from './adversarial-training.js';
import { addApartTerms, apartLogProb } from './apart-columns.js';
import { checkArtifact, rowSums, sampleDensity, saveDensity, scoreDensity } from './density-model.js';
import { encodeTraining } from './encode-training.js';
import { discriminate, drawGenerated, invert, reconstructionEnergy } from './gan-network.js';
import { blankRows, continuousCells, everyRow, type JointLayout, jointLayout, oneHotCells } from './joint-layout.js';

const NAME = 'gan';

const parametersSchema = z.strictObject({
  transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
  latent: z.int().min(1).max(64).default(8),
  hidden: z.int().min(1).max(512).default(64),
  rowsMax: z.int().min(10).max(1_000_000).default(20_000),
  batchSize: z.int().min(2).max(4096).default(128),
  epochs: z.number().positive().max(1000).default(5),
  stepsMin: z.int().min(1).max(100_000).default(800),
  stepsMax: z.int().min(1).max(100_000).default(3000),
  learningRate: z.number().positive().max(1).default(5e-3),
  momentWeight: z.number().nonnegative().max(1000).default(0.5),
  discriminatorWeight: z.number().nonnegative().max(100).default(0.5),
});

/** Share of the fit's progress that the game takes; the rest is the encoder's. */
const GAME_SHARE = 0.7;
/** Training rows that the discriminator's part of the score is scaled on. */
const SCALE_ROWS = 2000;

/** Outcomes unseen by training enter the networks as the commonest one; what they cost is added apart. */
const withSeenOutcomes = (encoder: ColumnEncoder, { discrete }: JointLayout, rows: EncodedRows): EncodedRows => {
  const outcomes = rows.outcomes.slice();
  for (const { index, seenPosition } of discrete) {
    const { counts } = encoder.columns[index]!;
    const commonest = counts.indexOf(Math.max(...counts));
    for (let at = index; at < outcomes.length; at += rows.width) if (seenPosition[outcomes[at]!]! < 0) outcomes[at] = commonest;
  }
  return { ...rows, outcomes };
};

const networkRows = (
  encoder: ColumnEncoder,
  layout: JointLayout,
  rows: EncodedRows,
): NetworkRows & { observed: Float32Array } => {
  const every = everyRow(rows);
  const { z: cells, observed } = continuousCells(encoder, layout, rows, every);
  const oneHots = oneHotCells(layout, rows, every);
  const size = layout.dimensions.length;
  const width = size + layout.oneHots;
  const values = new Float32Array(rows.rowCount * width);
  for (let r = 0; r < rows.rowCount; r += 1) {
    values.set(cells.subarray(r * size, (r + 1) * size), r * width);
    values.set(oneHots.subarray(r * layout.oneHots, (r + 1) * layout.oneHots), r * width + size);
  }
  return { width, values, observed };
};

/** -log p of what the networks do not speak about: columns set apart and unseen outcomes. */
const surprisals = (encoder: ColumnEncoder, layout: JointLayout, rows: EncodedRows): Float64Array => {
  const values = new Float64Array(rows.z.length);
  addApartTerms(encoder, rows, values);
  for (const c of layout.columns) {
    const column = encoder.columns[c]!;
    for (let at = c; at < values.length; at += rows.width) {
      const outcome = rows.outcomes[at]!;
      if (column.counts[outcome] === 0) values[at] = -apartLogProb(column, outcome, rows.z[at]!);
    }
  }
  return rowSums(values, rows.width);
};

interface Judgement {
  readonly energy: Float32Array;
  readonly logit: Float32Array;
}

const judge = (engine: Engine, weights: Weights, encoder: ColumnEncoder, layout: JointLayout, rows: EncodedRows): Judgement => {
  const { width, values, observed } = networkRows(encoder, layout, withSeenOutcomes(encoder, layout, rows));
  return engine.scope(() => {
    const tensors = constantsOf(engine, weights);
    const batch = engine.constant(rows.rowCount, width, values);
    const size = layout.dimensions.length;
    const mask = size > 0 ? engine.constant(rows.rowCount, size, observed) : undefined;
    const latent = invert(engine, tensors, batch);
    return {
      energy: engine.read(reconstructionEnergy(engine, tensors, layout, batch, mask, latent)),
      logit: engine.read(discriminate(engine, tensors, batch)),
    };
  });
};

const deviation = (values: Float32Array): number => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
};

interface Fitted {
  readonly weights: Weights;
  readonly latent: number;
  /** What a unit of the discriminator's log-odds is worth in the score, and the most that counts. */
  readonly logitScale: number;
  readonly logitRange: readonly [number, number];
}

const create = (encoder: ColumnEncoder, fitted: Fitted, backend: TensorBackend): Detector & Sampler => {
  const { weights, latent, logitScale, logitRange } = fitted;
  const engine = new Engine(backend);
  const layout = jointLayout(encoder);

  const score = (rows: EncodedRows): Float64Array => {
    const scores = surprisals(encoder, layout, rows);
    if (layout.columns.length === 0 || rows.rowCount === 0) return scores;
    const { energy, logit } = judge(engine, weights, encoder, layout, rows);
    return scores.map((sum, r) => sum + energy[r]! - logitScale * Math.min(Math.max(logit[r]!, logitRange[0]), logitRange[1]));
  };

  const draw = (n: number, random: Random): EncodedRows => {
    const rows = blankRows(n, encoder.columns.length);
    if (layout.columns.length === 0) return rows;
    const noise = Float32Array.from({ length: n * latent }, () => random.normal());
    const drawn = engine.scope(() => {
      const tensors = constantsOf(engine, weights);
      return engine.read(drawGenerated(engine, tensors, encoder, layout, engine.constant(n, latent, noise), random));
    });
    const size = layout.dimensions.length;
    const width = size + layout.oneHots;
    for (let r = 0; r < n; r += 1) {
      for (const c of layout.columns) rows.outcomes[r * rows.width + c] = encoder.columns[c]!.seen[0]!;
      for (const { index, start, count } of layout.discrete) {
        const from = r * width + size + start;
        const chosen = drawn.subarray(from, from + count).findIndex((value) => value > 0.5);
        rows.outcomes[r * rows.width + index] = encoder.columns[index]!.seen[chosen]!;
      }
      layout.dimensions.forEach((c, d) => {
        const at = r * rows.width + c;
        if (isContinuous(encoder.columns[c]!, rows.outcomes[at]!)) rows.z[at] = drawn[r * width + d]!;
      });
    }
    return rows;
  };

  const { meta, values } = saveWeights(weights);
  return {
    estimator: NAME,
    score: (features) => scoreDensity({ encoder, score }, features),
    sample: (n, random, condition) => sampleDensity({ encoder, draw }, n, random, condition),
    save: () =>
      saveDensity({
        estimator: NAME,
        encoder,
        meta: { weights: meta, latent, logitScale, logitRange },
        arrays: { weights: values },
      }),
  };
};

/**
 * Generative adversarial network (Goodfellow et al. 2014) with an encoder trained after it (f-AnoGAN, Schlegl et al. 2019). It has
 * no likelihood. `score` is how badly the generator reproduces a row from its most probable latent point, how improbable that
 * point is, and how little the discriminator takes the row for real.
 */
export const gan: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'none',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: false });
    const layout = jointLayout(encoder);
    const { latent } = parameters;
    if (layout.columns.length === 0)
      return create(encoder, { weights: {}, latent, logitScale: 0, logitRange: [0, 0] }, context.backend);
    const { epochs, stepsMin, stepsMax, batchSize } = parameters;
    const steps = Math.min(stepsMax, Math.max(stepsMin, Math.round((epochs * rows.rowCount) / batchSize)));
    const game = { encoder, layout, rows: networkRows(encoder, layout, rows), settings: { ...parameters, steps } };
    const played = await playGame(game, context, GAME_SHARE);
    const weights = await trainInverse(game, played, context, GAME_SHARE);
    const count = Math.min(SCALE_ROWS, rows.rowCount);
    const some = { ...rows, rowCount: count, outcomes: rows.outcomes.slice(0, count * rows.width), z: rows.z };
    const { energy, logit } = judge(new Engine(context.backend), weights, encoder, layout, some);
    const logitScale = (parameters.discriminatorWeight * deviation(energy)) / Math.max(deviation(logit), 1e-6);
    const logitRange = [Math.min(...logit), Math.max(...logit)] as const;
    return create(encoder, { weights, latent, logitScale, logitRange }, context.backend);
  },
  load(artifact, { backend }) {
    checkArtifact(NAME, artifact);
    const { latent, logitScale, logitRange } = artifact.meta as unknown as Fitted;
    return create(loadEncoder(artifact), { weights: loadWeights(artifact), latent, logitScale, logitRange }, backend);
  },
};
