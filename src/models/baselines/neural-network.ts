import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine, type Tensor } from '../../tensor/engine.js';
import { checkColumns } from '../column-encoder.js';
import { checkArtifact } from '../density/density-model.js';
import type { Detector, Estimator } from '../detector.js';
import {
  constantsOf,
  heNormal,
  loadWeights,
  normalMatrix,
  saveWeights,
  type Tensors,
  type Weights,
  zeroRow,
} from '../network-weights.js';
import { parseParameters } from '../parameters.js';
import { trainingParameters, trainNetwork } from '../train-network.js';
import { countFrauds, limitLabelled, logOdds, requireBothClasses } from './labelled-rows.js';
import { logisticLoss } from './logistic-loss.js';
import { fitRowInputs, inputsOf, inputTransform, loadRowInputs, type RowInputs, saveRowInputs } from './row-inputs.js';

const NAME = 'neural-network';

const Parameters = z.strictObject({
  ...trainingParameters,
  transform: inputTransform,
  rowsMax: trainingParameters.rowsMax.default(200_000),
  batchSize: trainingParameters.batchSize.default(256),
  learningRate: trainingParameters.learningRate.default(2e-3),
  hidden: z.int().min(1).max(1024).default(64),
});

/** Rows that pass the network at once. */
const CHUNK_ROWS = 1024;

/** One more input, 1: a table of constants has no other. */
const inputCount = ({ width }: RowInputs): number => width + 1;

const initialWeights = (inputs: RowInputs, hidden: number, prior: number, random: Random): Weights => ({
  first: heNormal(inputCount(inputs), hidden, random),
  firstBias: zeroRow(hidden),
  second: heNormal(hidden, hidden, random),
  secondBias: zeroRow(hidden),
  output: normalMatrix(hidden, 1, 0.01, random),
  outputBias: { rows: 1, columns: 1, values: Float32Array.of(logOdds(prior)) },
});

/** Log-odds, [rows, 1]: two hidden ReLU layers. */
const forward = (engine: Engine, tensors: Tensors, points: Tensor): Tensor => {
  const first = engine.linear(points, tensors('first'), tensors('firstBias'), 'relu');
  const second = engine.linear(first, tensors('second'), tensors('secondBias'), 'relu');
  return engine.linear(second, tensors('output'), tensors('outputBias'));
};

/** The chosen rows of `points` (rows x width) with noise on their numbers, and the constant input. */
const batchOf = (inputs: RowInputs, points: Float32Array, chosen: ArrayLike<number>, noise: () => number): Float32Array => {
  const { width, layout } = inputs;
  const size = inputCount(inputs);
  const batch = new Float32Array(chosen.length * size);
  for (let i = 0; i < chosen.length; i += 1) {
    const from = chosen[i]! * width;
    batch.set(points.subarray(from, from + width), i * size);
    for (let d = 0; d < layout.dimensions.length; d += 1) batch[i * size + d]! += noise();
    batch[i * size + width] = 1;
  }
  return batch;
};

const create = (inputs: RowInputs, weights: Weights, backend: TensorBackend): Detector => {
  const engine = new Engine(backend);
  return {
    estimator: NAME,
    score(features) {
      checkColumns(inputs.encoder, features);
      const scores = new Float64Array(features.rowCount);
      for (let from = 0; from < features.rowCount; from += CHUNK_ROWS) {
        const to = Math.min(features.rowCount, from + CHUNK_ROWS);
        const chosen = Uint32Array.from({ length: to - from }, (_, i) => i);
        const batch = batchOf(inputs, inputsOf(inputs, features, from, to), chosen, () => 0);
        const logits = engine.scope(() =>
          engine.read(forward(engine, constantsOf(engine, weights), engine.constant(to - from, inputCount(inputs), batch))),
        );
        scores.set(logits, from);
      }
      return scores;
    },
    save() {
      const { meta, arrays } = saveRowInputs(inputs);
      const saved = saveWeights(weights);
      return { estimator: NAME, meta: { ...meta, weights: saved.meta }, arrays: { ...arrays, weights: saved.values } };
    },
  };
};

/**
 * Multilayer perceptron on tamed numbers and one-hots (`row-inputs.ts`), by the logistic loss; score: log-odds of fraud. No
 * class weights: the rank matters, the conformal layer calibrates. Keeps the weights of the best validation loss.
 * Cost: inputs x 64 + 64^2 multiplications a row and pass, three times that in training.
 */
export const neuralNetwork: Estimator = {
  name: NAME,
  family: 'discriminative',
  likelihood: 'none',
  supervised: true,
  async fit(data, context) {
    const parameters = parseParameters(NAME, Parameters, context.parameters);
    const all = requireBothClasses(NAME, data);
    context.signal?.throwIfAborted();
    const { features, labels } = limitLabelled(data.features, all, parameters.rowsMax, context.random.fork('rows'));
    const inputs = fitRowInputs(features, parameters.transform, context.random.fork('encoder'));
    const points = inputsOf(inputs, features, 0, features.rowCount);
    const prior = countFrauds(all) / all.length;
    const weights = await trainNetwork(
      {
        initial: initialWeights(inputs, parameters.hidden, prior, context.random.fork('weights')),
        rowCount: features.rowCount,
        settings: parameters,
        loss(engine, tensors, chosen, noise) {
          const batch = batchOf(inputs, points, chosen, () => (noise ? parameters.inputNoise * noise.normal() : 0));
          const logits = forward(engine, tensors, engine.constant(chosen.length, inputCount(inputs), batch));
          return logisticLoss(engine, logits, labels, chosen);
        },
      },
      context,
    );
    return create(inputs, weights, context.backend);
  },
  load(artifact, { backend }) {
    checkArtifact(NAME, artifact);
    return create(loadRowInputs(artifact), loadWeights(artifact), backend);
  },
};
