import { type FeatureMatrix, featureMatrix } from '../../src/domain/feature-matrix.js';
import { createRandom } from '../../src/domain/random.js';
import type { Detector, Estimator, FitContext, TrainingData } from '../../src/models/detector.js';
import { createSimdBackend } from '../../src/tensor/simd.js';
import { drawPurchases, type KnownWorld } from './worlds.js';

/** Rejects where an estimator breaks a clause of the contract. */
export type Clause = (estimator: Estimator) => Promise<void>;

const SEED = 11;
export const backend = createSimdBackend();
export const contextOf = (extra: Partial<FitContext> = {}): FitContext => ({ random: createRandom(SEED), backend, ...extra });

export const ensure = (condition: boolean, problem: () => string): void => {
  if (!condition) throw new Error(problem());
};
export const mean = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]!;
  return sum / values.length;
};
export const sameBits = (a: Float64Array, b: Float64Array): boolean =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

const fits = new WeakMap<Estimator, Map<string, Promise<Detector>>>();
/** Fits an estimator on named data once for all clauses: a fit is the dear part. */
export const fitOnce = (estimator: Estimator, name: string, data: () => TrainingData): Promise<Detector> => {
  const known = fits.get(estimator) ?? new Map<string, Promise<Detector>>();
  fits.set(estimator, known);
  let fitted = known.get(name);
  if (!fitted) known.set(name, (fitted = estimator.fit(data(), contextOf())));
  return fitted;
};

export const stack = (first: FeatureMatrix, second: FeatureMatrix): FeatureMatrix =>
  featureMatrix(first.columns, Float32Array.from([...first.values, ...second.values]));

export const namesFor = (estimator: Estimator): { names: readonly string[] } => ({ names: estimator.requires ?? [] });

/** Ordinary purchases; for a supervised estimator one row in ten is a labelled anomaly. */
export const purchases = (estimator: Estimator, rowCount = 1200): TrainingData => {
  const normal = drawPurchases(rowCount, 1, namesFor(estimator));
  if (!estimator.supervised) return { features: normal };
  const anomalies = drawPurchases(rowCount / 10, 2, { anomalous: true, ...namesFor(estimator) });
  const labels = Uint8Array.from({ length: 1.1 * rowCount }, (_, r) => (r < rowCount ? 0 : 1));
  return { features: stack(normal, anomalies), labels };
};
export const fitPurchases = (estimator: Estimator): Promise<Detector> =>
  fitOnce(estimator, 'purchases', () => purchases(estimator));

export const fitKnown = (estimator: Estimator, world: KnownWorld): Promise<Detector> =>
  fitOnce(estimator, world.name, () => ({ features: world.draw(world.dimensions > 1 ? 20_000 : 8000, 21).features }));

/** What an attempt rejects with; undefined if it does not. */
export const refuses = async (attempt: () => Promise<unknown>): Promise<unknown> => {
  try {
    await attempt();
  } catch (error) {
    return error;
  }
  return undefined;
};
