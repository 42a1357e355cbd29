import { z } from 'zod';
import { type FeatureMatrix, selectRows } from '../domain/feature-matrix.js';
import type { TensorBackend } from '../tensor/backend.js';
import type { Artifact } from './artifact.js';
import { requireBothClasses } from './baselines/labelled-rows.js';
import { gaussianMixture } from './density/gaussian-mixture.js';
import type { DensityModel, Detector, Estimator, FitContext, TrainingData } from './detector.js';
import { memberArtifacts, nestArtifacts } from './nested-artifact.js';
import { parseParameters } from './parameters.js';

const NAME = 'class-conditional';

const parametersSchema = z.strictObject({
  prior: z.number().positive().max(0.999).optional(),
  transform: z.enum(['quantile-normal', 'asinh']).default('asinh'),
});

/** P(X, Y): a density for each class, and a prior that may be moved after the fit. */
export interface ClassConditional extends Detector {
  /** log p(x | fraud) and log p(x | legitimate) in nats, one per row. Both low: neither class knows such a row. */
  logLikelihoods(features: FeatureMatrix): { readonly fraud: Float64Array; readonly legitimate: Float64Array };
  /** The same densities under another share of fraud, in (0, 1). */
  withPrior(prior: number): ClassConditional;
}

const create = (fraud: DensityModel, legitimate: DensityModel, prior: number): ClassConditional => {
  const logLikelihoods = (features: FeatureMatrix) => ({
    fraud: fraud.logProb(features),
    legitimate: legitimate.logProb(features),
  });
  return {
    estimator: NAME,
    logLikelihoods,
    withPrior(moved) {
      if (!(moved > 0 && moved < 1)) throw new RangeError(`the prior is ${moved}; expected a share between 0 and 1`);
      return create(fraud, legitimate, moved);
    },
    score(features) {
      const { fraud: of, legitimate: against } = logLikelihoods(features);
      const priorLogOdds = Math.log(prior / (1 - prior));
      // Both densities vanish beyond all training rows: what neither class knows is decided by the prior alone.
      return of.map((logProb, r) => priorLogOdds + (logProb === against[r] ? 0 : logProb - against[r]!));
    },
    save: () => {
      const { meta, arrays } = nestArtifacts({ fraud: fraud.save(), legitimate: legitimate.save() });
      return { estimator: NAME, meta: { ...meta, prior }, arrays };
    },
  };
};

/**
 * A density that is steady on few rows: the ridge keeps it from calling every new fraud impossible for not lying in the
 * plane of the known ones. It takes a share of the variance that vanishes as rows per column grow.
 */
export const fitFewRows = (
  features: FeatureMatrix,
  transform: 'quantile-normal' | 'asinh',
  context: FitContext,
): Promise<DensityModel> => {
  const ridge = Math.min(0.9, Math.max(1e-3, features.columns.length / Math.max(1, features.rowCount)));
  return gaussianMixture.fit({ features }, { ...context, parameters: { transform, ridge } }) as Promise<DensityModel>;
};

const classesOf = (data: TrainingData): { frauds: number[]; others: number[] } => {
  const labels = requireBothClasses(NAME, data);
  const rows = [...labels.keys()];
  return { frauds: rows.filter((r) => labels[r] === 1), others: rows.filter((r) => labels[r] === 0) };
};

/**
 * Class-conditional densities (quadratic discriminant analysis with mixtures): score = log p(x | fraud) - log p(x | legit) +
 * log prior odds, by Bayes' rule the log-odds of fraud. Where discriminative models know only the border, this also knows when
 * a row is unlike either class. The prior is the training rows' share of fraud unless given, and may be moved.
 */
export const classConditional: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'none',
  supervised: true,
  async fit(data: TrainingData, context: FitContext): Promise<ClassConditional> {
    const parameters = parseParameters(NAME, parametersSchema, context.parameters);
    context.signal?.throwIfAborted();
    const { frauds, others } = classesOf(data);
    const fitClass = (name: string, rows: readonly number[], from: number, to: number): Promise<DensityModel> =>
      fitFewRows(selectRows(data.features, rows), parameters.transform, {
        ...context,
        random: context.random.fork(name),
        onProgress: ({ share, message }) => context.onProgress?.({ share: from + share * (to - from), message }),
      });
    const of = await fitClass('fraud', frauds, 0, 0.2);
    const against = await fitClass('legitimate', others, 0.2, 1);
    return create(of, against, parameters.prior ?? frauds.length / (frauds.length + others.length));
  },
  load(artifact: Artifact, context: { readonly backend: TensorBackend }): ClassConditional {
    if (artifact.estimator !== NAME) throw new Error(`${NAME} cannot load an artifact of ${artifact.estimator}`);
    const members = memberArtifacts(artifact);
    const member = (name: string): DensityModel => {
      if (!members[name]) throw new Error(`the artifact of ${NAME} has no density of class "${name}"`);
      return gaussianMixture.load(members[name], context) as DensityModel;
    };
    return create(member('fraud'), member('legitimate'), artifact.meta['prior'] as number);
  },
};
