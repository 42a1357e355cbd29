import { type FeatureMatrix, featureMatrix } from '../../src/domain/feature-matrix.js';
import { createRandom } from '../../src/domain/random.js';
import type { BoundedModel, DensityModel, Detector, Sampler } from '../../src/models/detector.js';
import { type Clause, ensure, fitKnown, mean } from './fits.js';
import { type KnownWorld, plane } from './worlds.js';

/** Mean log-likelihood on fresh rows within 0.05 nats of the truth. */
export const knownDensity =
  (world: KnownWorld): Clause =>
  async (estimator) => {
    const model = (await fitKnown(estimator, world)) as DensityModel;
    const { features, logProb } = world.draw(10_000, 22);
    const gap = mean(logProb) - mean(model.logProb(features));
    ensure(Math.abs(gap) < 0.05, () => `${gap.toFixed(4)} nats below the truth on ${world.name}; expected within 0.05`);
  };

/** A bound's mean is below the truth (0.02 for chance), and close enough to say something. */
export const boundsBelow =
  (world: KnownWorld): Clause =>
  async (estimator) => {
    const model = (await fitKnown(estimator, world)) as BoundedModel;
    const { features, logProb } = world.draw(10_000, 22);
    const gap = mean(logProb) - mean(model.logProbBound(features));
    ensure(gap > -0.02, () => `the bound is ${(-gap).toFixed(4)} nats above the truth on ${world.name}`);
    ensure(gap < 0.1 * world.dimensions, () => `the bound is ${gap.toFixed(4)} nats below the truth on ${world.name}: vacuous`);
  };

/** The integral of exp(logProb) over all x, by the midpoint rule in the world's t. */
export const integratesToOne =
  (world: KnownWorld, steps: number): Clause =>
  async (estimator) => {
    const model = (await fitKnown(estimator, world)) as DensityModel;
    const [from, to] = world.range;
    const step = (to - from) / steps;
    const count = steps ** world.dimensions;
    const values = new Float32Array(count * world.dimensions);
    const logSlopes = new Float64Array(count);
    for (let r = 0; r < count; r += 1)
      world.coordinates.forEach(({ at, logSlope }, c) => {
        const t = from + (Math.floor(r / steps ** c) % steps) * step + step / 2;
        values[r * world.dimensions + c] = at(t);
        logSlopes[r]! += logSlope(t);
      });
    const logProb = model.logProb(featureMatrix(world.draw(1, 1).features.columns, values));
    let integral = 0;
    logProb.forEach((value, r) => (integral += Math.exp(value + logSlopes[r]!) * step ** world.dimensions));
    ensure(Math.abs(integral - 1) < 0.02, () => `integrates to ${integral.toFixed(4)} on ${world.name}; expected 1 within 0.02`);
  };

interface Moments {
  readonly means: [number, number];
  readonly deviations: [number, number];
  readonly correlation: number;
}
const momentsOf = ({ values }: FeatureMatrix): Moments => {
  const first = values.filter((_, i) => i % 2 === 0);
  const second = values.filter((_, i) => i % 2 === 1);
  const means: [number, number] = [mean(first), mean(second)];
  const covariance = (a: Float32Array, i: 0 | 1, b: Float32Array, j: 0 | 1): number =>
    mean(Float64Array.from(a, (x, r) => (x - means[i]) * (b[r]! - means[j])));
  const deviations: [number, number] = [Math.sqrt(covariance(first, 0, first, 0)), Math.sqrt(covariance(second, 1, second, 1))];
  return { means, deviations, correlation: covariance(first, 0, second, 1) / (deviations[0] * deviations[1]) };
};

/** Drawn rows have the truth's means, deviations and correlation, and the same seed draws the same rows. */
export const samplesTheTruth: Clause = async (estimator) => {
  const model = (await fitKnown(estimator, plane)) as Detector & Sampler;
  const drawn = model.sample(20_000, createRandom(5));
  const truth = momentsOf(plane.draw(20_000, 6).features);
  const moments = momentsOf(drawn);
  for (const c of [0, 1] as const) {
    const shift = (moments.means[c] - truth.means[c]) / truth.deviations[c];
    ensure(Math.abs(shift) < 0.1, () => `the mean of x${c} is ${shift.toFixed(3)} deviations off; expected within 0.1`);
    const ratio = moments.deviations[c] / truth.deviations[c];
    ensure(Math.abs(ratio - 1) < 0.1, () => `the deviation of x${c} is ${ratio.toFixed(3)} of the truth; expected within 10 %`);
  }
  const difference = moments.correlation - truth.correlation;
  ensure(Math.abs(difference) < 0.05, () => `the correlation is ${difference.toFixed(3)} off; expected within 0.05`);
  const again = model.sample(100, createRandom(5));
  const first = model.sample(100, createRandom(5));
  ensure(
    again.values.every((value, i) => Object.is(value, first.values[i])),
    () => 'the same seed drew other rows',
  );
};

/** The 5-95 % interval covers 85-95 % of fresh values. */
export const usualValuesCover: Clause = async (estimator) => {
  const model = await fitKnown(estimator, plane);
  // The share's standard error is 0.01.
  const { features } = plane.draw(1000, 23);
  const { low, median, high } = model.usualValues!(features);
  for (const c of [0, 1]) {
    let inside = 0;
    for (let at = c; at < features.values.length; at += 2) {
      if (low[at]! <= features.values[at]! && features.values[at]! <= high[at]!) inside += 1;
      ensure(low[at]! <= median[at]! && median[at]! <= high[at]!, () => `the quantiles of x${c} are out of order`);
    }
    const share = inside / features.rowCount;
    ensure(share > 0.85 && share < 0.95, () => `the 5-95 % interval of x${c} covers ${share.toFixed(3)}; expected 0.85 to 0.95`);
  }
};

const GIVEN_ROWS = 2000;

/**
 * Given either column of a correlated Gaussian plane, the other has its conditional mean and deviation: N(0.6 t, 0.8) in the
 * world's t. Means within 0.15 and deviations within 15 %: 2,000 draws have standard errors of 0.018 and 1.6 %, and
 * the model's own errors may be half as large again as those that `samplesTheTruth` allows.
 */
export const samplesConditionals: Clause = async (estimator) => {
  const model = (await fitKnown(estimator, plane)) as Detector & Sampler;
  const inT = [(x: number): number => (x - 10) / 3, (x: number): number => Math.log(x) / 0.7];
  for (const [given, t] of [
    [0, 1],
    [1, -1],
  ] as const) {
    const x = plane.coordinates[given]!.at(t);
    const drawn = model.sample(GIVEN_ROWS, createRandom(7), { [`x${given}`]: x });
    const isGiven = (_: number, at: number): boolean => at % 2 === given;
    ensure(
      drawn.values.filter(isGiven).every((value) => value === Math.fround(x)),
      () => `rows given x${given} have another x${given}`,
    );
    const size = drawn.effectiveSize ?? GIVEN_ROWS;
    ensure(size > GIVEN_ROWS / 2 && size <= GIVEN_ROWS, () => `${GIVEN_ROWS} rows given x${given} are worth ${size.toFixed(0)}`);
    const others = Float64Array.from(
      drawn.values.filter((value, at) => !isGiven(value, at)),
      inT[1 - given],
    );
    const center = mean(others);
    const deviation = Math.sqrt(mean(others.map((value) => (value - center) ** 2)));
    ensure(
      Math.abs(center - 0.6 * t) < 0.15,
      () => `the mean of x${1 - given} given x${given} is ${center.toFixed(3)} (t); expected ${(0.6 * t).toFixed(1)} within 0.15`,
    );
    ensure(
      Math.abs(deviation / 0.8 - 1) < 0.15,
      () => `the deviation of x${1 - given} given x${given} is ${deviation.toFixed(3)} (t); expected 0.8 within 15 %`,
    );
  }
};
