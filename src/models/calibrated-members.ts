import type { ScoreCalibration } from '../domain/calibration.js';
import type { FeatureMatrix } from '../domain/feature-matrix.js';
import type { TensorBackend } from '../tensor/backend.js';
import type { Artifact } from './artifact.js';
import { minusLog10P } from './conformal.js';
import { arrayOf } from './density/density-model.js';
import type { Detector, Estimator } from './detector.js';
import { memberArtifacts, nestArtifacts } from './nested-artifact.js';

/** A detector whose scores can be compared with other detectors', as p-values. */
export interface CalibratedMember {
  /** Without a slash. */
  readonly name: string;
  readonly detector: Detector;
  /** Of its scores of rows that it had not seen; an isolation forest's hardly depend on having seen them. */
  readonly calibration: ScoreCalibration;
}

/** log of the mean of 1 / p, in nats: minus the log of the harmonic mean p-value (Wilson 2019). */
export const harmonicMean = (minusLogs: ArrayLike<number>): number => {
  let largest = -Infinity;
  for (let i = 0; i < minusLogs.length; i += 1) largest = Math.max(largest, minusLogs[i]!);
  if (largest === Infinity) return Infinity;
  let sum = 0;
  for (let i = 0; i < minusLogs.length; i += 1) sum += Math.exp(minusLogs[i]! - largest);
  return largest + Math.log(sum / minusLogs.length);
};

/** Minus the log of the harmonic mean of the members' p-values, one per row. */
export const harmonicSurprise = (members: readonly CalibratedMember[], features: FeatureMatrix): Float64Array => {
  const scores = members.map(({ detector }) => detector.score(features));
  const minusLogs = new Float64Array(members.length);
  return Float64Array.from({ length: features.rowCount }, (_, r) => {
    members.forEach(({ calibration }, i) => (minusLogs[i] = minusLog10P(calibration, scores[i]![r]!) * Math.LN10));
    return harmonicMean(minusLogs);
  });
};

/** Members of different names. */
export const saveMembers = (members: readonly CalibratedMember[]): Pick<Artifact, 'meta' | 'arrays'> => {
  const { meta, arrays } = nestArtifacts(Object.fromEntries(members.map(({ name, detector }) => [name, detector.save()])));
  const calibrations = members.flatMap(({ name, calibration }) => {
    const { knots, survival, n, tailStart, tailShare, tailScale } = calibration;
    return [
      [`${name} knots`, Float64Array.from(knots)],
      [`${name} survival`, Float64Array.from(survival)],
      [`${name} tail`, Float64Array.of(n, tailStart, tailShare, tailScale)],
    ] as const;
  });
  return { meta, arrays: { ...arrays, ...Object.fromEntries(calibrations) } };
};

/** Inverse of `saveMembers`. @throws Error when the artifact lacks one of the members */
export const loadMembers = (
  artifact: Artifact,
  members: readonly { readonly name: string; readonly estimator: Estimator }[],
  context: { readonly backend: TensorBackend },
): CalibratedMember[] => {
  const stored = memberArtifacts(artifact);
  return members.map(({ name, estimator }) => {
    const member = stored[name];
    if (!member) throw new Error(`the artifact of ${artifact.estimator} has no member "${name}"`);
    const list = (part: string): number[] => Array.from(arrayOf(artifact, `${name} ${part}`));
    const [n, tailStart, tailShare, tailScale] = list('tail') as [number, number, number, number];
    return {
      name,
      detector: estimator.load(member, context),
      calibration: { n, knots: list('knots'), survival: list('survival'), tailStart, tailShare, tailScale },
    };
  });
};
