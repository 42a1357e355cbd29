import { z } from 'zod';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine } from '../../tensor/engine.js';
import { type ColumnEncoder, type EncodedRows, loadEncoder } from '../column-encoder.js';
import type { Estimator } from '../detector.js';
import { constantsOf, loadWeights, type Weights } from '../network-weights.js';
import { trainingParameters, trainNetwork } from '../train-network.js';
import { type AutoregressiveModel, createAutoregressive } from './autoregressive-density.js';
import { headsLoss, noisyCells } from './autoregressive-loss.js';
import { networkInputs, networkLayout } from './autoregressive-network.js';
import { checkArtifact } from './density-model.js';
import { encodeTraining } from './encode-training.js';
import { initialTransformer, transform, type TransformerShape } from './transformer-network.js';

const NAME = 'transformer';
/** Rows that pass the network at once: their tokens stay in the processor's cache. */
const BLOCK_ROWS = 64;

const parametersSchema = z
  .strictObject({
    ...trainingParameters,
    epochs: trainingParameters.epochs.default(5),
    transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
    layers: z.int().min(1).max(12).default(2),
    heads: z.int().min(1).max(16).default(4),
    width: z.int().min(1).max(512).default(32),
  })
  .refine(({ width, heads }) => width % heads === 0, { path: ['width'], message: 'must be a multiple of heads' });

const create = (
  encoder: ColumnEncoder,
  weights: Weights,
  shape: TransformerShape,
  backend: TensorBackend,
): AutoregressiveModel => {
  const engine = new Engine(backend);
  const layout = networkLayout(encoder);
  const blockOutputs = (rows: EncodedRows, block: readonly number[]): Float32Array => {
    const inputs = networkInputs(encoder, layout, rows, block, (i, c) => rows.z[block[i]! * rows.width + c]!);
    return engine.scope(() => {
      const given = engine.constant(block.length, layout.inputs, inputs);
      return engine.read(transform(engine, constantsOf(engine, weights), layout, shape, given));
    });
  };
  const outputsOf = (rows: EncodedRows): Float32Array => {
    const outputs = new Float32Array(rows.rowCount * layout.outputs);
    for (let from = 0; outputs.length > 0 && from < rows.rowCount; from += BLOCK_ROWS) {
      const block = Array.from({ length: Math.min(BLOCK_ROWS, rows.rowCount - from) }, (_, i) => from + i);
      outputs.set(blockOutputs(rows, block), from * layout.outputs);
    }
    return outputs;
  };
  return createAutoregressive({ estimator: NAME, encoder, layout, weights, meta: { shape }, outputsOf });
};

/**
 * Transformer (Vaswani et al. 2017; layer normalisation first, Xiong et al. 2020) over the columns of a transaction, each a
 * token, in the columns' order: causal self-attention gives every column's mixture or outcome probabilities from
 * the columns before it, so p(x) is exact by the chain rule, with a term a column. Of a schema with `features.sequence` the
 * primary entity's recent events are the first tokens, oldest first: the same model is then one of the customer's sequence.
 * Cost: one pass for scoring, one pass a column for sampling; a pass grows with the square of the columns.
 */
export const transformer: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'exact',
  supervised: false,
  readsSequence: true,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: true });
    const { layers, heads, width, inputNoise } = parameters;
    const shape = { layers, heads, width };
    const layout = networkLayout(encoder);
    if (layout.columns.length === 0) return create(encoder, {}, shape, context.backend);
    const task = { encoder, layout, rows, inputNoise };
    const weights = await trainNetwork(
      {
        initial: initialTransformer(encoder, layout, shape, context.random.fork('weights')),
        rowCount: rows.rowCount,
        settings: parameters,
        loss(engine, tensors, chosen, noise) {
          const noisy = noisyCells(task, chosen, noise);
          const inputs = networkInputs(encoder, layout, rows, chosen, (i, column) => noisy[i * rows.width + column]!);
          const given = engine.constant(chosen.length, layout.inputs, inputs);
          return headsLoss(task, engine, transform(engine, tensors, layout, shape, given), chosen, noisy);
        },
      },
      context,
    );
    return create(encoder, weights, shape, context.backend);
  },
  load(artifact, { backend }) {
    checkArtifact(NAME, artifact);
    return create(loadEncoder(artifact), loadWeights(artifact), artifact.meta['shape'] as TransformerShape, backend);
  },
};
