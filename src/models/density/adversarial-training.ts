import type { Random } from '../../domain/random.js';
import { Adam } from '../../tensor/adam.js';
import { Engine, type Tensor } from '../../tensor/engine.js';
import type { ColumnEncoder } from '../column-encoder.js';
import type { FitContext } from '../detector.js';
import { betweenSteps, shuffledIndices } from '../fit-rows.js';
import { constantsOf, tensorsBy, type Weights } from '../network-weights.js';
import { discriminate, drawGenerated, INPUT_MAX, invert, perceptron, reconstructionEnergy } from './gan-network.js';
import type { JointLayout } from './joint-layout.js';

export interface AdversarialSettings {
  readonly latent: number;
  readonly hidden: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly momentWeight: number;
}

/** Rows as the networks take them: z where observed and 0 elsewhere, then one-hots; rows x (dimensions + one-hots). */
export interface NetworkRows {
  readonly width: number;
  readonly values: Float32Array;
}

/** Deviation of the instance noise at the start and at the end, in units of z. */
const [NOISE_START, NOISE_END] = [0.3, 0.1];
const BETA1 = 0.5;
const CLIP_NORM = 5;
/** Decay of the running mean of both networks' weights (Yazici et al. 2019): the game circles, its mean does not. */
const AVERAGING = 0.99;
/** Rows behind moments, real or generated, and the most that the last correction of deviations stretches. */
const [MOMENT_ROWS, RATIO_MAX] = [4096, 4];

const normals = (engine: Engine, rows: number, columns: number, random: Random, sd = 1): Tensor =>
  engine.constant(
    rows,
    columns,
    Float32Array.from({ length: rows * columns }, () => sd * random.normal()),
  );

/** Means (1 x columns) and mean products (columns x columns). */
const momentsOf = (engine: Engine, rows: Tensor): { means: Tensor; products: Tensor } => ({
  means: engine.scale(engine.sumColumns(rows), 1 / rows.rows),
  products: engine.scale(engine.matMul(rows, rows, { transposeA: true }), 1 / rows.rows),
});

/** Squared distance of a batch's moments from those of training: what keeps the generator from collapsing onto one mode. */
const momentDistance = (engine: Engine, rows: Tensor, target: { means: Tensor; products: Tensor }): Tensor => {
  const { means, products } = momentsOf(engine, rows);
  const first = engine.sum(engine.square(engine.sub(means, target.means)));
  return engine.add(first, engine.sum(engine.square(engine.sub(products, target.products))));
};

/** A learner of some weights: its tensors, a step along the gradient of a recorded loss, and the running mean of what it learnt. */
const learner = (engine: Engine, weights: Weights) => {
  const names = Object.keys(weights);
  const parameters = names.map((name) => engine.parameter(weights[name]!.rows, weights[name]!.columns, weights[name]!.values));
  const adam = new Adam(engine, parameters, { beta1: BETA1 });
  const averages = adam.snapshot();
  const average = (): void =>
    adam.snapshot().forEach((values, i) => {
      const means = averages[i]!;
      for (let at = 0; at < values.length; at += 1) means[at] = AVERAGING * means[at]! + (1 - AVERAGING) * values[at]!;
    });
  return {
    tensors: tensorsBy(new Map(names.map((name, i) => [name, parameters[i]!]))),
    step(loss: () => Tensor, learningRate: number): void {
      engine.scope(() => adam.step(engine.gradients(engine.record(loss), parameters), { learningRate, clipNorm: CLIP_NORM }));
      average();
    },
    weights: (): Weights => Object.fromEntries(names.map((name, i) => [name, { ...weights[name]!, values: averages[i]! }])),
    dispose(): void {
      adam.dispose();
      for (const parameter of parameters) engine.dispose(parameter);
    },
  };
};

interface Game {
  readonly encoder: ColumnEncoder;
  readonly layout: JointLayout;
  readonly rows: NetworkRows;
  readonly settings: AdversarialSettings;
}

/** Falls in a line to a tenth. */
const rateAt = ({ learningRate, steps }: AdversarialSettings, step: number): number => learningRate * (1 - (0.9 * step) / steps);

/** Endless shuffled batches; every row once a pass. */
const realBatches = function* ({ width, values }: NetworkRows, size: number, random: Random): Generator<Float32Array, never> {
  for (;;) {
    const order = shuffledIndices(values.length / width, random);
    for (let from = 0; from + size <= order.length; from += size) {
      const batch = new Float32Array(size * width);
      order.subarray(from, from + size).forEach((r, i) => batch.set(values.subarray(r * width, (r + 1) * width), i * width));
      yield batch;
    }
  }
};

const initialGenerator = ({ encoder, layout, rows, settings }: Game, random: Random): Weights => {
  const weights = perceptron('generator', [settings.latent, settings.hidden, rows.width], random);
  for (const { index, start } of layout.discrete)
    encoder.columns[index]!.seen.forEach((outcome, i) => {
      weights['generatorb3']!.values[layout.dimensions.length + start + i] = encoder.columns[index]!.logFrequencies[outcome]!;
    });
  return weights;
};

/** Mean and deviation of one dimension's observed cells. */
const spreadOf = ({ width, values }: NetworkRows, dimension: number): { mean: number; deviation: number } => {
  let [count, sum, squares] = [0, 0, 0];
  for (let at = dimension; at < values.length; at += width) {
    if (values[at] === 0) continue;
    count += 1;
    sum += values[at]!;
    squares += values[at]! ** 2;
  }
  const mean = sum / count;
  return { mean, deviation: Math.sqrt(squares / count - mean ** 2) };
};

/** Scales and shifts the generator's z to the training rows' means and deviations: averaged weights are a little too calm. */
const matchSpread = ({ layout, rows }: Game, weights: Weights, drawn: NetworkRows): Weights => {
  const [last, bias] = [weights['generator3']!, weights['generatorb3']!];
  const [slopes, shifts] = [last.values.slice(), bias.values.slice()];
  for (let d = 0; d < layout.dimensions.length; d += 1) {
    const [real, generated] = [spreadOf(rows, d), spreadOf(drawn, d)];
    const ratio = real.deviation / generated.deviation;
    if (!(ratio > 0 && ratio < RATIO_MAX)) continue;
    for (let at = d; at < slopes.length; at += last.columns) slopes[at]! *= ratio;
    shifts[d] = real.mean + ratio * (shifts[d]! - generated.mean);
  }
  return { ...weights, generator3: { ...last, values: slopes }, generatorb3: { ...bias, values: shifts } };
};

/**
 * The game of Goodfellow et al. (2014) with the non-saturating loss. Instance noise (Arjovsky and Bottou 2017), which fades, keeps
 * both distributions overlapping: a gradient penalty would need second-order gradients, which the tensor engine does not have.
 *
 * @returns both networks' weights, averaged over the last steps
 */
export const playGame = async (game: Game, context: FitContext, shareOfFit: number): Promise<Weights> => {
  const { encoder, layout, rows, settings } = game;
  const rowCount = rows.values.length / rows.width;
  const size = Math.min(settings.batchSize, rowCount);
  const engine = new Engine(context.backend);
  const random = context.random.fork('game');
  const initial = context.random.fork('weights');
  const generator = learner(engine, initialGenerator(game, initial));
  const discriminator = learner(engine, perceptron('discriminator', [rows.width, settings.hidden, 1], initial));
  const target = engine.scope(() => {
    const some = Math.min(rowCount, MOMENT_ROWS);
    const { value } = realBatches(rows, some, context.random.fork('moments')).next();
    const { means, products } = momentsOf(engine, engine.clip(engine.constant(some, rows.width, value), -INPUT_MAX, INPUT_MAX));
    return [means, products] as const;
  });
  const fake = (): Tensor =>
    drawGenerated(engine, generator.tensors, encoder, layout, normals(engine, size, settings.latent, random), random);
  const batches = realBatches(rows, size, random);
  try {
    for (let step = 1; step <= settings.steps; step += 1) {
      const real = batches.next().value;
      const sd = NOISE_START + ((NOISE_END - NOISE_START) * step) / settings.steps;
      const rate = rateAt(settings, step);
      const judge = (batch: Tensor): Tensor =>
        discriminate(engine, discriminator.tensors, engine.add(batch, normals(engine, size, rows.width, random, sd)));
      engine.scope(() => {
        const generated = fake();
        discriminator.step(() => {
          const onReal = engine.softplus(engine.neg(judge(engine.constant(size, rows.width, real))));
          return engine.mean(engine.add(onReal, engine.softplus(judge(generated))));
        }, rate);
      });
      generator.step(() => {
        const generated = fake();
        const fooled = engine.mean(engine.softplus(engine.neg(judge(generated))));
        const distance = momentDistance(engine, generated, { means: target[0], products: target[1] });
        return engine.add(fooled, engine.scale(distance, settings.momentWeight));
      }, rate);
      await betweenSteps(context, (shareOfFit * step) / settings.steps, `game, step ${step} of ${settings.steps}`);
    }
    const weights = generator.weights();
    const drawn = engine.scope(() => {
      const latent = normals(engine, MOMENT_ROWS, settings.latent, random);
      return engine.read(drawGenerated(engine, constantsOf(engine, weights), encoder, layout, latent, random));
    });
    return { ...matchSpread(game, weights, { ...rows, values: drawn }), ...discriminator.weights() };
  } finally {
    for (const each of [generator, discriminator]) each.dispose();
    for (const tensor of target) engine.dispose(tensor);
  }
};

/**
 * The generator's inverse (f-AnoGAN, Schlegl et al. 2019), on generated rows, of which there are always new ones: for each row
 * the most probable latent point. Half of the rows carry noise, so that it knows its way back from rows the generator does not make.
 */
export const trainInverse = async (game: Game, weights: Weights, context: FitContext, shareBefore: number): Promise<Weights> => {
  const { encoder, layout, rows, settings } = game;
  const engine = new Engine(context.backend);
  const random = context.random.fork('inverse');
  const inverse = learner(engine, perceptron('encoder', [rows.width, settings.hidden, settings.latent], random));
  const dimensions = layout.dimensions.length;
  const size = settings.batchSize;
  try {
    for (let step = 1; step <= settings.steps; step += 1) {
      engine.scope(() => {
        const tensors = constantsOf(engine, weights);
        const latent = normals(engine, size, settings.latent, random);
        const values = engine.read(drawGenerated(engine, tensors, encoder, layout, latent, random));
        const mask = new Float32Array(size * dimensions);
        for (let at = 0; at < mask.length; at += 1) {
          const cell = Math.floor(at / dimensions) * rows.width + (at % dimensions);
          if (values[cell] === 0) continue;
          mask[at] = 1;
          if (at < mask.length / 2) values[cell]! += random.normal();
        }
        const batch = engine.constant(size, rows.width, values);
        const observed = dimensions > 0 ? engine.constant(size, dimensions, mask) : undefined;
        inverse.step(
          () =>
            engine.mean(reconstructionEnergy(engine, tensors, layout, batch, observed, invert(engine, inverse.tensors, batch))),
          rateAt(settings, step),
        );
      });
      const share = Math.min(1, shareBefore + ((1 - shareBefore) * step) / settings.steps);
      await betweenSteps(context, share, `inverse, step ${step} of ${settings.steps}`);
    }
    return { ...weights, ...inverse.weights() };
  } finally {
    inverse.dispose();
  }
};
