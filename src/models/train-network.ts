import { z } from 'zod';
import type { Random } from '../domain/random.js';
import { Adam } from '../tensor/adam.js';
import { Engine, type Tensor } from '../tensor/engine.js';
import type { FitContext } from './detector.js';
import { betweenSteps, shuffledIndices } from './fit-rows.js';
import { loadWeights, type Tensors, tensorsBy, type Weights } from './network-weights.js';

/** The training schedule every network shares; defaults from models.md 7.2, each overridable in config/models.yaml. */
export const trainingParameters = {
  rowsMax: z.int().min(10).max(1_000_000).default(50_000),
  batchSize: z.int().min(1).max(4096).default(128),
  epochs: z.number().positive().max(1000).default(8),
  stepsMin: z.int().min(1).max(100_000).default(400),
  stepsMax: z.int().min(1).max(100_000).default(3000),
  learningRate: z.number().positive().max(1).default(4e-3),
  clipNorm: z.number().positive().default(5),
  inputNoise: z.number().nonnegative().max(1).default(0.1),
  validationShare: z.number().min(0).max(0.5).default(0.1),
};

export interface TrainingSettings {
  readonly batchSize: number;
  readonly epochs: number;
  readonly stepsMin: number;
  readonly stepsMax: number;
  readonly learningRate: number;
  readonly clipNorm: number;
  readonly validationShare: number;
}

export interface Training {
  readonly initial: Weights;
  /** Weights that are part of the network and not learnt; none if absent. */
  readonly fixed?: (name: string) => boolean;
  readonly rowCount: number;
  readonly settings: TrainingSettings;
  /** Mean loss of the rows, [1,1], in nats. `noise` is given in training and absent in validation. */
  loss(engine: Engine, tensors: Tensors, rows: Uint32Array, noise?: Random): Tensor;
}

const VALIDATIONS = 20;
/** Training ends when this many validations in a row were no better than the best: half of a full run. */
const PATIENCE = 10;
/** A warm start takes this share of the steps, with that share of the learning rate: it is near already. */
const WARM_STEPS = 1 / 3;
const WARM_RATE = 1 / 2;
const VALIDATION_ROWS_MAX = 2000;
/** The learning rate falls along a cosine to this share of its start. */
const FINAL_RATE = 0.02;
const BATCH_MIN = 16;
const PROGRESS_EVERY = 10;

/** Endless shuffled batches; every row once per epoch. */
const batches = function* (rows: Uint32Array, size: number, random: Random): Generator<Uint32Array, never> {
  for (;;) {
    const order = shuffledIndices(rows.length, random).map((i) => rows[i]!);
    for (let from = 0; from + size <= order.length; from += size) yield order.subarray(from, from + size);
  }
};

/** The weights of an earlier fit where every learnt one has the shape of this network's; null where the layout has changed. */
const earlierWeights = ({ initial, fixed }: Training, { warmStart }: FitContext): Weights | null => {
  if (!warmStart?.arrays['weights']) return null;
  const earlier = loadWeights(warmStart);
  const fits = Object.entries(initial).every(
    ([name, { rows, columns }]) => fixed?.(name) || (earlier[name]?.rows === rows && earlier[name].columns === columns),
  );
  if (!fits) return null;
  return Object.fromEntries(Object.entries(initial).map(([name, matrix]) => [name, fixed?.(name) ? matrix : earlier[name]!]));
};

/**
 * Adam on minibatches with a cosine schedule and gradient clipping; keeps the weights of the best validation loss, and stops
 * early when it no longer falls. Goes on from `warmStart` where its shapes fit.
 *
 * @returns the trained weights; no tensor outlives the call
 * @throws the signal's reason when aborted
 */
export const trainNetwork = async (training: Training, context: FitContext): Promise<Weights> => {
  const { rowCount, settings } = training;
  const earlier = earlierWeights(training, context);
  const initial = earlier ?? training.initial;
  const engine = new Engine(context.backend);
  const names = Object.keys(initial).filter((name) => !training.fixed?.(name));
  const constants = Object.entries(initial).filter(([name]) => training.fixed?.(name));
  const kept = constants.map(([name, w]) => [name, engine.constant(w.rows, w.columns, w.values)] as const);
  const parameters = names.map((name) => engine.parameter(initial[name]!.rows, initial[name]!.columns, initial[name]!.values));
  const tensors = tensorsBy(new Map([...kept, ...names.map((name, i) => [name, parameters[i]!] as const)]));
  const adam = new Adam(engine, parameters);

  const order = shuffledIndices(rowCount, context.random.fork('validation'));
  const validationCount = Math.min(VALIDATION_ROWS_MAX, Math.floor(rowCount * settings.validationShare));
  const validation = order.subarray(0, validationCount);
  const rows = order.subarray(validationCount);
  // Few rows make small batches: as many steps an epoch, cheaper ones, and noisier gradients against overfitting.
  const batchSize = Math.max(1, Math.min(settings.batchSize, Math.max(BATCH_MIN, Math.floor(rows.length / 8)), rows.length));
  const wanted = Math.max(settings.stepsMin, Math.round((settings.epochs * rows.length) / batchSize));
  const steps = Math.ceil(Math.min(settings.stepsMax, wanted) * (earlier ? WARM_STEPS : 1));
  const rate = settings.learningRate * (earlier ? WARM_RATE : 1);
  const validationEvery = Math.max(1, Math.floor(steps / VALIDATIONS));
  const source = batches(rows, batchSize, context.random.fork('batches'));
  const noise = context.random.fork('noise');

  const validate = (): number => engine.scope(() => engine.read(training.loss(engine, tensors, validation))[0]!);
  // A warm start is never worse than what it began with, on the rows held back.
  let best = { loss: earlier && validationCount > 0 ? validate() : Infinity, weights: adam.snapshot() };
  let failures = 0;
  try {
    for (let step = 1; step <= steps; step += 1) {
      const cosine = 0.5 + 0.5 * Math.cos((Math.PI * (step - 1)) / steps);
      const learningRate = rate * (FINAL_RATE + (1 - FINAL_RATE) * cosine);
      const loss = engine.scope(() => {
        const value = engine.record(() => training.loss(engine, tensors, source.next().value, noise));
        adam.step(engine.gradients(value, parameters), { learningRate, clipNorm: settings.clipNorm });
        return engine.read(value)[0]!;
      });
      if (validationCount > 0 && (step % validationEvery === 0 || step === steps)) {
        const validationLoss = validate();
        failures = validationLoss < best.loss ? 0 : failures + 1;
        if (failures === 0) best = { loss: validationLoss, weights: adam.snapshot() };
      }
      if (step % PROGRESS_EVERY === 0 || step === steps)
        await betweenSteps(context, step / steps, `step ${step} of ${steps}, loss ${loss.toFixed(3)}`);
      if (failures < PATIENCE) continue;
      await betweenSteps(context, 1, `stopped at step ${step} of ${steps}: no longer better on held-back rows`);
      break;
    }
    const weights = Number.isFinite(best.loss) ? best.weights : adam.snapshot();
    return { ...initial, ...Object.fromEntries(names.map((name, i) => [name, { ...initial[name]!, values: weights[i]! }])) };
  } finally {
    adam.dispose();
    for (const tensor of [...parameters, ...kept.map(([, constant]) => constant)]) engine.dispose(tensor);
  }
};
