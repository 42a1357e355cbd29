import { type FeatureMatrix, featureMatrix, selectRows } from '../../src/domain/feature-matrix.js';
import { createRandom } from '../../src/domain/random.js';
import { decodeArtifacts, encodeArtifacts } from '../../src/models/artifact.js';
import type {
  BoundedModel,
  DensityModel,
  Detector,
  Estimator,
  FitContext,
  Sampler,
  TrainingData,
} from '../../src/models/detector.js';
import { createSimdBackend } from '../../src/tensor/simd.js';
import { drawAwkward, drawPurchases, type KnownWorld, line, plane, space } from './worlds.js';

/**
 * The contract of every registry entry, a function per clause: it rejects where an estimator breaks the clause. Which
 * clauses apply follows from what an estimator declares and its detectors can do, never from its name.
 */
export type Clause = (estimator: Estimator) => Promise<void>;

const SEED = 11;
const backend = createSimdBackend();
const contextOf = (extra: Partial<FitContext> = {}): FitContext => ({ random: createRandom(SEED), backend, ...extra });

const require = (condition: boolean, problem: () => string): void => {
  if (!condition) throw new Error(problem());
};
const mean = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]!;
  return sum / values.length;
};
const sameBits = (a: Float64Array, b: Float64Array): boolean =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

const fits = new WeakMap<Estimator, Map<string, Promise<Detector>>>();
/** Fits an estimator on named data once for all clauses: a fit is the dear part. */
const fitOnce = (estimator: Estimator, name: string, data: () => TrainingData): Promise<Detector> => {
  const known = fits.get(estimator) ?? new Map<string, Promise<Detector>>();
  fits.set(estimator, known);
  let fitted = known.get(name);
  if (!fitted) known.set(name, (fitted = estimator.fit(data(), contextOf())));
  return fitted;
};

const stack = (first: FeatureMatrix, second: FeatureMatrix): FeatureMatrix =>
  featureMatrix(first.columns, Float32Array.from([...first.values, ...second.values]));

const namesFor = (estimator: Estimator): { names: readonly string[] } => ({ names: estimator.requires ?? [] });

/** Ordinary purchases; for a supervised estimator one row in ten is a labelled anomaly. */
const purchases = (estimator: Estimator): TrainingData => {
  const normal = drawPurchases(1200, 1, namesFor(estimator));
  if (!estimator.supervised) return { features: normal };
  const anomalies = drawPurchases(120, 2, { anomalous: true, ...namesFor(estimator) });
  const labels = Uint8Array.from({ length: 1320 }, (_, r) => (r < 1200 ? 0 : 1));
  return { features: stack(normal, anomalies), labels };
};
export const fitPurchases = (estimator: Estimator): Promise<Detector> =>
  fitOnce(estimator, 'purchases', () => purchases(estimator));

const fitKnown = (estimator: Estimator, world: KnownWorld): Promise<Detector> =>
  fitOnce(estimator, world.name, () => ({ features: world.draw(world.dimensions > 2 ? 20_000 : 8000, 21).features }));

/** Mean log-likelihood on fresh rows within 0.05 nats of the truth. */
const knownDensity =
  (world: KnownWorld): Clause =>
  async (estimator) => {
    const model = (await fitKnown(estimator, world)) as DensityModel;
    const { features, logProb } = world.draw(10_000, 22);
    const gap = mean(logProb) - mean(model.logProb(features));
    require(Math.abs(gap) < 0.05, () => `${gap.toFixed(4)} nats below the truth on ${world.name}; expected within 0.05`);
  };

/** A bound's mean is below the truth (0.02 for chance), and close enough to say something. */
const boundsBelow =
  (world: KnownWorld): Clause =>
  async (estimator) => {
    const model = (await fitKnown(estimator, world)) as BoundedModel;
    const { features, logProb } = world.draw(10_000, 22);
    const gap = mean(logProb) - mean(model.logProbBound(features));
    require(gap > -0.02, () => `the bound is ${(-gap).toFixed(4)} nats above the truth on ${world.name}`);
    require(gap < 0.1 * world.dimensions, () => `the bound is ${gap.toFixed(4)} nats below the truth on ${world.name}: vacuous`);
  };

/** The integral of exp(logProb) over all x, by the midpoint rule in the world's t. */
const integratesToOne =
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
    require(Math.abs(integral - 1) < 0.02, () => `integrates to ${integral.toFixed(4)} on ${world.name}; expected 1 within 0.02`);
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
const samplesTheTruth: Clause = async (estimator) => {
  const model = (await fitKnown(estimator, plane)) as Detector & Sampler;
  const drawn = model.sample(20_000, createRandom(5));
  const truth = momentsOf(plane.draw(20_000, 6).features);
  const moments = momentsOf(drawn);
  for (const c of [0, 1] as const) {
    const shift = (moments.means[c] - truth.means[c]) / truth.deviations[c];
    require(Math.abs(shift) < 0.1, () => `the mean of x${c} is ${shift.toFixed(3)} deviations off; expected within 0.1`);
    const ratio = moments.deviations[c] / truth.deviations[c];
    require(Math.abs(ratio - 1) < 0.1, () => `the deviation of x${c} is ${ratio.toFixed(3)} of the truth; expected within 10 %`);
  }
  const difference = moments.correlation - truth.correlation;
  require(Math.abs(difference) < 0.05, () => `the correlation is ${difference.toFixed(3)} off; expected within 0.05`);
  const again = model.sample(100, createRandom(5));
  const first = model.sample(100, createRandom(5));
  require(again.values.every((value, i) => Object.is(value, first.values[i])), () => 'the same seed drew other rows');
};

/** The 5-95 % interval covers 85-95 % of fresh values. */
const usualValuesCover: Clause = async (estimator) => {
  const model = await fitKnown(estimator, plane);
  const { features } = plane.draw(5000, 23);
  const { low, median, high } = model.usualValues!(features);
  for (const c of [0, 1]) {
    let inside = 0;
    for (let at = c; at < features.values.length; at += 2) {
      if (low[at]! <= features.values[at]! && features.values[at]! <= high[at]!) inside += 1;
      require(low[at]! <= median[at]! && median[at]! <= high[at]!, () => `the quantiles of x${c} are out of order`);
    }
    const share = inside / features.rowCount;
    require(share > 0.85 && share < 0.95, () => `the 5-95 % interval of x${c} covers ${share.toFixed(3)}; expected 0.85 to 0.95`);
  }
};

const sameSeedSameScores: Clause = async (estimator) => {
  const first = await fitPurchases(estimator);
  const second = await estimator.fit(purchases(estimator), contextOf());
  const test = drawPurchases(300, 3, namesFor(estimator));
  require(sameBits(first.score(test), second.score(test)), () => 'two fits with the same seed score differently');
};

const aloneAsInBatch: Clause = async (estimator) => {
  const detector = await fitPurchases(estimator);
  const test = drawPurchases(1100, 3, namesFor(estimator));
  const scores = detector.score(test);
  for (let r = 0; r < test.rowCount; r += 23) {
    const alone = detector.score(selectRows(test, [r]))[0];
    require(Object.is(alone, scores[r]), () => `row ${r} scores ${alone} alone and ${scores[r]} in a batch`);
  }
};

const savedAndLoaded: Clause = async (estimator) => {
  const detector = await fitPurchases(estimator);
  const bytes = encodeArtifacts({ detector: detector.save() }, {});
  const artifact = decodeArtifacts(bytes).artifacts['detector']!;
  const loaded = estimator.load(artifact, { backend });
  const test = drawPurchases(300, 3, namesFor(estimator));
  require(sameBits(detector.score(test), loaded.score(test)), () => 'the loaded detector scores differently');
  if (detector.terms)
    require(sameBits(detector.terms(test).values, loaded.terms!(test).values), () => 'the loaded detector has other terms');
  for (const method of ['logProb', 'logProbBound'] as const) {
    const [before, after] = [detector, loaded].map((d) => (d as Partial<DensityModel & BoundedModel>)[method]?.(test));
    if (before) require(after !== undefined && sameBits(before, after), () => `the loaded detector has another ${method}`);
  }
  const foreign = { ...artifact, estimator: 'another' };
  let refused = false;
  try {
    estimator.load(foreign, { backend });
  } catch {
    refused = true;
  }
  require(refused, () => "loads another estimator's artifact");
};

const auroc = (normal: Float64Array, anomalous: Float64Array): number => {
  let wins = 0;
  for (const a of anomalous) for (const n of normal) wins += a > n ? 1 : a === n ? 0.5 : 0;
  return wins / (normal.length * anomalous.length);
};

const anomaliesAboveNormals: Clause = async (estimator) => {
  const detector = await fitPurchases(estimator);
  const normal = detector.score(drawPurchases(500, 3, namesFor(estimator)));
  const area = auroc(normal, detector.score(drawPurchases(100, 4, { anomalous: true, ...namesFor(estimator) })));
  require(area > 0.9, () => `AUROC of obvious anomalies is ${area.toFixed(3)}; expected above 0.9`);
};

const termsAddUp: Clause = async (estimator) => {
  const detector = await fitPurchases(estimator);
  const test = stack(
    drawPurchases(200, 3, namesFor(estimator)),
    drawPurchases(20, 4, { anomalous: true, ...namesFor(estimator) }),
  );
  const { columns, values } = detector.terms!(test);
  require(values.length === columns.length * test.rowCount, () => `${values.length} terms; expected ${columns.length} per row`);
  detector.score(test).forEach((score, r) => {
    let sum = 0;
    for (let c = 0; c < columns.length; c += 1) sum += values[r * columns.length + c]!;
    require(Math.abs(sum - score) <= 1e-9 * Math.max(1, Math.abs(score)), () =>
      `row ${r}: terms add up to ${sum}, the score is ${score}`);
  });
};

const AWKWARD_ROWS = [400, 12];

/** Constant, duplicate, tiny, huge, missing and infinite cells: a number for each row, never NaN, never a throw. */
const survivesAwkwardColumns: Clause = async (estimator) => {
  for (const rowCount of AWKWARD_ROWS) {
    const features = drawAwkward(rowCount, 7, estimator.requires);
    const labels = Uint8Array.from({ length: rowCount }, (_, r) => (r % 5 === 0 ? 1 : 0));
    const detector = await fitOnce(estimator, `awkward ${rowCount}`, () => ({
      features,
      ...(estimator.supervised && { labels }),
    }));
    const width = features.columns.length;
    const odd = features.columns.map(({ kind, levels }, c) =>
      kind === 'categorical' ? levels.length : [Infinity, -Infinity, 0, NaN][c % 4]!,
    );
    const test = stack(
      features,
      featureMatrix(features.columns, Float32Array.from([...odd, ...new Array<number>(width).fill(NaN)])),
    );
    const scores = detector.score(test);
    require(scores.length === test.rowCount, () => `${scores.length} scores for ${test.rowCount} rows`);
    scores.forEach((score, r) => require(!Number.isNaN(score), () => `row ${r} of ${rowCount} awkward ones scores NaN`));
    detector
      .terms?.(test)
      .values.forEach((term, at) => require(!Number.isNaN(term), () => `term ${at} of the awkward rows is NaN`));
    require(detector.score(selectRows(test, [])).length === 0, () => 'no rows do not give no scores');
  }
};

/** A column that never varied in training says nothing until it does. */
const noticesBrokenConstants: Clause = async (estimator) => {
  const features = drawAwkward(AWKWARD_ROWS[0]!, 7, estimator.requires);
  const detector = await fitOnce(estimator, `awkward ${AWKWARD_ROWS[0]}`, () => ({ features }));
  const constant = features.columns.findIndex(({ name }) => name === 'constant');
  const row = selectRows(features, [0]);
  const broken = selectRows(features, [0]);
  broken.values[constant] = 8;
  const [usual, unusual] = [detector.score(row)[0]!, detector.score(broken)[0]!];
  require(unusual > usual + 1, () =>
    `a constant column's new value moves the score from ${usual} to ${unusual}; expected more surprise`);
};

/** A row's scores with each known level in its last column, and with an unseen one. */
const levelScores = async (
  estimator: Estimator,
): Promise<{ asTheyAre: Float64Array; known: Float64Array[]; unseen: Float64Array }> => {
  const detector = await fitPurchases(estimator);
  const test = drawPurchases(200, 3, namesFor(estimator));
  const width = test.columns.length;
  const withLevel = (level: number): Float64Array =>
    detector.score({ ...test, values: test.values.map((value, at) => (at % width === width - 1 ? level : value)) });
  const count = test.columns[width - 1]!.levels.length;
  return {
    asTheyAre: detector.score(test),
    known: Array.from({ length: count }, (_, level) => withLevel(level)),
    unseen: withLevel(count),
  };
};

const unseenIsNotMostNormal: Clause = async (estimator) => {
  const { known, unseen } = await levelScores(estimator);
  unseen.forEach((score, r) => {
    const lowest = Math.min(...known.map((scores) => scores[r]!));
    require(score >= lowest, () => `row ${r} scores ${score} with an unseen level, below ${lowest} with a known one`);
  });
};

/** For densities: an unseen level makes rows more surprising than they are, by 2 nats on average. */
const unseenIsSurprising: Clause = async (estimator) => {
  const { asTheyAre, unseen } = await levelScores(estimator);
  const rise = mean(unseen) - mean(asTheyAre);
  require(rise > 2, () => `an unseen level raises scores by ${rise.toFixed(3)} nats; expected more than 2`);
};

const refuses = async (attempt: () => Promise<unknown>): Promise<unknown> => {
  try {
    await attempt();
  } catch (error) {
    return error;
  }
  return undefined;
};

const refusesBadParameters: Clause = async (estimator) => {
  const error = await refuses(() => estimator.fit(purchases(estimator), contextOf({ parameters: { notAParameter: 1 } })));
  require(error instanceof TypeError && error.message.includes('notAParameter'), () =>
    `an unknown parameter gives ${String(error)}; expected a TypeError naming it`);
};

const stopsWhenAborted: Clause = async (estimator) => {
  const reason = new Error('enough');
  const error = await refuses(() => estimator.fit(purchases(estimator), contextOf({ signal: AbortSignal.abort(reason) })));
  require(error === reason, () => `an aborted fit gives ${String(error)}; expected the signal's reason`);
};

const progressNeverFalls: Clause = async (estimator) => {
  const shares: number[] = [];
  await estimator.fit(purchases(estimator), contextOf({ onProgress: ({ share }) => shares.push(share) }));
  shares.forEach((share, i) => {
    require(share >= 0 && share <= 1, () => `progress ${share} is not within 0 to 1`);
    require(i === 0 || share >= shares[i - 1]!, () => `progress falls from ${shares[i - 1]} to ${share}`);
  });
};

const scoresOnly: Readonly<Record<string, Clause>> = {
  'same seed, same scores': sameSeedSameScores,
  'a row alone scores as in a batch': aloneAsInBatch,
  'saved and loaded, bit-equal': savedAndLoaded,
  'obvious anomalies score above normals': anomaliesAboveNormals,
  'awkward columns give no NaN': survivesAwkwardColumns,
  'an unseen level is not the most normal': unseenIsNotMostNormal,
  'bad parameters are refused by name': refusesBadParameters,
  'an aborted fit stops': stopsWhenAborted,
  'progress never falls': progressNeverFalls,
};
const exact: Readonly<Record<string, Clause>> = {
  'log-likelihood in 1 dimension': knownDensity(line),
  'log-likelihood in 2 dimensions': knownDensity(plane),
  'log-likelihood in 8 dimensions': knownDensity(space),
  'integrates to 1 in 1 dimension': integratesToOne(line, 14_000),
  'integrates to 1 in 2 dimensions': integratesToOne(plane, 180),
};
const lowerBound: Readonly<Record<string, Clause>> = {
  'bound below the truth in 1 dimension': boundsBelow(line),
  'bound below the truth in 2 dimensions': boundsBelow(plane),
  'bound below the truth in 8 dimensions': boundsBelow(space),
};
const surprise: Readonly<Record<string, Clause>> = {
  'a broken constant is noticed': noticesBrokenConstants,
  'an unseen level is surprising': unseenIsSurprising,
};
const sampler: Readonly<Record<string, Clause>> = { 'samples have the moments of the truth': samplesTheTruth };
const additive: Readonly<Record<string, Clause>> = { 'terms add up to the score': termsAddUp };
const usual: Readonly<Record<string, Clause>> = { 'usual values cover 85-95 %': usualValuesCover };

export const allClauses: Readonly<Record<string, Clause>> = {
  ...scoresOnly,
  ...exact,
  ...lowerBound,
  ...surprise,
  ...sampler,
  ...additive,
  ...usual,
};

/** The clauses that bind an estimator, given one of its detectors. @throws Error when it lacks a method that it declares */
export const clausesFor = (estimator: Estimator, detector: Detector): Readonly<Record<string, Clause>> => {
  const probabilistic = estimator.likelihood === 'exact' || estimator.likelihood === 'lower-bound';
  const method = estimator.likelihood === 'exact' ? 'logProb' : 'logProbBound';
  for (const name of probabilistic ? [method, 'sample'] : [])
    if (!(name in detector)) throw new Error(`${estimator.name} declares "${estimator.likelihood}" and has no ${name}`);
  return {
    ...scoresOnly,
    ...(estimator.likelihood === 'exact' ? exact : {}),
    ...(estimator.likelihood === 'lower-bound' ? lowerBound : {}),
    ...(probabilistic ? surprise : {}),
    ...('sample' in detector ? sampler : {}),
    ...(detector.terms ? additive : {}),
    ...(detector.usualValues ? usual : {}),
  };
};
