import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { TensorBackend } from '../../tensor/backend.js';
import { Engine } from '../../tensor/engine.js';
import { type ColumnEncoder, type EncodedRows, isContinuous, loadEncoder } from '../column-encoder.js';
import type { DensityModel, Estimator } from '../detector.js';
import { constantsOf, loadWeights, saveWeights, type Weights } from '../network-weights.js';
import { LOG_SQRT_2PI } from '../normal-distribution.js';
import { trainingParameters, trainNetwork } from '../train-network.js';
import { addApartTerms, apartLogProb, drawFrequent } from './apart-columns.js';
import { checkArtifact, createDensity, rowSums } from './density-model.js';
import { encodeTraining } from './encode-training.js';
import { flowLoss, initialCouplings, toBase, toData } from './flow-couplings.js';
import { blankRows, continuousCells, everyRow, type JointLayout, jointLayout, oneHotCells } from './joint-layout.js';

const NAME = 'flow';

const parametersSchema = z.strictObject({
  ...trainingParameters,
  transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
  couplings: z.int().min(2).max(32).default(6),
  hidden: z.int().min(1).max(512).default(48),
});

/** -log p of the outcomes, each column by its own frequencies, and of z where no dimension carries it. */
const frequencyTerms = (encoder: ColumnEncoder, layout: JointLayout, rows: EncodedRows): Float64Array => {
  const values = new Float64Array(rows.z.length);
  addApartTerms(encoder, rows, values);
  const dimensions = new Set(layout.dimensions);
  for (const c of layout.columns) {
    const column = encoder.columns[c]!;
    for (let at = c; at < values.length; at += rows.width) {
      const outcome = rows.outcomes[at]!;
      values[at] = dimensions.has(c) ? -column.logFrequencies[outcome]! : -apartLogProb(column, outcome, rows.z[at]!);
    }
  }
  return values;
};

const create = (encoder: ColumnEncoder, weights: Weights, couplings: number, backend: TensorBackend): DensityModel => {
  const engine = new Engine(backend);
  const layout = jointLayout(encoder);
  const size = layout.dimensions.length;

  const score = (rows: EncodedRows): Float64Array => {
    const scores = rowSums(frequencyTerms(encoder, layout, rows), rows.width);
    if (size === 0) return scores;
    const chosen = everyRow(rows);
    const { z: cells, observed } = continuousCells(encoder, layout, rows, chosen);
    const oneHots = oneHotCells(layout, rows, chosen);
    const { base, logDeterminants } = engine.scope(() => {
      const flowed = toBase(engine, constantsOf(engine, weights), couplings, rows.rowCount, cells, observed, oneHots);
      return { base: engine.read(flowed.z), logDeterminants: engine.read(flowed.logDeterminant) };
    });
    for (let at = 0; at < base.length; at += 1)
      scores[Math.floor(at / size)]! += observed[at]! * (0.5 * base[at]! * base[at]! + LOG_SQRT_2PI);
    return scores.map((value, r) => value - logDeterminants[r]!);
  };

  const draw = (n: number, random: Random): EncodedRows => {
    const rows = blankRows(n, encoder.columns.length);
    for (let r = 0; r < n; r += 1)
      for (const c of layout.columns) {
        const outcome = drawFrequent(encoder.columns[c]!, random);
        rows.outcomes[r * rows.width + c] = outcome;
        if (isContinuous(encoder.columns[c]!, outcome)) rows.z[r * rows.width + c] = random.normal();
      }
    if (size === 0) return rows;
    const chosen = everyRow(rows);
    const { z: base, observed } = continuousCells(encoder, layout, rows, chosen);
    const oneHots = oneHotCells(layout, rows, chosen);
    const data = engine.scope(() =>
      engine.read(toData(engine, constantsOf(engine, weights), couplings, n, base, observed, oneHots)),
    );
    layout.dimensions.forEach((c, d) => {
      for (let r = 0; r < n; r += 1) if (observed[r * size + d] === 1) rows.z[r * rows.width + c] = data[r * size + d]!;
    });
    return rows;
  };

  const { meta, values } = saveWeights(weights);
  return createDensity({
    estimator: NAME,
    encoder,
    score,
    draw,
    meta: { couplings, weights: meta },
    arrays: { weights: values },
  });
};

/**
 * Normalizing flow of affine couplings (RealNVP, Dinh et al. 2017; recipe in models.md 7.3) over the continuous columns,
 * conditioned on the discrete ones: p(x) = prod_c P(outcome_c) x flow(z | outcomes). The outcomes have each column's own
 * frequencies, independently: exact for this model, but dependence between categories is not learnt (the autoregressive
 * density does that). Cells that are missing leave the flow, which maps only the observed coordinates. A numeric
 * column with ties enters by its mid-rank z, for which the training noise is the dequantisation.
 */
export const flow: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'exact',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: false });
    const layout = jointLayout(encoder);
    const { couplings, hidden, inputNoise } = parameters;
    if (layout.dimensions.length === 0) return create(encoder, {}, couplings, context.backend);
    const weights = await trainNetwork(
      {
        initial: initialCouplings(layout, couplings, hidden, context.random.fork('weights')),
        fixed: (name) => name.startsWith('mask'),
        rowCount: rows.rowCount,
        settings: parameters,
        loss(engine, tensors, chosen, noise) {
          const { z: cells, observed } = continuousCells(encoder, layout, rows, chosen, inputNoise, noise);
          return flowLoss(engine, tensors, couplings, chosen.length, cells, observed, oneHotCells(layout, rows, chosen));
        },
      },
      context,
    );
    return create(encoder, weights, couplings, context.backend);
  },
  load(artifact, { backend }) {
    checkArtifact(NAME, artifact);
    return create(loadEncoder(artifact), loadWeights(artifact), artifact.meta['couplings'] as number, backend);
  },
};
