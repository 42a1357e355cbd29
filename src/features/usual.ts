import { DAY_MS, HOUR_MS } from '../domain/time.js';
import type { Transaction } from '../domain/transaction.js';
import type { FeatureSet } from './catalog.js';
import { lomaxQuantile, negativeBinomialQuantile, studentT95 } from './distributions.js';
import { HOUR_BINS } from './profile.js';
import { PROFILE, PROFILE_WIDTH } from './profile-row.js';
import { fromLogAmount, logAmount } from './row-work.js';

export interface EntityUsual {
  readonly low: number;
  readonly median: number;
  readonly high: number;
  /** What this row held in the same unit: an amount for an amount's surprisal, days for a gap's; null: the column's value. */
  readonly observed: number | null;
  readonly basis: 'entity';
}

export interface Interval {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

const usual = (low: number, median: number, high: number): Interval => ({ low, median, high });

/** Amount columns whose usual value is this entity's, or this entity's within the category; all in units of the amount. */
const OWN_AMOUNT = ['tx_amount', 'log_amount', 's_amt', 'z_amt', 'rel'];

/**
 * How an entity's own predictive intervals are stretched so that they hold what they state: profiles are models, and a
 * gap between payments is not quite a Lomax variable.
 */
export interface UsualScales {
  /** Factor of the half-width of amounts, on the log scale; of amounts within the category. */
  readonly amount: number;
  readonly category: number;
  /** Levels of the gap's predictive distribution below which 5 % and 95 % of the gaps fell. */
  readonly gapLow: number;
  readonly gapHigh: number;
}
export const UNSCALED: UsualScales = { amount: 1, category: 1, gapLow: 0.05, gapHigh: 0.95 };

/** Fewer rows than this leave the intervals as the model states them. */
const ROWS_MIN = 200;

/**
 * Scales by which the intervals held 90 % of the rows given (conformal: the quantile of what was needed).
 *
 * @param profiles rows x PROFILE_WIDTH
 * @param rows those to learn from: legitimate ones
 */
export const fitUsualScales = (
  featureSet: FeatureSet,
  transactions: readonly Transaction[],
  profiles: Float64Array,
  rows: readonly number[],
): UsualScales => {
  if (profiles.length === 0) return UNSCALED;
  const needed = { amount: [] as number[], category: [] as number[], gap: [] as number[] };
  for (const row of rows) {
    const at = (position: number): number => profiles[row * PROFILE_WIDTH + position]!;
    const { amountMinor, categorical } = transactions[row]!;
    const x = logAmount(amountMinor / featureSet.plan.minorPerUnit);
    const reach = (mean: number, scale: number, nu: number): number => Math.abs(x - mean) / (studentT95(nu) * scale);
    needed.amount.push(reach(at(PROFILE.amountMean), at(PROFILE.amountScale), at(PROFILE.amountNu)));
    if (featureSet.plan.profileIndex >= 0 && categorical[featureSet.plan.profileIndex] !== null)
      needed.category.push(reach(at(PROFILE.categoryMean), at(PROFILE.categoryScale), at(PROFILE.categoryNu)));
    // The Lomax distribution function of the gap.
    if (at(PROFILE.gapDays) >= 0)
      needed.gap.push(-Math.expm1(-at(PROFILE.gapShape) * Math.log1p(at(PROFILE.gapDays) / at(PROFILE.gapScale))));
  }
  const quantile = (values: number[], p: number, otherwise: number): number =>
    values.length < ROWS_MIN ? otherwise : values.sort((a, b) => a - b)[Math.floor(p * (values.length - 1))]!;
  return {
    amount: quantile(needed.amount, 0.9, 1),
    category: quantile(needed.category, 0.9, 1),
    gapLow: quantile(needed.gap, 0.05, 0.05),
    gapHigh: quantile(needed.gap, 0.95, 0.95),
  };
};

const usualAmount = (mean: number, scale: number, nu: number, stretch: number): Interval => {
  const reach = stretch * studentT95(nu) * scale;
  return usual(fromLogAmount(mean - reach), fromLogAmount(mean), fromLogAmount(mean + reach));
};

/**
 * Shortest stretch of the circular day that holds 90 %, hours as if evenly spread within their 4-hour bins. Its ends are
 * hours in [0, 24); `low` above `high` means a stretch over midnight. The shortest one starts or ends at a border of bins.
 */
export const usualHours = (probabilities: ArrayLike<number>): Interval => {
  const width = 24 / HOUR_BINS;
  const reach = (start: number, step: 1 | -1, mass: number): number => {
    let hours = 0;
    let rest = mass;
    for (let bin = start; hours < 24; bin += step) {
      const p = probabilities[(((step === 1 ? bin : bin - 1) % HOUR_BINS) + HOUR_BINS) % HOUR_BINS]!;
      if (p >= rest) return hours + (p > 0 ? (rest / p) * width : 0);
      rest -= p;
      hours += width;
    }
    return 24;
  };
  let low = 0;
  let length = 25;
  for (let border = 0; border < HOUR_BINS; border += 1) {
    const ahead = reach(border, 1, 0.9);
    const back = reach(border, -1, 0.9);
    if (ahead < length) [low, length] = [border * width, ahead];
    if (back < length) [low, length] = [border * width - back, back];
  }
  const wrap = (hour: number): number => ((hour % 24) + 24) % 24;
  return usual(wrap(low), wrap(low + length / 2), wrap(low + length));
};

/**
 * Usual values of this entity before this transaction, 5 % to 95 % of its own predictive distributions, by column: amounts
 * in units of money, gaps in days, hours of the day (UTC; low > high: over midnight), counts of a window.
 *
 * @param profileRow the row's PROFILE_WIDTH numbers of `ComputedFeatures.profiles`; empty where nothing is remembered
 */
export const usualValues = (
  featureSet: FeatureSet,
  transaction: Transaction,
  profileRow: Float64Array,
  scales: UsualScales = UNSCALED,
): Readonly<Record<string, EntityUsual>> => {
  const { plan, columns } = featureSet;
  if (profileRow.length === 0) return {};
  const at = (position: number): number => profileRow[position]!;
  const values: Record<string, EntityUsual> = {};
  const say = (name: string, interval: Interval, observed: number | null): void => {
    if (columns.some((column) => column.name === name)) values[name] = { ...interval, observed, basis: 'entity' };
  };
  const amount = transaction.amountMinor / plan.minorPerUnit;
  const ownAmount = usualAmount(at(PROFILE.amountMean), at(PROFILE.amountScale), at(PROFILE.amountNu), scales.amount);
  for (const name of OWN_AMOUNT) say(name, ownAmount, amount);
  if (plan.profileIndex >= 0 && transaction.categorical[plan.profileIndex] !== null)
    say(
      'z_amt_category',
      usualAmount(at(PROFILE.categoryMean), at(PROFILE.categoryScale), at(PROFILE.categoryNu), scales.category),
      amount,
    );
  const hours = usualHours(profileRow.subarray(PROFILE.hours));
  const hour = (transaction.occurredAtMs % DAY_MS) / HOUR_MS;
  say('hour', hours, hour);
  say('s_hour', hours, hour);
  const [shape, scale] = [at(PROFILE.gapShape), at(PROFILE.gapScale)];
  const gap = (p: number): number => lomaxQuantile(p, shape, scale);
  if (at(PROFILE.gapDays) >= 0) say('s_gap', usual(gap(scales.gapLow), gap(0.5), gap(scales.gapHigh)), at(PROFILE.gapDays));
  const count = (days: number, p: number): number => negativeBinomialQuantile(p, shape, days / (scale + days));
  // The window's count holds the transaction itself, the burst term only those before it.
  for (const days of plan.windowsDays)
    say(`${plan.primaryName}_nb_${days}d`, usual(1 + count(days, 0.05), 1 + count(days, 0.5), 1 + count(days, 0.95)), null);
  say('s_burst', usual(count(1 / 24, 0.05), count(1 / 24, 0.5), count(1 / 24, 0.95)), at(PROFILE.burst));
  return values;
};
