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
/** -log p from which a row that was left out is unusual to densities that never saw it: p = 1 in 40. */
const UNUSUAL_NATS = Math.log(40);

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
  readonly removed: FeatureMatrix;
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
  const chosen = (part: number[]): FeatureMatrix =>
    selectRows(
      rows,
      part.sort((a, b) => a - b),
    );
  const forest = { name: FOREST, detector, calibration: fitScoreCalibration(scores) };
  return { kept: chosen(order.slice(0, keptCount)), removed: chosen(order.slice(keptCount)), forest };
};

/** Rows that nobody vouches for: the most isolated are left out, unless they turn out as usual as the others. */
const fitUnlabelled = async (rows: FeatureMatrix, parameters: Parameters, context: FitContext): Promise<FittedMembers> => {
  const { kept, removed, forest } = await trim(rows, parameters.trimmedShare, within(context, 0, 0.05));
  const fitted = await fitDensityMembers(kept, parameters.heldBackShare, within(context, 0.05, 0.5));
  const unusual = harmonicSurprise(fitted.members, removed).filter((nats) => nats > UNUSUAL_NATS).length / removed.rowCount;
  const finding =
    `training rows without labels; of the ${removed.rowCount} most isolated ${Math.round(100 * unusual)} % ` +
    `are unusual (p < 1/40) to densities fitted without them`;
  if (unusual >= 0.5)
    return {
      members: [...fitted.members, forest],
      reason: `${finding}: left out, and an isolation forest joins; ${fitted.reason}`,
    };
  const all = await fitDensityMembers(rows, parameters.heldBackShare, within(context, 0.5, 1));
  return { members: all.members, reason: `${finding}: kept; ${all.reason}` };
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
 * from rows without, the most isolated are left out, and an isolation forest joins. A rare cluster of legitimate rows looks
 * the same as a cluster of frauds: labels, where there are any, are worth giving.
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
