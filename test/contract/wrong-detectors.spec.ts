import { type FeatureMatrix } from '../../src/domain/feature-matrix.js';
import { createRandom } from '../../src/domain/random.js';
import { logisticRegression } from '../../src/models/baselines/logistic-regression.js';
import { gaussianMixture } from '../../src/models/density/gaussian-mixture.js';
import type { BoundedModel, DensityModel, Detector, Estimator, FitContext, UsualValues } from '../../src/models/detector.js';
import { allClauses } from './clauses.js';

/** A detector with everything that any clause asks for. */
type Full = DensityModel & BoundedModel & Required<Pick<Detector, 'terms' | 'usualValues'>>;

/** Marginal quantiles of the model's own sample: covers as it should, cheaply. */
const marginalQuantiles = (model: DensityModel, features: FeatureMatrix): UsualValues => {
  const width = features.columns.length;
  const drawn = model.sample(4000, createRandom(1)).values;
  const sorted = features.columns.map((_, c) => Float32Array.from({ length: 4000 }, (_, r) => drawn[r * width + c]!).sort());
  const at = (share: number): Float64Array =>
    Float64Array.from(features.values, (_, cell) => sorted[cell % width]![Math.floor(share * 4000)]!);
  return { low: at(0.05), median: at(0.5), high: at(0.95) };
};

const full = (model: DensityModel): Full => ({
  ...model,
  terms: (features) => model.terms!(features),
  logProbBound: (features) => model.logProb(features).map((value) => value - 0.03),
  usualValues: (features) => marginalQuantiles(model, features),
});

/** One Gaussian on normalised columns: fits in a moment and keeps every clause, the worlds being Gaussian underneath. */
const honest: Estimator = {
  ...gaussianMixture,
  async fit(data, context) {
    const parameters = { componentsMax: 1, iterationsMax: 2, ...context.parameters };
    return full((await gaussianMixture.fit(data, { ...context, parameters })) as DensityModel);
  },
  load: (artifact, context) => full(gaussianMixture.load(artifact, context) as DensityModel),
};

/** The honest estimator with its fitted detectors changed in one way. */
const withDetector = (change: (detector: Full) => Partial<Full>): Estimator => ({
  ...honest,
  async fit(data, context) {
    const detector = (await honest.fit(data, context)) as Full;
    return { ...detector, ...change(detector) };
  },
});
const withFit = (change: (context: FitContext) => FitContext): Estimator => ({
  ...honest,
  fit: (data, context) => honest.fit(data, change(context)),
});

const replaceCells = (features: FeatureMatrix, replace: (value: number, column: number) => number): FeatureMatrix => ({
  ...features,
  values: features.values.map((value, at) => replace(value, at % features.columns.length)),
});
const unseen = (features: FeatureMatrix, column: number, value: number): boolean =>
  features.columns[column]!.kind === 'categorical' && value === features.columns[column]!.levels.length;

const logProbHigherBy = (nats: number): Estimator =>
  withDetector((detector) => ({ logProb: (features) => detector.logProb(features).map((value) => value + nats) }));
const boundHigherBy = (nats: number): Estimator =>
  withDetector((detector) => ({ logProbBound: (features) => detector.logProbBound(features).map((value) => value + nats) }));

let fitCount = 0;

/** Per clause: a detector that breaks it, and what the clause says. */
const wrong: Readonly<Record<string, readonly [Estimator, RegExp]>> = {
  'same seed, same scores': [
    withDetector((detector) => {
      const drift = (fitCount += 1) * 1e-9;
      return { score: (features) => detector.score(features).map((value) => value + drift) };
    }),
    /score differently/,
  ],
  'a row alone scores as in a batch': [
    withDetector((detector) => ({
      score(features) {
        const scores = detector.score(features);
        const mean = scores.reduce((sum, value) => sum + value, 0) / scores.length;
        return scores.map((value) => value - mean);
      },
    })),
    /alone and .* in a batch/,
  ],
  'saved and loaded, bit-equal': [
    {
      ...honest,
      load(artifact, context) {
        const detector = honest.load(artifact, context);
        return { ...detector, score: (features) => detector.score(features).map(Math.fround) };
      },
    },
    /loaded detector scores differently/,
  ],
  'obvious anomalies score above normals': [
    withDetector((detector) => ({ score: (features) => detector.score(features).map((value) => -value) })),
    /AUROC of obvious anomalies/,
  ],
  'awkward columns give no NaN': [
    withDetector((detector) => ({
      score: (features) =>
        detector
          .score(features)
          .map((value, r) => value + 0 * features.values[r * features.columns.length + features.columns.length - 1]!),
    })),
    /scores NaN/,
  ],
  'an unseen level is not the most normal': [
    withDetector((detector) => ({
      score(features) {
        const width = features.columns.length;
        const odd = (r: number): boolean => features.columns.some((_, c) => unseen(features, c, features.values[r * width + c]!));
        return detector.score(features).map((value, r) => (odd(r) ? -1e6 : value));
      },
    })),
    /with an unseen level, below/,
  ],
  'an anomaly in one field is named first': [
    withDetector((detector) => ({
      terms(features) {
        const { columns, values } = detector.terms(features);
        return { columns, values: values.map((_, at) => values[at - (at % columns.length) + ((at + 1) % columns.length)]!) };
      },
    })),
    /names the planted field first in 0 of 20/,
  ],
  'bad parameters are refused by name': [withFit(({ parameters: _, ...context }) => context), /expected a TypeError naming it/],
  'an aborted fit stops': [withFit(({ signal: _, ...context }) => context), /an aborted fit gives undefined/],
  'progress never falls': [
    withFit((context) => ({
      ...context,
      onProgress: (progress) => context.onProgress?.({ ...progress, share: 1 - progress.share }),
    })),
    /progress falls/,
  ],
  'log-likelihood in 1 dimension': [logProbHigherBy(0.08), /nats below the truth/],
  'log-likelihood in 2 dimensions': [logProbHigherBy(0.08), /nats below the truth/],
  'log-likelihood in 8 dimensions': [logProbHigherBy(0.15), /nats below the truth/],
  'integrates to 1 in 1 dimension': [logProbHigherBy(0.04), /integrates to 1\.0/],
  'integrates to 1 in 2 dimensions': [logProbHigherBy(0.04), /integrates to 1\.0/],
  'bound below the truth in 1 dimension': [boundHigherBy(0.1), /nats above the truth/],
  'bound below the truth in 2 dimensions': [boundHigherBy(0.1), /nats above the truth/],
  'bound below the truth in 8 dimensions': [boundHigherBy(0.15), /nats above the truth/],
  'a broken constant is noticed': [
    withDetector((detector) => ({
      score: (features) =>
        detector.score(replaceCells(features, (value, c) => (features.columns[c]!.name === 'constant' ? 7 : value))),
    })),
    /constant column's new value/,
  ],
  'an unseen level is surprising': [
    withDetector((detector) => ({
      score: (features) => detector.score(replaceCells(features, (value, c) => (unseen(features, c, value) ? 0 : value))),
    })),
    /an unseen level raises scores/,
  ],
  'samples have the moments of the truth': [
    withDetector((detector) => ({
      sample: (n, random) => replaceCells(detector.sample(n, random), (x, c) => (c === 1 ? 1.2 * x : x)),
    })),
    /of x1/,
  ],
  'samples given a cell are the conditional': [
    withDetector((detector) => ({ sample: (n, random) => detector.sample(n, random) })),
    /rows given x0 have another x0/,
  ],
  'terms add up to the score': [
    withDetector((detector) => ({
      terms(features) {
        const { columns, values } = detector.terms(features);
        return { columns, values: values.map((value, at) => (at % columns.length === 0 ? value * 1.001 : value)) };
      },
    })),
    /terms add up to/,
  ],
  'usual values cover 85-95 %': [
    withDetector((detector) => ({
      usualValues(features) {
        const { low, median, high } = detector.usualValues(features);
        return { low: low.map((value, at) => (value + median[at]!) / 2), median, high };
      },
    })),
    /interval of x0 covers/,
  ],
};

/** Supervised, and blind: it may not pass because there is nothing to explain. */
const blind: Estimator = {
  ...logisticRegression,
  async fit(data, context) {
    const detector = await logisticRegression.fit(data, context);
    return { ...detector, score: (features) => new Float64Array(features.rowCount) };
  },
};

describe('the contract itself', () => {
  it('asks supervised detectors too to see what they explain', async () => {
    const clause = allClauses['an anomaly in one field is named first']!;
    await expect(clause(logisticRegression)).resolves.toBeUndefined();
    await expect(clause(blind)).rejects.toThrow('sees none of the planted anomalies');
  });

  it('has a wrong detector for every clause', () => expect(Object.keys(wrong).sort()).toEqual(Object.keys(allClauses).sort()));

  it.each(Object.entries(allClauses))('"%s" passes an honest detector and fails a wrong one', async (name, clause) => {
    const [broken, complaint] = wrong[name]!;
    await expect(clause(honest)).resolves.toBeUndefined();
    await expect(clause(broken)).rejects.toThrow(complaint);
  });
});
