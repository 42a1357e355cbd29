import type { Random } from '../../domain/random.js';
import type { ColumnEncoder, EncodedRows } from '../column-encoder.js';
import type { FitContext } from '../detector.js';
import { betweenSteps } from '../fit-rows.js';
import { choleskyInPlace, type MixtureComponents, MixtureEvaluator, type MixtureLayout } from './mixture-components.js';

export interface MixtureSettings {
  readonly components: number;
  readonly iterations: number;
  readonly ridge: number;
  /** Stop when the mean log-likelihood rises by less, in nats. */
  readonly tolerance: number;
}

const LLOYD_STEPS = 5;
/** Each component's outcome table starts with this many rows of the overall frequencies. */
const OUTCOME_PRIOR_ROWS = 1;

/** z of the Gaussian dimensions, rows x D; a missing cell counts as 0 here, its mean (scoring marginalises it out). */
const gaussianValues = (rows: EncodedRows, layout: MixtureLayout): Float64Array => {
  const values = new Float64Array(rows.rowCount * layout.dimensions);
  layout.dimension.forEach((d, c) => {
    if (d >= 0) for (let r = 0; r < rows.rowCount; r += 1) values[r * layout.dimensions + d] = rows.z[r * rows.width + c]!;
  });
  return values;
};

const squaredDistance = (a: Float64Array, i: number, b: Float64Array, j: number, size: number): number => {
  let sum = 0;
  for (let d = 0; d < size; d += 1) sum += (a[i * size + d]! - b[j * size + d]!) ** 2;
  return sum;
};

/** k-means++ (Arthur and Vassilvitskii 2007) and a few Lloyd steps; the cluster of each row. */
const clusterRows = (values: Float64Array, rowCount: number, size: number, count: number, random: Random): Uint16Array => {
  const clusters = new Uint16Array(rowCount);
  if (size === 0) return clusters.map(() => random.integer(count));
  const centers = new Float64Array(count * size);
  const nearest = new Float64Array(rowCount).fill(Infinity);
  for (let k = 0; k < count; k += 1) {
    let pick = random.integer(rowCount);
    if (k > 0) {
      let rest = random.uniform() * nearest.reduce((sum, distance) => sum + distance, 0);
      for (let r = 0; r < rowCount && rest >= 0; r += 1) {
        rest -= nearest[r]!;
        pick = r;
      }
    }
    centers.set(values.subarray(pick * size, (pick + 1) * size), k * size);
    for (let r = 0; r < rowCount; r += 1) nearest[r] = Math.min(nearest[r]!, squaredDistance(values, r, centers, k, size));
  }
  for (let step = 0; step < LLOYD_STEPS; step += 1) {
    const sums = new Float64Array(count * size);
    const counts = new Float64Array(count);
    for (let r = 0; r < rowCount; r += 1) {
      let best = 0;
      let bestDistance = Infinity;
      for (let k = 0; k < count; k += 1) {
        const distance = squaredDistance(values, r, centers, k, size);
        if (distance < bestDistance) [best, bestDistance] = [k, distance];
      }
      clusters[r] = best;
      counts[best]! += 1;
      for (let d = 0; d < size; d += 1) sums[best * size + d]! += values[r * size + d]!;
    }
    for (let i = 0; i < sums.length; i += 1) {
      const members = counts[Math.floor(i / size)]!;
      if (members > 0) centers[i] = sums[i]! / members;
    }
  }
  return clusters;
};

/** The components that the responsibilities (rows x K) call for. */
const maximise = (
  responsibilities: Float64Array,
  values: Float64Array,
  rows: EncodedRows,
  encoder: ColumnEncoder,
  layout: MixtureLayout,
  { components: count, ridge }: MixtureSettings,
): MixtureComponents => {
  const { dimensions: size, outcomeCount, outcomeStart } = layout;
  const masses = new Float64Array(count);
  const means = new Float64Array(count * size);
  const factors = new Float64Array(count * size * size);
  const outcomes = new Float64Array(count * outcomeCount);
  for (let r = 0; r < rows.rowCount; r += 1)
    for (let k = 0; k < count; k += 1) {
      const share = responsibilities[r * count + k]!;
      masses[k]! += share;
      for (let d = 0; d < size; d += 1) means[k * size + d]! += share * values[r * size + d]!;
      for (const c of layout.columns)
        outcomes[k * outcomeCount + outcomeStart[c]! + rows.outcomes[r * rows.width + c]!]! += share;
    }
  for (let i = 0; i < means.length; i += 1) means[i]! /= Math.max(masses[Math.floor(i / size)]!, 1e-9);
  const centred = new Float64Array(size);
  for (let r = 0; r < rows.rowCount; r += 1)
    for (let k = 0; k < count; k += 1) {
      const share = responsibilities[r * count + k]!;
      if (share < 1e-9) continue;
      for (let d = 0; d < size; d += 1) centred[d] = values[r * size + d]! - means[k * size + d]!;
      for (let i = 0; i < size; i += 1) {
        const weighted = share * centred[i]!;
        const at = (k * size + i) * size;
        for (let j = 0; j <= i; j += 1) factors[at + j]! += weighted * centred[j]!;
      }
    }
  for (let k = 0; k < count; k += 1) {
    const mass = Math.max(masses[k]!, 1e-9);
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j <= i; j += 1) factors[(k * size + i) * size + j]! /= mass;
      factors[(k * size + i) * size + i]! += ridge;
    }
    choleskyInPlace(factors, k * size * size, size);
    for (const c of layout.columns) {
      const { counts, logSeen, logUnseen } = encoder.columns[c]!;
      for (let o = 0; o < counts.length; o += 1) {
        const at = k * outcomeCount + outcomeStart[c]! + o;
        const prior = (OUTCOME_PRIOR_ROWS * counts[o]!) / rows.rowCount;
        outcomes[at] =
          counts[o]! > 0 ? Math.log((outcomes[at]! + prior) / (masses[k]! + OUTCOME_PRIOR_ROWS)) + logSeen : logUnseen;
      }
    }
  }
  const logWeights = masses.map((mass) => Math.log(Math.max(mass, 1e-9) / rows.rowCount));
  return { logWeights, means, factors, logOutcomes: outcomes };
};

/** Expectation-maximisation in float64. @throws the signal's reason when aborted */
export const fitMixture = async (
  rows: EncodedRows,
  encoder: ColumnEncoder,
  layout: MixtureLayout,
  settings: MixtureSettings,
  context: FitContext,
): Promise<MixtureComponents> => {
  const count = settings.components;
  const values = gaussianValues(rows, layout);
  const responsibilities = new Float64Array(rows.rowCount * count);
  clusterRows(values, rows.rowCount, layout.dimensions, count, context.random.fork('k-means')).forEach((k, r) => {
    responsibilities[r * count + k] = 1;
  });
  let before = -Infinity;
  for (let step = 1; ; step += 1) {
    const components = maximise(responsibilities, values, rows, encoder, layout, settings);
    const evaluator = new MixtureEvaluator(encoder, layout, components);
    let total = 0;
    for (let r = 0; r < rows.rowCount; r += 1) {
      const logProb = evaluator.logProb(rows, r);
      total += logProb;
      for (let k = 0; k < count; k += 1) responsibilities[r * count + k] = Math.exp(evaluator.joint[k]! - logProb);
    }
    const mean = total / rows.rowCount;
    await betweenSteps(
      context,
      step / settings.iterations,
      `step ${step} of ${settings.iterations}, log-likelihood ${mean.toFixed(4)}`,
    );
    if (step >= settings.iterations || Math.abs(mean - before) < settings.tolerance) {
      context.onProgress?.({ share: 1, message: `done after ${step} steps, log-likelihood ${mean.toFixed(4)}` });
      return components;
    }
    before = mean;
  }
};
