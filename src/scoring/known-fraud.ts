import type { Channel } from '../domain/decision.js';
import { selectColumns, selectRows, type FeatureMatrix } from '../domain/feature-matrix.js';
import type { Novelty } from '../domain/alert.js';
import type { ChannelScore } from '../domain/scored-transaction.js';
import { fitFewRows } from '../models/class-conditional.js';
import type { Detector, FitContext } from '../models/detector.js';
import { shuffledIndices } from '../models/fit-rows.js';

/** Fewer known frauds say too little of what a new one looks like. */
const FRAUDS_MIN = 30;
/** More than these do not say it better. */
const FRAUDS_MAX = 2_000;
const FOLDS = 5;
/** A row is unlike a class when at most this share of the class is as surprising. */
const UNLIKE = 0.05;

/** p(x | fraud) of the known frauds: what an alert is held against to tell a known type of fraud from a new one. */
export interface KnownFraud {
  readonly columns: readonly string[];
  readonly density: Detector;
  /** Surprisals of the known frauds, rising, each under a density that had not seen it. */
  readonly surprisals: readonly number[];
}

/**
 * The density of known frauds in the columns of channel D, with the surprisals that frauds of those types have under it:
 * cross-fitted in five parts, for rows that a density was fitted on look too usual to it.
 *
 * @param frauds rows of known frauds only
 * @returns null with fewer than 30 of them, or no columns
 */
export const fitKnownFraud = async (
  frauds: FeatureMatrix,
  columns: readonly string[],
  context: FitContext,
): Promise<KnownFraud | null> => {
  if (frauds.rowCount < FRAUDS_MIN || columns.length === 0) return null;
  const order = shuffledIndices(frauds.rowCount, context.random.fork('folds')).subarray(0, FRAUDS_MAX);
  const rows = selectRows(selectColumns(frauds, columns), order);
  const fit = (features: FeatureMatrix, name: string, step: number): Promise<Detector> =>
    fitFewRows(features, 'asinh', {
      ...context,
      random: context.random.fork(name),
      onProgress: ({ share, message }) => context.onProgress?.({ share: (step + share) / (FOLDS + 1), message }),
    });
  const surprisals: number[] = [];
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const [held, rest] = [true, false].map((isHeld) =>
      selectRows(
        rows,
        [...order.keys()].filter((i) => (i % FOLDS === fold) === isHeld),
      ),
    ) as [FeatureMatrix, FeatureMatrix];
    const density = await fit(rest, `fold ${fold}`, fold);
    surprisals.push(...density.score(held));
  }
  return { columns, density: await fit(rows, 'all', FOLDS), surprisals: surprisals.sort((a, b) => a - b) };
};

/**
 * Whether an alerted row is of a new type: as rare among ordinary traffic as channel D's p-value says, and as rare among known
 * frauds. Both likelihoods low means that no label has taught anybody what it is.
 *
 * @param features one row of all features
 */
export const noveltyOf = (
  known: KnownFraud,
  features: FeatureMatrix,
  channels: Readonly<Record<Channel, ChannelScore>>,
): Novelty => {
  const surprisal = known.density.score(selectColumns(features, known.columns))[0]!;
  const { surprisals } = known;
  // One more on both sides, as in every conformal p-value: the row itself.
  const share = (surprisals.filter((value) => value >= surprisal).length + 1) / (surprisals.length + 1);
  const ordinary = channels.D.minusLog10P;
  return {
    isNew: share <= UNLIKE && ordinary !== null && ordinary >= -Math.log10(UNLIKE),
    knownFraudP: share,
    knownFrauds: surprisals.length,
  };
};
