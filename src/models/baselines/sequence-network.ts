import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine, type Tensor } from '../../tensor/engine.js';
import type { Artifact } from '../artifact.js';
import { checkColumns, loadEncoder, saveEncoder } from '../column-encoder.js';
import { checkArtifact } from '../density/density-model.js';
import type { Detector, Estimator } from '../detector.js';
import { memberArtifacts, nestArtifacts } from '../nested-artifact.js';
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
import { trainingParameters, trainNetwork, type TrainingSettings } from '../train-network.js';
import { limitLabelled, logOdds, requireBothClasses } from './labelled-rows.js';
import { logisticLoss } from './logistic-loss.js';
import {
  encodeSequences,
  fitSequenceEncoder,
  inputsOf,
  type SequenceEncoder,
  sequenceLayout,
  type SequenceLayout,
  type SequenceRows,
} from './sequence-inputs.js';

/** Rows that pass the network at once. */
const CHUNK_ROWS = 256;

/** What both networks take: smaller steps than a density's, and no rows held back: the few frauds among them choose by luck. */
export const sequenceParameters = {
  ...trainingParameters,
  rowsMax: trainingParameters.rowsMax.default(200_000),
  batchSize: trainingParameters.batchSize.default(256),
  learningRate: trainingParameters.learningRate.default(2e-3),
  validationShare: trainingParameters.validationShare.default(0),
  /** Units of the layer that joins the sequence's summary with the row. */
  hidden: z.int().min(1).max(1024).default(64),
};

export interface SequenceParameters extends TrainingSettings {
  readonly rowsMax: number;
  readonly inputNoise: number;
  readonly hidden: number;
}

/** What tells one network over recent events from another: how it sums them up. */
export interface SequenceSummary<P> {
  readonly name: string;
  readonly parameters: z.ZodType<P>;
  /** Numbers a row. */
  width(parameters: P, steps: number): number;
  initial(parameters: P, steps: number, inputs: number, random: Random): Weights;
  /** From the steps' inputs (rows · steps x inputs, oldest first) to rows x width. */
  summarise(engine: Engine, tensors: Tensors, parameters: P, steps: number, inputs: Tensor): Tensor;
}

interface Network<P> {
  readonly summary: SequenceSummary<P>;
  readonly parameters: P;
  readonly encoder: SequenceEncoder;
  readonly layout: SequenceLayout;
}

const initialWeights = <P extends SequenceParameters>(
  { summary, parameters, layout }: Network<P>,
  prior: number,
  random: Random,
): Weights => {
  const { hidden } = parameters;
  const summed = layout.step ? summary.width(parameters, layout.steps) : 0;
  return {
    ...(layout.step && summary.initial(parameters, layout.steps, layout.step.inputs, random)),
    // One more input, 1: a table of constants has no other.
    join: heNormal(summed + layout.row.inputs + 1, hidden, random),
    joinBias: zeroRow(hidden),
    output: normalMatrix(hidden, 1, 0.01, random),
    outputBias: { rows: 1, columns: 1, values: Float32Array.of(logOdds(prior)) },
  };
};

/** Log-odds of the chosen rows [chosen, 1]. */
const forward = <P extends SequenceParameters>(
  { summary, parameters, encoder, layout }: Network<P>,
  engine: Engine,
  tensors: Tensors,
  rows: SequenceRows,
  chosen: ArrayLike<number>,
  noise: () => number,
): Tensor => {
  const inputs = inputsOf(encoder, layout, rows, chosen, noise);
  const n = chosen.length;
  const parts = [engine.constant(n, 1, new Float32Array(n).fill(1))];
  if (layout.row.inputs > 0) parts.push(engine.constant(n, layout.row.inputs, inputs.row));
  if (layout.step) {
    const steps = engine.constant(n * layout.steps, layout.step.inputs, inputs.steps);
    parts.push(engine.scope(() => summary.summarise(engine, tensors, parameters, layout.steps, steps)));
  }
  const joined = engine.linear(engine.concat(parts), tensors('join'), tensors('joinBias'), 'relu');
  return engine.linear(joined, tensors('output'), tensors('outputBias'));
};

const create = <P extends SequenceParameters>(network: Network<P>, weights: Weights, backend: TensorBackend): Detector => {
  const { summary, parameters, encoder } = network;
  const engine = new Engine(backend);
  return {
    estimator: summary.name,
    score(features) {
      checkColumns(encoder.row, features);
      const scores = new Float64Array(features.rowCount);
      for (let from = 0; from < features.rowCount; from += CHUNK_ROWS) {
        const to = Math.min(features.rowCount, from + CHUNK_ROWS);
        const rows = encodeSequences(encoder, features, from, to);
        const chosen = Uint32Array.from({ length: to - from }, (_, i) => i);
        const logits = engine.scope(() =>
          engine.read(forward(network, engine, constantsOf(engine, weights), rows, chosen, () => 0)),
        );
        scores.set(logits, from);
      }
      return scores;
    },
    save() {
      const { meta, values } = saveWeights(weights);
      const { row, step } = encoder;
      const encoders = nestArtifacts({ row: encoderArtifact(row), ...(step && { step: encoderArtifact(step) }) });
      return {
        estimator: summary.name,
        meta: { ...encoders.meta, weights: meta, parameters },
        arrays: { ...encoders.arrays, weights: values },
      };
    },
  };
};

const encoderArtifact = (encoder: SequenceEncoder['row']): Artifact => {
  const { meta, values } = saveEncoder(encoder);
  return { estimator: 'columns', meta: { columns: meta }, arrays: { columns: values } };
};

/**
 * A supervised network over the primary entity's recent events (columns `lag…` of `features.sequence`, the row's own step
 * last) joined with the row's other columns by a hidden layer; log-odds of fraud by cross-entropy. A table without lags makes
 * it a plain network of one hidden layer on the row.
 */
export const sequenceNetwork = <P extends SequenceParameters>(summary: SequenceSummary<P>): Estimator => ({
  name: summary.name,
  family: 'discriminative',
  likelihood: 'none',
  supervised: true,
  readsSequence: true,
  async fit(data, context) {
    const parameters = parseParameters(summary.name, summary.parameters, context.parameters);
    const { features, labels } = limitLabelled(
      data.features,
      requireBothClasses(summary.name, data),
      parameters.rowsMax,
      context.random.fork('rows'),
    );
    const encoder = fitSequenceEncoder(features, context.random.fork('encoder'));
    const network = { summary, parameters, encoder, layout: sequenceLayout(encoder) };
    const rows = encodeSequences(encoder, features);
    const prior = (labels.reduce((sum, label) => sum + label, 0) + 0.5) / (labels.length + 1);
    const weights = await trainNetwork(
      {
        initial: initialWeights(network, prior, context.random.fork('weights')),
        rowCount: labels.length,
        settings: parameters,
        loss(engine, tensors, chosen, noise) {
          const drawn = (): number => (noise ? parameters.inputNoise * noise.normal() : 0);
          const logits = forward(network, engine, tensors, rows, chosen, drawn);
          return logisticLoss(engine, logits, labels, chosen);
        },
      },
      context,
    );
    return create(network, weights, context.backend);
  },
  load(artifact, { backend }) {
    checkArtifact(summary.name, artifact);
    const { row, step } = memberArtifacts(artifact);
    const encoder = { row: loadEncoder(row!), step: step ? loadEncoder(step) : null };
    const parameters = artifact.meta['parameters'] as P;
    return create({ summary, parameters, encoder, layout: sequenceLayout(encoder) }, loadWeights(artifact), backend);
  },
});
