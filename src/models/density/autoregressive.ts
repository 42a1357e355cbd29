import { z } from 'zod';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine } from '../../tensor/engine.js';
import { type ColumnEncoder, type EncodedRows, loadEncoder } from '../column-encoder.js';
import type { Estimator, FitContext } from '../detector.js';
import { constantsOf, loadWeights, type Weights } from '../network-weights.js';
import { trainingParameters, trainNetwork } from '../train-network.js';
import { type AutoregressiveModel, createAutoregressive } from './autoregressive-density.js';
import { autoregressiveLoss } from './autoregressive-loss.js';
import { forward, initialWeights, masked, networkInputs, networkLayout, networkMasks } from './autoregressive-network.js';
import { checkArtifact } from './density-model.js';
import { encodeTraining } from './encode-training.js';

const NAME = 'autoregressive';

const parametersSchema = z.strictObject({
  ...trainingParameters,
  transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
  hidden: z.int().min(1).max(1024).default(96),
});

const create = (encoder: ColumnEncoder, weights: Weights, backend: TensorBackend): AutoregressiveModel => {
  const engine = new Engine(backend);
  const layout = networkLayout(encoder);
  const outputsOf = (rows: EncodedRows): Float32Array => {
    if (layout.columns.length === 0) return new Float32Array(0);
    const all = Array.from({ length: rows.rowCount }, (_, r) => r);
    const inputs = networkInputs(encoder, layout, rows, all, (r, c) => rows.z[r * rows.width + c]!);
    return engine.scope(() =>
      engine.read(forward(engine, constantsOf(engine, weights), engine.constant(rows.rowCount, layout.inputs, inputs))),
    );
  };
  return createAutoregressive({ estimator: NAME, encoder, layout, weights, outputsOf });
};

const fitWeights = async (
  encoder: ColumnEncoder,
  rows: EncodedRows,
  parameters: z.infer<typeof parametersSchema>,
  context: FitContext,
): Promise<Weights> => {
  const layout = networkLayout(encoder);
  if (layout.columns.length === 0) return {};
  const masks = networkMasks(layout, parameters.hidden);
  const task = { encoder, layout, masks, rows, inputNoise: parameters.inputNoise };
  const trained = await trainNetwork(
    {
      initial: initialWeights(encoder, layout, parameters.hidden, context.random.fork('weights')),
      rowCount: rows.rowCount,
      settings: parameters,
      loss: (engine, tensors, chosen, noise) => autoregressiveLoss(task, engine, tensors, chosen, noise),
    },
    context,
  );
  const { w1, w2, w3 } = trained;
  return { ...trained, w1: masked(w1!, masks.first), w2: masked(w2!, masks.second), w3: masked(w3!, masks.last) };
};

/**
 * Autoregressive mixture: MADE (Germain et al. 2015) with a mixture of five Gaussians per numeric column, atoms, categories
 * and missing cells as outcomes of their own; recipe in models.md 7.2. Exact log p in mixed columns, a term per column,
 * and what is usual given the columns before. The order of the chain rule is the columns' order: put history first and the
 * current amount last, and its term says how unusual it is for this history.
 * Cost: one pass for scoring, one pass per column for sampling.
 */
export const autoregressive: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'exact',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: true });
    return create(encoder, await fitWeights(encoder, rows, parameters, context), context.backend);
  },
  load(artifact, { backend }) {
    checkArtifact(NAME, artifact);
    return create(loadEncoder(artifact), loadWeights(artifact), backend);
  },
};
