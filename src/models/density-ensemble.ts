import { z } from 'zod';
import { type FeatureMatrix, selectRows } from '../domain/feature-matrix.js';
import type { TensorBackend } from '../tensor/backend.js';
import type { Artifact } from './artifact.js';
import { isolationForest } from './baselines/isolation-forest.js';
import { type CalibratedMember, harmonicSurprise, loadMembers, saveMembers } from './calibrated-members.js';
import { fitScoreCalibration } from './conformal.js';
import { DENSITY_MEMBERS, fitDensityMembers, type FittedMembers } from './density-members.js';
import { checkArtifact } from './density/density-model.js';
import type { Detector, Estimator, FitContext, TrainingData } from './detector.js';
import { limitRows } from './fit-rows.js';
import { parseParameters } from './parameters.js';

const NAME = 'density-ensemble';

const parametersSchema = z.strictObject({
  heldBackShare: z.number().min(0.05).max(0.5).default(0.25),
  trimmedShare: z.number().min(0).max(0.5).default(0.2),
  rowsMax: z.int().min(10).max(1_000_000).default(20_000),
});
type Parameters = z.infer<typeof parametersSchema>;

/** Also the name of the member that joins where the training rows may hold anomalies. */
const FOREST = 'isolation-forest';
/** Fewer unlabelled rows than these are not searched for anomalies: each is too large a share of them. */
const TRIMMED_FROM_ROWS = 50;

const create = (members: readonly CalibratedMember[], choice: string): Detector => ({
  estimator: NAME,
  isSlow: true,
  choice,
  score: (features) => harmonicSurprise(members, features),
  save() {
    const { meta, arrays } = saveMembers(members);
    return { estimator: NAME, meta: { ...meta, choice }, arrays };
  },
});

/** Progress of one part of a fit. */
const within = (context: FitContext, from: number, to: number): FitContext => ({
  ...context,
  onProgress: ({ share, message }) => context.onProgress?.({ share: from + share * (to - from), message }),
});

interface Trimmed {
  readonly kept: FeatureMatrix;
  readonly forest: CalibratedMember;
}

/** The rows without the `share` that an isolation forest finds most isolated; its small samples rarely let anomalies hide. */
const trim = async (rows: FeatureMatrix, share: number, context: FitContext): Promise<Trimmed> => {
  const detector = await isolationForest.fit(
    { features: rows },
    { ...context, parameters: {}, random: context.random.fork(FOREST) },
  );
  const scores = detector.score(rows);
  const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]! || a - b);
  const keptCount = Math.min(rows.rowCount - 1, Math.round((1 - share) * rows.rowCount));
  const kept = order.slice(0, keptCount).sort((a, b) => a - b);
  return { kept: selectRows(rows, kept), forest: { name: FOREST, detector, calibration: fitScoreCalibration(scores) } };
};

/** Rows that nobody vouches for are taken to hold anomalies: the most isolated are left out. */
const fitUnlabelled = async (rows: FeatureMatrix, parameters: Parameters, context: FitContext): Promise<FittedMembers> => {
  const { kept, forest } = await trim(rows, parameters.trimmedShare, within(context, 0, 0.1));
  const { members, reason } = await fitDensityMembers(kept, parameters.heldBackShare, within(context, 0.1, 1));
  return {
    members: [...members, forest],
    reason:
      `training rows without labels are taken to hold anomalies: the ${rows.rowCount - kept.rowCount} most isolated are left out, ` +
      `and an isolation forest joins; ${reason}`,
  };
};

/** Labels say which rows are legitimate; only those are learnt from, and they are taken at their word. */
const legitimateRows = ({ features, labels }: TrainingData): FeatureMatrix => {
  const rows = [...(labels?.keys() ?? [])].filter((row) => labels![row] === 0);
  return rows.length === 0 || rows.length === features.rowCount ? features : selectRows(features, rows);
};

/**
 * The default for plain tables: distances, a Gaussian process and mixtures as one. Each member's score becomes a p-value
 * among rows that it had not seen, and the score is minus the log of their harmonic mean (Wilson 2019): a row is as unusual as
 * the member that finds it most unusual says, less the log of their number. `choice` tells what the training rows decided.
 *
 * Local densities memorise anomalies among their training rows (models.md section 2). Rows with labels are free of them;
 * from rows without, the most isolated are left out, and an isolation forest joins. That is an assumption, not a finding: a rare
 * cluster of legitimate rows looks the same as a cluster of frauds, and no measure that was tried told clean rows from
 * contaminated ones (docs/quality.md). Labels, where there are any, are worth giving; `trimmedShare: 0` vouches for all rows.
 */
export const densityEnsemble: Estimator = {
  name: NAME,
  family: 'classic',
  likelihood: 'none',
  supervised: false,
  async fit(data, context) {
    const parameters = parseParameters(NAME, parametersSchema, context.parameters);
    context.signal?.throwIfAborted();
    const rows = limitRows(legitimateRows(data), parameters.rowsMax, context.random.fork('rows'));
    const trusted = data.labels !== undefined || parameters.trimmedShare === 0 || rows.rowCount < TRIMMED_FROM_ROWS;
    const { members, reason } = trusted
      ? await fitDensityMembers(rows, parameters.heldBackShare, context)
      : await fitUnlabelled(rows, parameters, context);
    context.onProgress?.({ share: 1, message: reason });
    return create(members, reason);
  },
  load(artifact: Artifact, context: { readonly backend: TensorBackend }): Detector {
    checkArtifact(NAME, artifact);
    const named = [...DENSITY_MEMBERS, { name: FOREST, estimator: isolationForest }];
    const stored = artifact.meta['members'] as Readonly<Record<string, unknown>>;
    const members = loadMembers(
      artifact,
      named.filter(({ name }) => name !== FOREST || name in stored),
      context,
    );
    return create(members, artifact.meta['choice'] as string);
  },
};
