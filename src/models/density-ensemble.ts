import { z } from 'zod';
import type { ScoreCalibration } from '../domain/calibration.js';
import { type FeatureMatrix, selectRows } from '../domain/feature-matrix.js';
import type { TensorBackend } from '../tensor/backend.js';
import type { Artifact } from './artifact.js';
import { gaussianProcess } from './baselines/gaussian-process.js';
import { nearestNeighbours } from './baselines/nearest-neighbours.js';
import { fitScoreCalibration, minusLog10P } from './conformal.js';
import { arrayOf, checkArtifact } from './density/density-model.js';
import { gaussianMixture } from './density/gaussian-mixture.js';
import type { Detector, Estimator, FitContext } from './detector.js';
import { limitRows, shuffledIndices } from './fit-rows.js';
import { memberArtifacts, nestArtifacts } from './nested-artifact.js';
import { parseParameters } from './parameters.js';

const NAME = 'density-ensemble';

const parametersSchema = z.strictObject({
  transform: z.enum(['quantile-normal', 'asinh']).default('asinh'),
  heldBackShare: z.number().min(0.05).max(0.5).default(0.25),
  rowsMax: z.int().min(10).max(1_000_000).default(20_000),
});
type Parameters = z.infer<typeof parametersSchema>;

/** Neighbours see the finest detail, the process the shape between them, the mixture the dependence of the columns. */
const membersOf = ({ transform, rowsMax }: Parameters) => [
  { estimator: nearestNeighbours, parameters: { transform } },
  { estimator: gaussianProcess, parameters: { transform } },
  { estimator: gaussianMixture, parameters: { transform, componentsMax: 10, rowsMax } },
];

interface Member {
  readonly detector: Detector;
  /** Of its scores of rows that it had not seen. */
  readonly calibration: ScoreCalibration;
}

/** log of the mean of 1 / p: minus the log of the harmonic mean p-value. `minusLogs` in nats. */
const harmonic = (minusLogs: Float64Array): number => {
  const largest = minusLogs.reduce((most, value) => Math.max(most, value), 0);
  let sum = 0;
  for (const value of minusLogs) sum += Math.exp(value - largest);
  return largest + Math.log(sum / minusLogs.length);
};

const create = (members: readonly Member[]): Detector => ({
  estimator: NAME,
  score(features) {
    const scores = members.map(({ detector }) => detector.score(features));
    const minusLogs = new Float64Array(members.length);
    return Float64Array.from({ length: features.rowCount }, (_, r) => {
      members.forEach(({ calibration }, i) => (minusLogs[i] = minusLog10P(calibration, scores[i]![r]!) * Math.LN10));
      return harmonic(minusLogs);
    });
  },
  save() {
    const { meta, arrays } = nestArtifacts(
      Object.fromEntries(members.map(({ detector }) => [detector.estimator, detector.save()])),
    );
    return { estimator: NAME, meta, arrays: { ...arrays, ...calibrationArrays(members) } };
  },
});

const calibrationArrays = (members: readonly Member[]): Record<string, Float64Array> =>
  Object.fromEntries(
    members.flatMap(({ detector: { estimator }, calibration: { knots, survival, n, tailStart, tailShare, tailScale } }) => [
      [`${estimator} knots`, Float64Array.from(knots)],
      [`${estimator} survival`, Float64Array.from(survival)],
      [`${estimator} tail`, Float64Array.of(n, tailStart, tailShare, tailScale)],
    ]),
  );

const loadCalibration = (artifact: Artifact, member: string): ScoreCalibration => {
  const [n, tailStart, tailShare, tailScale] = arrayOf(artifact, `${member} tail`) as unknown as [number, number, number, number];
  const list = (name: string): number[] => Array.from(arrayOf(artifact, `${member} ${name}`));
  return { n, knots: list('knots'), survival: list('survival'), tailStart, tailShare, tailScale };
};

/** Some rows to fit on and others to calibrate on; all for both where there are too few. */
const holdBack = (
  features: FeatureMatrix,
  share: number,
  context: FitContext,
): { known: FeatureMatrix; fresh: FeatureMatrix } => {
  const count = Math.round(share * features.rowCount);
  if (count === 0 || count === features.rowCount) return { known: features, fresh: features };
  const order = shuffledIndices(features.rowCount, context.random.fork('held back'));
  return {
    known: selectRows(features, order.subarray(count).sort()),
    fresh: selectRows(features, order.subarray(0, count).sort()),
  };
};

/**
 * Distances, a Gaussian process and a mixture as one: each member's score becomes a p-value among rows that it had not seen,
 * and the score is minus the log of their harmonic mean (Wilson 2019), so a row is as unusual as the member that finds it most
 * unusual says, less the log of their number. Every member is fitted twice: without the held-back rows, to be calibrated on
 * them, and on all rows, to score.
 */
export const densityEnsemble: Estimator = {
  name: NAME,
  family: 'classic',
  likelihood: 'none',
  supervised: false,
  async fit({ features }, context) {
    const parameters = parseParameters(NAME, parametersSchema, context.parameters);
    context.signal?.throwIfAborted();
    const rows = limitRows(features, parameters.rowsMax, context.random.fork('rows'));
    const { known, fresh } = holdBack(rows, parameters.heldBackShare, context);
    const chosen = membersOf(parameters);
    const steps = 2 * chosen.length;
    const fitMember = (step: number, on: FeatureMatrix): Promise<Detector> => {
      const { estimator, parameters: own } = chosen[step >> 1]!;
      return estimator.fit(
        { features: on },
        {
          ...context,
          parameters: own,
          random: context.random.fork(estimator.name),
          onProgress: ({ share, message }) =>
            context.onProgress?.({ share: (step + share) / steps, message: `${estimator.name}: ${message}` }),
        },
      );
    };
    const members: Member[] = [];
    for (let i = 0; i < chosen.length; i += 1) {
      const calibration = fitScoreCalibration((await fitMember(2 * i, known)).score(fresh));
      members.push({ detector: await fitMember(2 * i + 1, rows), calibration });
    }
    return create(members);
  },
  load(artifact: Artifact, context: { readonly backend: TensorBackend }): Detector {
    checkArtifact(NAME, artifact);
    const stored = memberArtifacts(artifact);
    return create(
      [nearestNeighbours, gaussianProcess, gaussianMixture].map((estimator) => ({
        detector: estimator.load(stored[estimator.name]!, context),
        calibration: loadCalibration(artifact, estimator.name),
      })),
    );
  },
};
