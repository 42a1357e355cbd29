import type { Calibration, ScoreCalibration } from '../domain/calibration.js';
import { CHANNELS, type Bound, type Channel, type Policy } from '../domain/decision.js';
import { DAY_MS, HOUR_MS } from '../domain/time.js';
import { fuse } from '../models/ensemble.js';
import { FUSED_TAIL_COUNT, fitScoreCalibration, minusLog10P } from '../models/conformal.js';
import type { WindowScores } from './ports.js';

/** The adaptive level stays within a factor of ten of the nominal one (models.md section 5). */
const LEVEL_RATIO_MAX = 10;

export interface CalibrationInput {
  /** The newest calibration of the same model; null for the first. */
  readonly previous: Calibration | null;
  /** Scores of the `policy.windowDays` closed event days before `day`; at least one. */
  readonly window: WindowScores;
  /** Rows and alerts of the day before `day`, over all workers; null when it was not served. */
  readonly counts: { readonly rows: number; readonly alerts: number } | null;
  readonly policy: Policy;
  readonly model: string;
  /** Epoch day (UTC) from which the calibration holds. */
  readonly day: number;
  /** The window ends within `day` itself: a provisional calibration, named by its rows. */
  readonly soFar?: true;
}

/**
 * The daily calibration: windows roll, and the level follows what was achieved (adaptive conformal inference,
 * Gibbs & Candès 2021): a <- clamp(a exp(step (alpha - achieved) / alpha), alpha / 10, 10 alpha).
 *
 * The correction is kept as the ratio a / alpha, because a count budget's alpha moves with the forecast. Building the
 * same day's calibration again does not correct twice.
 *
 * Deterministic: the same input gives the same calibration, id included.
 *
 * @throws RangeError when the window is empty
 */
export const nextCalibration = ({ previous, window, counts, policy, model, day, soFar }: CalibrationInput): Calibration => {
  const channels = Object.fromEntries(
    CHANNELS.map((channel) => [channel, fitScoreCalibration(window.channels[channel])]),
  ) as Record<Channel, ScoreCalibration>;
  const budget = budgetShare(policy, window, day);
  const rebuilt = previous !== null && previous.validFromDay >= day;
  const achieved = rebuilt ? previous.achieved : counts && counts.rows > 0 ? counts.alerts / counts.rows : null;
  const ratio = levelRatio(previous, rebuilt ? null : achieved, policy.adaptiveStep);
  const level = budget.share * ratio;
  const errorRate = policy.budget.errorRate ?? Infinity;
  return {
    id: `${model}.${day}.${policy.version}${soFar ? `.${window.occurredAtMs.length}` : ''}`,
    model,
    policy: policy.version,
    validFromDay: day,
    channels,
    fused: fitScoreCalibration(fusedScores(window, channels, policy), FUSED_TAIL_COUNT),
    level: Math.min(level, errorRate),
    bound: level > errorRate ? 'error-rate' : budget.bound,
    nominal: budget.share,
    ...(soFar && { isProvisional: true }),
    achieved,
  };
};

/** F of every row of the window under the given channel calibrations. */
const fusedScores = (window: WindowScores, channels: Calibration['channels'], policy: Policy): Float64Array => {
  const { S, T, H, D } = window.channels;
  return Float64Array.from(S, (score, row) => {
    const p = {
      S: minusLog10P(channels.S, score),
      T: minusLog10P(channels.T, T[row]!),
      H: minusLog10P(channels.H, H[row]!),
      D: minusLog10P(channels.D, D[row]!),
    };
    return fuse(p, policy.ranking).score;
  });
};

/** A count budget is a share of the forecast: the window's mean rows a day. */
export const budgetShare = (policy: Policy, window: WindowScores, day: number): { share: number; bound: Bound } => {
  const { share, countPerDay } = policy.budget;
  if (countPerDay === undefined) return { share, bound: 'budget-share' };
  const firstMs = window.occurredAtMs[0] ?? day * DAY_MS;
  const lastMs = window.occurredAtMs.at(-1) ?? firstMs;
  // Of a day that is still open the part that the window covers, taken as an hour at least.
  const days =
    lastMs >= day * DAY_MS
      ? Math.max(HOUR_MS, lastMs - firstMs) / DAY_MS
      : Math.min(policy.windowDays, Math.max(1, Math.ceil((day * DAY_MS - firstMs) / DAY_MS)));
  const ofForecast = (countPerDay * days) / (window.weight * window.occurredAtMs.length);
  return ofForecast < share ? { share: ofForecast, bound: 'budget-count' } : { share, bound: 'budget-share' };
};

/** a / alpha after yesterday's correction. */
const levelRatio = (previous: Calibration | null, achieved: number | null, step: number): number => {
  if (previous === null) return 1;
  const before = previous.level / previous.nominal;
  const after = achieved === null ? before : before * Math.exp((step * (previous.nominal - achieved)) / previous.nominal);
  return Math.min(LEVEL_RATIO_MAX, Math.max(1 / LEVEL_RATIO_MAX, after));
};
