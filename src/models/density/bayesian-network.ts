import { z } from 'zod';
import type { FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, type EncodedRows, loadEncoder } from '../column-encoder.js';
import { clampRows, type GivenCells, type WeightedRows } from '../conditional.js';
import type { DensityModel, Estimator, UsualValues } from '../detector.js';
import { addApartTerms } from './apart-columns.js';
import { loadNetwork, saveNetwork } from './bayesian-artifact.js';
import { type Arrow, fitNetwork, type Network } from './bayesian-fit.js';
import { Conditional } from './bayesian-node.js';
import { checkArtifact, createDensity, forChunks, rowSums } from './density-model.js';
import { encodeTraining } from './encode-training.js';
import { blankRows } from './joint-layout.js';
import { USUAL_QUANTILES } from './mixed-quantile.js';

const NAME = 'bayesian-network';

const parametersSchema = z.strictObject({
  transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
  parentsMax: z.int().min(0).max(3).default(2),
  componentsMax: z.int().min(1).max(64).default(4),
  iterationsMax: z.int().min(1).max(1000).default(30),
  ridge: z.number().positive().max(1).default(1e-3),
  tolerance: z.number().nonnegative().default(3e-4),
  rowsMax: z.int().min(10).max(1_000_000).default(20_000),
});

export interface BayesianNetwork extends DensityModel {
  readonly arrows: readonly Arrow[];
  /** Given each column's parents. */
  usualValues(features: FeatureMatrix): UsualValues;
}

const create = (encoder: ColumnEncoder, network: Network): BayesianNetwork => {
  const nodes = network.nodes.map((node) => new Conditional(network.states, node));

  const terms = (rows: EncodedRows): Float64Array => {
    const values = new Float64Array(rows.z.length);
    addApartTerms(encoder, rows, values);
    for (const node of nodes)
      for (let r = 0; r < rows.rowCount; r += 1) {
        const at = r * rows.width + node.index;
        node.read(rows, r);
        values[at] = -node.logProb(rows.outcomes[at]!, rows.z[at]!);
      }
    return values;
  };

  /** Ancestral sampling; with given cells by likelihood weighting (Fung & Chang 1990). */
  const drawGiven = (given: GivenCells | null, n: number, random: Random): WeightedRows => {
    const rows = blankRows(n, encoder.columns.length);
    const logWeights = new Float64Array(n);
    if (given) clampRows(given, rows);
    for (const node of nodes) {
      const isGiven = given?.columns.includes(node.index);
      for (let r = 0; r < n; r += 1) {
        const at = r * rows.width + node.index;
        node.read(rows, r);
        if (isGiven) logWeights[r]! += node.logProb(rows.outcomes[at]!, rows.z[at]!);
        else ({ outcome: rows.outcomes[at], z: rows.z[at] } = node.draw(random));
      }
    }
    return { rows, logWeights };
  };

  const usualValues = (features: FeatureMatrix): UsualValues => {
    const blank = (): Float64Array => new Float64Array(features.values.length).fill(NaN);
    const usual = { low: blank(), median: blank(), high: blank() };
    forChunks(encoder, features, (rows, from) => {
      for (const node of nodes)
        for (let r = 0; node.isNumeric && r < rows.rowCount; r += 1) {
          node.read(rows, r);
          for (const name of ['low', 'median', 'high'] as const)
            usual[name][(from + r) * rows.width + node.index] = node.quantile(USUAL_QUANTILES[name]);
        }
    });
    return usual;
  };

  const { meta, arrays } = saveNetwork(network);
  const score = (rows: EncodedRows): Float64Array => rowSums(terms(rows), rows.width);
  const density = createDensity({
    estimator: NAME,
    encoder,
    score,
    terms,
    draw: (n, random) => drawGiven(null, n, random).rows,
    drawGiven,
    meta,
    arrays,
  });
  return { ...density, arrows: network.arrows, usualValues };
};

/**
 * Bayesian network (Pearl 1988; Koller & Friedman 2009): p(x) = the product over columns of p(x_c | its parents), at most two
 * each. The graph is learned by BIC on discretised columns (`bayesian-structure.ts`), then each column gets a smoothed table of
 * outcomes by its parents' states and, for numbers, a mixture of linear Gaussians in its parents' z: exact log p in mixed
 * columns, a term a column, and what is usual given the parents. `meta.arrows` of the artifact is the graph to read.
 * Cost of a fit: columns^2 passes for the graph, then a two- or three-dimensional mixture a column; 20,000 rows of 30 columns
 * take some five seconds.
 */
export const bayesianNetwork: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'exact',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: true });
    context.signal?.throwIfAborted();
    return create(encoder, await fitNetwork(encoder, rows, { ...parameters, iterations: parameters.iterationsMax }, context));
  },
  load(artifact) {
    checkArtifact(NAME, artifact);
    const encoder = loadEncoder(artifact);
    return create(encoder, loadNetwork(encoder, artifact));
  },
};
