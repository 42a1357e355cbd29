import { featureMatrix, selectRows } from '../../src/domain/feature-matrix.js';
import { decodeArtifacts, encodeArtifacts } from '../../src/models/artifact.js';
import type { BoundedModel, DensityModel, Detector, Estimator } from '../../src/models/detector.js';
import {
  boundsBelow,
  integratesToOne,
  knownDensity,
  samplesConditionals,
  samplesTheTruth,
  usualValuesCover,
} from './density-clauses.js';
import { namesThePlantedField } from './explanation-clauses.js';
import {
  backend,
  type Clause,
  contextOf,
  ensure,
  fitOnce,
  fitPurchases,
  mean,
  namesFor,
  purchases,
  refuses,
  sameBits,
  stack,
} from './fits.js';
import { drawAwkward, drawPurchases, line, plane, space } from './worlds.js';

/**
 * The contract of every registry entry, a function per clause: it rejects where an estimator breaks the clause. Which
 * clauses apply follows from what an estimator declares and its detectors can do, never from its name.
 */

const sameSeedSameScores: Clause = async (estimator) => {
  const first = await fitPurchases(estimator);
  const second = await estimator.fit(purchases(estimator), contextOf());
  const test = drawPurchases(300, 3, namesFor(estimator));
  ensure(sameBits(first.score(test), second.score(test)), () => 'two fits with the same seed score differently');
};

const aloneAsInBatch: Clause = async (estimator) => {
  const detector = await fitPurchases(estimator);
  const test = drawPurchases(1100, 3, namesFor(estimator));
  const scores = detector.score(test);
  for (let r = 0; r < test.rowCount; r += 23) {
    const alone = detector.score(selectRows(test, [r]))[0];
    ensure(Object.is(alone, scores[r]), () => `row ${r} scores ${alone} alone and ${scores[r]} in a batch`);
  }
};

const savedAndLoaded: Clause = async (estimator) => {
  const detector = await fitPurchases(estimator);
  const bytes = encodeArtifacts({ detector: detector.save() }, {});
  const artifact = decodeArtifacts(bytes).artifacts['detector']!;
  const loaded = estimator.load(artifact, { backend });
  const test = drawPurchases(300, 3, namesFor(estimator));
  ensure(sameBits(detector.score(test), loaded.score(test)), () => 'the loaded detector scores differently');
  if (detector.terms)
    ensure(sameBits(detector.terms(test).values, loaded.terms!(test).values), () => 'the loaded detector has other terms');
  for (const method of ['logProb', 'logProbBound'] as const) {
    const [before, after] = [detector, loaded].map((d) => (d as Partial<DensityModel & BoundedModel>)[method]?.(test));
    if (before) ensure(after !== undefined && sameBits(before, after), () => `the loaded detector has another ${method}`);
  }
  const foreign = { ...artifact, estimator: 'another' };
  let refused = false;
  try {
    estimator.load(foreign, { backend });
  } catch {
    refused = true;
  }
  ensure(refused, () => "loads another estimator's artifact");
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
  ensure(area > 0.9, () => `AUROC of obvious anomalies is ${area.toFixed(3)}; expected above 0.9`);
};

const termsAddUp: Clause = async (estimator) => {
  const detector = await fitPurchases(estimator);
  const test = stack(
    drawPurchases(200, 3, namesFor(estimator)),
    drawPurchases(20, 4, { anomalous: true, ...namesFor(estimator) }),
  );
  const { columns, values } = detector.terms!(test);
  ensure(values.length === columns.length * test.rowCount, () => `${values.length} terms; expected ${columns.length} per row`);
  detector.score(test).forEach((score, r) => {
    let sum = 0;
    for (let c = 0; c < columns.length; c += 1) sum += values[r * columns.length + c]!;
    ensure(
      Math.abs(sum - score) <= 1e-9 * Math.max(1, Math.abs(score)),
      () => `row ${r}: terms add up to ${sum}, the score is ${score}`,
    );
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
    ensure(scores.length === test.rowCount, () => `${scores.length} scores for ${test.rowCount} rows`);
    scores.forEach((score, r) => ensure(!Number.isNaN(score), () => `row ${r} of ${rowCount} awkward ones scores NaN`));
    detector
      .terms?.(test)
      .values.forEach((term, at) => ensure(!Number.isNaN(term), () => `term ${at} of the awkward rows is NaN`));
    ensure(detector.score(selectRows(test, [])).length === 0, () => 'no rows do not give no scores');
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
  ensure(
    unusual > usual + 1,
    () => `a constant column's new value moves the score from ${usual} to ${unusual}; expected more surprise`,
  );
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
    ensure(score >= lowest, () => `row ${r} scores ${score} with an unseen level, below ${lowest} with a known one`);
  });
};

/** For densities: an unseen level makes rows more surprising than they are, by 2 nats on average. */
const unseenIsSurprising: Clause = async (estimator) => {
  const { asTheyAre, unseen } = await levelScores(estimator);
  const rise = mean(unseen) - mean(asTheyAre);
  ensure(rise > 2, () => `an unseen level raises scores by ${rise.toFixed(3)} nats; expected more than 2`);
};

const refusesBadParameters: Clause = async (estimator) => {
  const error = await refuses(() => estimator.fit(purchases(estimator), contextOf({ parameters: { notAParameter: 1 } })));
  ensure(
    error instanceof TypeError && error.message.includes('notAParameter'),
    () => `an unknown parameter gives ${String(error)}; expected a TypeError naming it`,
  );
};

const stopsWhenAborted: Clause = async (estimator) => {
  const reason = new Error('enough');
  const error = await refuses(() => estimator.fit(purchases(estimator), contextOf({ signal: AbortSignal.abort(reason) })));
  ensure(error === reason, () => `an aborted fit gives ${String(error)}; expected the signal's reason`);
};

/** Parameters are checked before anything else: an aborted fit with good ones rejects with the signal's reason. */
export const acceptsParameters = async (estimator: Estimator, parameters: Readonly<Record<string, unknown>>): Promise<void> => {
  const reason = new Error('enough');
  const error = await refuses(() =>
    estimator.fit(purchases(estimator), contextOf({ parameters, signal: AbortSignal.abort(reason) })),
  );
  ensure(error === reason, () => `the parameters are refused: ${String(error)}`);
};

const progressNeverFalls: Clause = async (estimator) => {
  const shares: number[] = [];
  await estimator.fit(purchases(estimator), contextOf({ onProgress: ({ share }) => shares.push(share) }));
  shares.forEach((share, i) => {
    ensure(share >= 0 && share <= 1, () => `progress ${share} is not within 0 to 1`);
    ensure(i === 0 || share >= shares[i - 1]!, () => `progress falls from ${shares[i - 1]} to ${share}`);
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
  'an anomaly in one field is named first': namesThePlantedField,
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
const sampler: Readonly<Record<string, Clause>> = {
  'samples have the moments of the truth': samplesTheTruth,
  'samples given a cell are the conditional': samplesConditionals,
};
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
