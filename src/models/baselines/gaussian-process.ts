import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { ColumnEncoder, EncodedRows } from '../column-encoder.js';
import { arrayOf, checkArtifact, forChunks } from '../density/density-model.js';
import { encodeTraining } from '../density/encode-training.js';
import type { Detector, Estimator, FitContext } from '../detector.js';
import { betweenSteps } from '../fit-rows.js';
import { factorRow, LANES, solvedLengths } from '../packed-cholesky.js';
import { loadRowDistances, type RowDistances, rowDistances } from '../row-distances.js';

const NAME = 'gaussian-process';

const parametersSchema = z.strictObject({
  transform: z.enum(['quantile-normal', 'asinh']).default('asinh'),
  rowsMax: z.int().min(1).max(10_000).default(1000),
  lengthScale: z.number().positive().max(100).default(1),
  noise: z.number().positive().max(10).default(0.01),
});

interface Kernel {
  /** k(a, b) = exp(-rate |a - b|^2) */
  readonly rate: number;
  /** Lower Cholesky factor of K + noise I over the stored rows, rows of the triangle one after another. */
  readonly factor: Float64Array;
}

const PAIRS_MAX = 20_000;

/** Median squared distance of pairs of different stored rows; 1 where most pairs are equal. */
const medianSquared = (distances: RowDistances, random: Random): number => {
  const { storedCount } = distances;
  if (storedCount < 2) return 1;
  const squared = new Float64Array(storedCount);
  const sample: number[] = [];
  const rounds = Math.min(storedCount, 200);
  for (let round = 0; round < rounds; round += 1) {
    const i = rounds === storedCount ? round : random.integer(storedCount);
    distances.squaredAmong(i, squared);
    for (let pair = 0; pair < PAIRS_MAX / rounds; pair += 1) {
      const j = random.integer(storedCount - 1);
      sample.push(squared[j < i ? j : j + 1]!);
    }
  }
  const middle = Float64Array.from(sample).sort()[Math.floor(sample.length / 2)]!;
  return middle > 0 ? middle : 1;
};

const factorise = async (distances: RowDistances, rate: number, noise: number, context: FitContext): Promise<Float64Array> => {
  const { storedCount: size } = distances;
  const factor = new Float64Array((size * (size + 1)) / 2);
  const squared = new Float64Array(size);
  let work = 0;
  for (let i = 0, row = 0; i < size; row += ++i) {
    distances.squaredAmong(i, squared);
    for (let j = 0; j < i; j += 1) factor[row + j] = Math.exp(-rate * squared[j]!);
    factor[row + i] = 1 + noise;
    factorRow(factor, i);
    work += i * i;
    if (work < 4e7) continue;
    work = 0;
    await betweenSteps(context, (i / size) ** 3, `row ${i} of ${size}`);
  }
  return factor;
};

/** -log k' (K + noise I)^-1 k of rows from.., `LANES` of them or as many as there are, into `scores`. */
const scoreRows = (rows: EncodedRows, from: number, distances: RowDistances, kernel: Kernel, scores: Float64Array): void => {
  const { storedCount: size } = distances;
  const squared = new Float64Array(size);
  const vectors = new Float64Array(size * LANES);
  const nearest = new Float64Array(LANES);
  const count = Math.min(LANES, rows.rowCount - from);
  for (let v = 0; v < count; v += 1) {
    distances.squared(rows, from + v, squared);
    // The nearest stored row's share leaves the kernel, which would else underflow far away from all of them.
    nearest[v] = squared.reduce((least, value) => Math.min(least, value), Infinity);
    for (let i = 0; i < size; i += 1) vectors[i * LANES + v] = Math.exp(-kernel.rate * (squared[i]! - nearest[v]!));
  }
  const lengths = solvedLengths(kernel.factor, size, vectors);
  for (let v = 0; v < count; v += 1) scores[from + v] = 2 * kernel.rate * nearest[v]! - Math.log(lengths[v]!);
};

const create = (encoder: ColumnEncoder, distances: RowDistances, kernel: Kernel): Detector => ({
  estimator: NAME,
  isSlow: true,
  score(features) {
    const scores = new Float64Array(features.rowCount);
    forChunks(encoder, features, (rows, from) => {
      const own = scores.subarray(from, from + rows.rowCount);
      for (let r = 0; r < rows.rowCount; r += LANES) scoreRows(rows, r, distances, kernel, own);
    });
    return scores;
  },
  save() {
    const { meta, arrays } = distances.save();
    return { estimator: NAME, meta, arrays: { ...arrays, rate: Float64Array.of(kernel.rate), factor: kernel.factor } };
  },
});

/**
 * One-class Gaussian process (Kemmler, Rodner, Wacker and Denzler 2013): a row is as unusual as the process that saw the
 * training rows is unsure about it, v(x) = 1 - k' (K + noise I)^-1 k with k(a, b) = exp(-|a - b|^2 / (lengthScale^2 m)), m the
 * median squared distance of training rows. It is the Mahalanobis distance in the kernel's space (also: the kernel
 * Christoffel function): near the rows it follows their shape, as a covariance does, far from them their distance.
 * score = -log(1 - v), the same order, which goes on rising where v is 1 in any precision. Cost of a score: rows^2 / 2.
 */
export const gaussianProcess: Estimator = {
  name: NAME,
  family: 'classic',
  likelihood: 'none',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: false });
    await betweenSteps(context, 0, `${rows.rowCount} rows`);
    const distances = rowDistances(encoder, rows);
    const rate = 1 / (parameters.lengthScale ** 2 * medianSquared(distances, context.random.fork('pairs')));
    const factor = await factorise(distances, rate, parameters.noise, context);
    await betweenSteps(context, 1, `${rows.rowCount} rows`);
    return create(encoder, distances, { rate, factor });
  },
  load(artifact) {
    checkArtifact(NAME, artifact);
    const { encoder, distances } = loadRowDistances(artifact);
    const [rate] = arrayOf(artifact, 'rate');
    return create(encoder, distances, { rate: rate!, factor: Float64Array.from(arrayOf(artifact, 'factor')) });
  },
};
