import { numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import { DAY_MS, HOUR_MS } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { hourOfDay } from './calendar.js';
import { burstSurprisal, lomaxLowerSurprisal, studentTSurprisal } from './distributions.js';
import type { FeaturePlan } from './plan.js';
import { STAT, type PrimaryState } from './primary-state.js';
import type { FeaturePriors } from './feature-priors.js';
import { logAmount, type AmountPredictive, type RowWork } from './row-work.js';

/** Sums forget with a half-life of 60 own transactions (models.md, section 6). */
export const FORGET = 0.5 ** (1 / 60);
/** Normal-Gamma prior of x: k0 rows of mean m0; a0, and b0 = a0 * v0 / 2. */
const K0 = 1;
const A0 = 2;
/** Amounts beyond 3 scales are pulled in once a habit is known, so that fraud does not poison it. */
const WINSOR_SCALES = 3;
const WINSOR_WEIGHT = 5;
/** Gamma(2, 1) prior of the rate of events per day. */
export const GAP_SHAPE = 2;
export const GAP_SCALE = 1;
/** Days added to each gap: two events in one second are not infinitely surprising. */
const GAP_MIN_DAYS = 1e-4;
export const HOUR_BINS = 6;
export const HOUR_PRIOR = 4;
const RECENT_HALF_LIFE_DAYS = 7;
const RECENT_CAP = 8;
const BURST_DAYS = 1 / 24;

export const profileColumns = (schema: TransactionSchema): FeatureColumn[] => {
  const amount = schema.amount!.column;
  const time = schema.time!.column;
  return [
    numericColumn('log_amount', schema.amount!.risk, amount),
    numericColumn('s_amt', 'up', amount),
    numericColumn('z_amt', 'up', amount),
    numericColumn('s_gap', 'up', 'time since the last payment'),
    numericColumn('s_burst', 'up', 'payments in the hour before'),
    numericColumn('s_hour', 'up', time),
    numericColumn('recent_z', 'up', amount),
    numericColumn('recent_max', 'up', amount),
    numericColumn('rel', 'up', amount),
  ];
};

/** Predictive of x given decayed sums, by the Normal-Gamma rule. */
export const predictAmount = (
  weight: number,
  sum: number,
  squares: number,
  m0: number,
  v0: number,
  into: AmountPredictive,
): void => {
  const kn = K0 + weight;
  const an = A0 + weight / 2;
  const mean = weight > 0 ? sum / weight : m0;
  // Rounding can make the sum of squares smaller than it must be.
  const spread = Math.max(squares - weight * mean * mean, 0);
  const bn = A0 * v0 * 0.5 + spread / 2 + (K0 * weight * (mean - m0) ** 2) / (2 * kn);
  into.mean = (K0 * m0 + sum) / kn;
  into.scale = Math.sqrt((bn * (kn + 1)) / (an * kn));
  into.nu = 2 * an;
};

/** What is learned of x: pulled in to the habit once there is one. */
export const winsorised = (x: number, weight: number, predictive: AmountPredictive): number => {
  if (weight <= WINSOR_WEIGHT) return x;
  const reach = WINSOR_SCALES * predictive.scale;
  return Math.min(Math.max(x, predictive.mean - reach), predictive.mean + reach);
};

/** Reads the habits of this entity for the row: before anything of the row is learned. */
export const readProfile = (work: RowWork, state: PrimaryState, priors: FeaturePriors): void => {
  const { stats } = state;
  predictAmount(stats[STAT.amountWeight]!, stats[STAT.amountSum]!, stats[STAT.amountSquares]!, priors.m0, priors.v0, work.own);
  work.z = (work.x - work.own.mean) / work.own.scale;
  work.hourBin = Math.floor(hourOfDay(work.occurredAtMs) / (24 / HOUR_BINS));
  const before = state.events.lastUntil(work.occurredAtMs);
  work.gapDays = (work.occurredAtMs - before) / DAY_MS + GAP_MIN_DAYS;
};

/** P(bin) of the hour: decayed counts over the global histogram as prior. */
export const hourProbability = (state: PrimaryState, priors: FeaturePriors, bin: number): number => {
  let total = 0;
  for (let b = 0; b < HOUR_BINS; b += 1) total += state.stats[STAT.hours + b]!;
  return (state.stats[STAT.hours + bin]! + HOUR_PRIOR * priors.hours[bin]!) / (total + HOUR_PRIOR);
};

/** Weight of the recent evidence at the row's time; late rows see it as it is. */
const recentDecay = (work: RowWork, state: PrimaryState): number => {
  const elapsedDays = Math.max(0, work.occurredAtMs - state.stats[STAT.lastMs]!) / DAY_MS;
  return 0.5 ** (elapsedDays / RECENT_HALF_LIFE_DAYS);
};

export const writeProfile = (
  out: Float32Array,
  at: number,
  plan: FeaturePlan,
  priors: FeaturePriors,
  state: PrimaryState,
  work: RowWork,
): number => {
  const { stats } = state;
  const shape = GAP_SHAPE + stats[STAT.gapWeight]!;
  const scale = GAP_SCALE + stats[STAT.gapDays]!;
  work.burst = state.events.countIn(work.occurredAtMs - HOUR_MS, work.occurredAtMs);
  const decay = recentDecay(work, state);
  const longest = plan.windowsMs.length - 1;
  const habitual = work.windows.sum[longest]! / work.windows.count[longest]! / plan.minorPerUnit;
  out[at] = work.x;
  out[at + 1] = studentTSurprisal(work.z, work.own.scale, work.own.nu);
  out[at + 2] = work.z;
  // Without an event before there is no gap, hence no evidence.
  out[at + 3] = work.gapDays >= 0 ? lomaxLowerSurprisal(work.gapDays, shape, scale) : 0;
  out[at + 4] = burstSurprisal(work.burst, shape, BURST_DAYS / (scale + BURST_DAYS));
  out[at + 5] = -Math.log(hourProbability(state, priors, work.hourBin));
  out[at + 6] = (stats[STAT.recentZ]! * decay) / (stats[STAT.recentCount]! * decay + 1);
  out[at + 7] = stats[STAT.recentMax]! * decay;
  out[at + 8] = work.x - logAmount(habitual);
  return at + 9;
};

/** Learns the row. A late one teaches amount and hour, but no gap: its neighbours' gaps were already learned as one. */
export const learnProfile = (state: PrimaryState, work: RowWork): void => {
  const { stats } = state;
  const decay = state.isNew ? 0 : recentDecay(work, state);
  const x = winsorised(work.x, stats[STAT.amountWeight]!, work.own);
  stats[STAT.amountWeight] = FORGET * stats[STAT.amountWeight]! + 1;
  stats[STAT.amountSum] = FORGET * stats[STAT.amountSum]! + x;
  stats[STAT.amountSquares] = FORGET * stats[STAT.amountSquares]! + x * x;
  if (!work.isLate && work.gapDays >= 0) {
    stats[STAT.gapWeight] = FORGET * stats[STAT.gapWeight]! + 1;
    stats[STAT.gapDays] = FORGET * stats[STAT.gapDays]! + work.gapDays;
  }
  for (let b = 0; b < HOUR_BINS; b += 1) stats[STAT.hours + b]! *= FORGET;
  stats[STAT.hours + work.hourBin]! += 1;
  const z = Math.min(Math.max(work.z, 0), RECENT_CAP);
  stats[STAT.recentZ] = decay * stats[STAT.recentZ]! + z;
  stats[STAT.recentCount] = decay * stats[STAT.recentCount]! + 1;
  stats[STAT.recentMax] = Math.max(decay * stats[STAT.recentMax]!, z);
};
