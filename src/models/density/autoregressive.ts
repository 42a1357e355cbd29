import { z } from 'zod';
import { type FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine } from '../../tensor/engine.js';
import { type ColumnEncoder, type EncodedColumn, type EncodedRows, isContinuous, loadEncoder } from '../column-encoder.js';
import { transform } from '../column-transform.js';
import type { DensityModel, Estimator, FitContext, UsualValues } from '../detector.js';
import { constantsOf, loadWeights, saveWeights, type Weights } from '../network-weights.js';
import { trainingParameters, trainNetwork } from '../train-network.js';
import { addApartTerms } from './apart-columns.js';
import { ColumnHead } from './autoregressive-heads.js';
import { autoregressiveLoss } from './autoregressive-loss.js';
import { forward, initialWeights, masked, networkInputs, networkLayout, networkMasks } from './autoregressive-network.js';
import { checkArtifact, createDensity, forChunks, rowSums } from './density-model.js';
import { encodeTraining } from './encode-training.js';

const NAME = 'autoregressive';

const parametersSchema = z.strictObject({
  ...trainingParameters,
  transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
  hidden: z.int().min(1).max(1024).default(96),
});

/** A fitted autoregressive density also says what is usual. */
interface AutoregressiveModel extends DensityModel {
  usualValues(features: FeatureMatrix): UsualValues;
}

/** An atom conditions later columns by its z too, as it does in training. */
const zOfAtom = ({ atoms, map }: EncodedColumn, outcome: number): number =>
  map && outcome < atoms.length ? transform(map, atoms[outcome]!) : 0;

const QUANTILES = { low: 0.05, median: 0.5, high: 0.95 } as const;

const create = (encoder: ColumnEncoder, weights: Weights, backend: TensorBackend): AutoregressiveModel => {
  const engine = new Engine(backend);
  const layout = networkLayout(encoder);
  const heads = layout.columns.map((place) => new ColumnHead(layout, place, encoder.columns[place.index]!));

  const outputsOf = (rows: EncodedRows): Float32Array => {
    if (layout.columns.length === 0) return new Float32Array(0);
    const all = Array.from({ length: rows.rowCount }, (_, r) => r);
    const inputs = networkInputs(encoder, layout, rows, all, (r, c) => rows.z[r * rows.width + c]!);
    return engine.scope(() =>
      engine.read(forward(engine, constantsOf(engine, weights), engine.constant(rows.rowCount, layout.inputs, inputs))),
    );
  };

  const terms = (rows: EncodedRows): Float64Array => {
    const values = new Float64Array(rows.z.length);
    addApartTerms(encoder, rows, values);
    const outputs = outputsOf(rows);
    layout.columns.forEach(({ index }, i) => {
      const head = heads[i]!;
      for (let r = 0; r < rows.rowCount; r += 1) {
        const at = r * rows.width + index;
        head.read(outputs, r * layout.outputs);
        values[at] = -head.logOutcome(rows.outcomes[at]!);
        if (isContinuous(encoder.columns[index]!, rows.outcomes[at]!)) values[at] -= head.logDensity(rows.z[at]!);
      }
    });
    return values;
  };

  /** One pass of the network per column: the chain rule drawn from its start. */
  const draw = (n: number, random: Random): EncodedRows => {
    const width = encoder.columns.length;
    const rows = { rowCount: n, width, outcomes: new Uint16Array(n * width), z: new Float64Array(n * width) };
    layout.columns.forEach(({ index }, i) => {
      const outputs = outputsOf(rows);
      const head = heads[i]!;
      const column = encoder.columns[index]!;
      for (let r = 0; r < n; r += 1) {
        head.read(outputs, r * layout.outputs);
        const outcome = head.drawOutcome(random);
        rows.outcomes[r * width + index] = outcome;
        rows.z[r * width + index] = isContinuous(column, outcome) ? head.drawZ(random) : zOfAtom(column, outcome);
      }
    });
    return rows;
  };

  const usualValues = (features: FeatureMatrix): UsualValues => {
    const blank = (): Float64Array => new Float64Array(features.values.length).fill(NaN);
    const usual = { low: blank(), median: blank(), high: blank() };
    forChunks(encoder, features, (rows, from) => {
      const outputs = outputsOf(rows);
      layout.columns.forEach(({ index, mixture }, i) => {
        for (let r = 0; mixture >= 0 && r < rows.rowCount; r += 1) {
          heads[i]!.read(outputs, r * layout.outputs);
          for (const name of ['low', 'median', 'high'] as const)
            usual[name][(from + r) * rows.width + index] = heads[i]!.quantile(QUANTILES[name]);
        }
      });
    });
    return usual;
  };

  const { meta, values } = saveWeights(weights);
  const score = (rows: EncodedRows): Float64Array => rowSums(terms(rows), rows.width);
  const density = createDensity({
    estimator: NAME,
    encoder,
    score,
    terms,
    draw,
    meta: { weights: meta },
    arrays: { weights: values },
  });
  return { ...density, usualValues };
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
