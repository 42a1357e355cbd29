import type { Transaction } from '../domain/transaction.js';
import type { FeatureSet } from './catalog.js';
import { lomaxQuantile, negativeBinomialQuantile, studentT95 } from './distributions.js';
import { HOUR_BINS } from './profile.js';
import { PROFILE } from './profile-row.js';
import { fromLogAmount } from './row-work.js';

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
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const usual = (low: number, median: number, high: number): Interval => ({ low, median, high });

/** Amount columns whose usual value is this entity's, or this entity's within the category; all in units of the amount. */
const OWN_AMOUNT = ['tx_amount', 'log_amount', 's_amt', 'z_amt', 'rel'];

const usualAmount = (mean: number, scale: number, nu: number): Interval => {
  const reach = studentT95(nu) * scale;
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
): Readonly<Record<string, EntityUsual>> => {
  const { plan, columns } = featureSet;
  if (profileRow.length === 0) return {};
  const at = (position: number): number => profileRow[position]!;
  const values: Record<string, EntityUsual> = {};
  const say = (name: string, interval: Interval, observed: number | null): void => {
    if (columns.some((column) => column.name === name)) values[name] = { ...interval, observed, basis: 'entity' };
  };
  const amount = transaction.amountMinor / plan.minorPerUnit;
  const ownAmount = usualAmount(at(PROFILE.amountMean), at(PROFILE.amountScale), at(PROFILE.amountNu));
  for (const name of OWN_AMOUNT) say(name, ownAmount, amount);
  if (plan.profileIndex >= 0 && transaction.categorical[plan.profileIndex] !== null)
    say('z_amt_category', usualAmount(at(PROFILE.categoryMean), at(PROFILE.categoryScale), at(PROFILE.categoryNu)), amount);
  const hours = usualHours(profileRow.subarray(PROFILE.hours));
  const hour = (transaction.occurredAtMs % DAY_MS) / HOUR_MS;
  say('hour', hours, hour);
  say('s_hour', hours, hour);
  const [shape, scale] = [at(PROFILE.gapShape), at(PROFILE.gapScale)];
  const gap = (p: number): number => lomaxQuantile(p, shape, scale);
  if (at(PROFILE.gapDays) >= 0) say('s_gap', usual(gap(0.05), gap(0.5), gap(0.95)), at(PROFILE.gapDays));
  const count = (days: number, p: number): number => negativeBinomialQuantile(p, shape, days / (scale + days));
  // The window's count holds the transaction itself, the burst term only those before it.
  for (const days of plan.windowsDays)
    say(`${plan.primaryName}_nb_${days}d`, usual(1 + count(days, 0.05), 1 + count(days, 0.5), 1 + count(days, 0.95)), null);
  say('s_burst', usual(count(1 / 24, 0.05), count(1 / 24, 0.5), count(1 / 24, 0.95)), at(PROFILE.burst));
  return values;
};
