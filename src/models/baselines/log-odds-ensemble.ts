import { z } from 'zod';
import { selectColumns, type FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Artifact } from '../artifact.js';
import type { Detector, Estimator, FitContext, Terms, TrainingData } from '../detector.js';
import { memberArtifacts, nestArtifacts } from '../nested-artifact.js';
import { parseParameters } from '../parameters.js';
import { averageLevel, levelCounts } from './column-bins.js';
import { chooseMembers, type Choice, type ColumnStyle } from './choose-members.js';
import { gradientBoosting } from './gradient-boosting.js';
import { LOG_ODDS_MAX, requireBothClasses } from './labelled-rows.js';
import { BASELINE, logisticRegression } from './logistic-regression.js';
import { orderedBoosting } from './ordered-boosting.js';
import { randomForest } from './random-forest.js';

const NAME = 'log-odds-ensemble';

const MEMBERS: Readonly<Record<string, Estimator>> = {
  'gradient-boosting': gradientBoosting,
  'ordered-boosting': orderedBoosting,
  'random-forest': randomForest,
  'logistic-regression': logisticRegression,
};

/** Hyper-parameters of members whose trees see few columns each; the others are the members' defaults. */
const STYLES: Readonly<Record<ColumnStyle, Readonly<Record<string, object>>>> = {
  most: {},
  few: {
    'gradient-boosting': { columnShare: 'sqrt', rowShare: 0.6, weightMin: 1 },
    'ordered-boosting': { columnShare: 'sqrt' },
    'random-forest': { columnShare: 'sqrt', leafRowsMin: 1 },
  },
};

const OPTIONAL = 'logistic-regression';
const FIXED = Object.keys(MEMBERS).filter((name) => name !== OPTIONAL);
/** Of the fit's progress. */
const CHOOSING_SHARE = 0.4;
const memberName = z.enum(Object.keys(MEMBERS));

const Parameters = z.strictObject({
  /** Members without validation; the default is to choose. */
  members: z.array(memberName).min(1).optional(),
  /** Hyper-parameters by member. */
  memberParameters: z.partialRecord(memberName, z.record(z.string(), z.unknown())).default({}),
});
type Parameters = z.infer<typeof Parameters>;

const bounded = (score: number): number => Math.max(-LOG_ODDS_MAX, Math.min(LOG_ODDS_MAX, score));

/** A bounded score's terms keep their proportions about the baseline. */
const boundTerms = ({ columns, values }: Terms): Float64Array => {
  const width = columns.length;
  const baselineAt = columns.indexOf(BASELINE);
  const bound = values.slice();
  for (let start = 0; start < values.length; start += width) {
    let score = 0;
    for (let c = 0; c < width; c += 1) score += values[start + c]!;
    if (Math.abs(score) <= LOG_ODDS_MAX) continue;
    const baseline = bounded(values[start + baselineAt]!);
    const moved = score - values[start + baselineAt]!;
    const factor = moved === 0 ? 0 : (bounded(score) - baseline) / moved;
    for (let c = 0; c < width; c += 1) bound[start + c]! *= factor;
    bound[start + baselineAt] = baseline;
  }
  return bound;
};

/** By categorical column: the level that every member takes an unseen one for, so that they agree about it. */
type StandIns = Readonly<Record<string, number>>;

const standInsOf = (features: FeatureMatrix, labels: Uint8Array): StandIns =>
  Object.fromEntries(
    features.columns
      .map(({ name, kind }, c) => [name, kind === 'categorical' ? averageLevel(levelCounts(features, c, labels)) : -1] as const)
      .filter(([, level]) => level >= 0),
  );

const withStandIns = (features: FeatureMatrix, standIns: StandIns): FeatureMatrix => {
  const { columns, values } = features;
  const known = values.slice();
  columns.forEach(({ name, levels }, c) => {
    const level = standIns[name];
    if (level === undefined) return;
    for (let at = c; at < known.length; at += columns.length) if (known[at]! >= levels.length) known[at] = level;
  });
  return { ...features, values: known };
};

const create = (members: Readonly<Record<string, Detector>>, choice: Choice, standIns: StandIns): Detector => {
  const detectors = Object.values(members);
  const chosenColumns = (features: FeatureMatrix): FeatureMatrix =>
    withStandIns(choice.columns === null ? features : selectColumns(features, choice.columns), standIns);
  return {
    estimator: NAME,
    score(features) {
      const chosen = chosenColumns(features);
      return meanScores(detectors.map((detector) => detector.score(chosen)));
    },
    terms(features) {
      const chosen = chosenColumns(features);
      const each = detectors.map((detector) => detector.terms!(chosen));
      const parts = each.map(boundTerms);
      return { columns: each[0]!.columns, values: parts[0]!.map((_, i) => mean(parts, i)) };
    },
    save: () => {
      const nested = nestArtifacts(Object.fromEntries(Object.entries(members).map(([name, member]) => [name, member.save()])));
      return { estimator: NAME, meta: { ...nested.meta, choice, standIns }, arrays: nested.arrays };
    },
  };
};

const mean = (parts: readonly Float64Array[], at: number): number => {
  let sum = 0;
  for (const part of parts) sum += part[at]!;
  return sum / parts.length;
};

/** Mean log-odds, each member's probability kept 1e-4 from 0 and 1. */
export const meanScores = (scores: readonly Float64Array[]): Float64Array => {
  const bound = scores.map((of) => of.map(bounded));
  return bound[0]!.map((_, r) => mean(bound, r));
};

const fitMember = (
  name: string,
  style: ColumnStyle,
  data: TrainingData,
  { memberParameters }: Parameters,
  context: FitContext,
): Promise<Detector> =>
  MEMBERS[name]!.fit(data, { ...context, parameters: { ...STYLES[style][name], ...memberParameters[name] } });

/**
 * Channel S by default: the mean log-odds of boosted trees and a random forest, and of logistic regression where it raises
 * average precision on entities that it has not seen. Averaging log-odds is a product of experts' odds: trees and lines err in
 * different places. Cost: the members' fits, and while choosing those of boosted trees on 30,000 rows about eight times.
 */
export const logOddsEnsemble: Estimator = {
  name: NAME,
  family: 'discriminative',
  likelihood: 'none',
  supervised: true,

  async fit(data: TrainingData, context: FitContext): Promise<Detector> {
    const parameters = parseParameters(NAME, Parameters, context.parameters);
    const labels = requireBothClasses(NAME, data);
    const { onProgress, random, ...others } = context;
    let fits = 0;
    const choice = await chooseMembers(
      data,
      {
        fixed: parameters.members ?? FIXED,
        optional: parameters.members ? null : OPTIONAL,
        fit: (name, style, rows, ofFold) => {
          const share = CHOOSING_SHARE * (1 - 1 / (1 + fits++ / 6));
          onProgress?.({ share, message: `choosing, ${name}` });
          return fitMember(name, style, rows, parameters, { ...others, random: ofFold });
        },
        combine: meanScores,
      },
      random.fork('choice'),
    );
    const { features } = data;
    const chosen = { ...data, features: choice.columns === null ? features : selectColumns(features, choice.columns) };
    const members: Record<string, Detector> = {};
    for (const [i, name] of choice.members.entries())
      members[name] = await fitMember(name, choice.style, chosen, parameters, {
        ...others,
        random: random.fork(name),
        onProgress: ({ share, message }) => {
          const done = (i + share) / choice.members.length;
          onProgress?.({ share: CHOOSING_SHARE + (1 - CHOOSING_SHARE) * done, message: `${name}, ${message}` });
        },
      });
    return create(members, choice, standInsOf(chosen.features, labels));
  },

  load(artifact, context) {
    if (artifact.estimator !== NAME) throw new Error(`${NAME} cannot load an artifact of ${artifact.estimator}`);
    const members = Object.entries(memberArtifacts(artifact)).map(
      ([name, member]) => [name, MEMBERS[name]!.load(member, context)] as const,
    );
    return create(Object.fromEntries(members), choiceOf(artifact), artifact.meta['standIns'] as StandIns);
  },
};

/** What a stored ensemble says of its members: which, and why. */
export const choiceOf = (artifact: Artifact): Choice => artifact.meta['choice'] as Choice;
