import { z } from 'zod';
import { cautiousVariance, entityVariance, shareOf, sumOfShares, type ShareTable } from './share-table.js';

/** Days whose mean is judged: a whole week, so that weekly patterns cancel. */
export const WEEK_DAYS = 7;

/** Shares of reference rows, and how certain they are in rows and in days. */
export const ReferenceSharesSchema = z.strictObject({
  rows: z.number(),
  days: z.number().int(),
  shares: z.array(z.number()),
  /** Of each share by its entities. */
  variances: z.array(z.number()),
  /** Of a day's true share about its weekday's, which no number of rows makes smaller: holidays, campaigns, pay days. */
  dayVariances: z.array(z.number()),
  /** Days that say no more than one, where what makes days differ goes on for longer: 1 = days are independent. */
  lastingDays: z.number().min(1),
  /** The same for what makes days differ alone, of each share: rows that are drawn anew every day hide it. */
  lastingBetween: z.array(z.number().min(1)),
});
export type ReferenceShares = z.infer<typeof ReferenceSharesSchema>;

/** Shares of one event day. */
export interface DayShares {
  readonly day: number;
  readonly table: ShareTable;
}

/** Departures of the days' shares from the mean of their weekday, by day. */
const weekdayResiduals = (days: readonly DayShares[], k: number): Map<number, number> => {
  const byWeekday = new Map<number, { sum: number; n: number }>();
  for (const { day, table } of days) {
    const mean = byWeekday.get(day % WEEK_DAYS) ?? { sum: 0, n: 0 };
    mean.sum += shareOf(table, k);
    mean.n += 1;
    byWeekday.set(day % WEEK_DAYS, mean);
  }
  return new Map(
    days.map(({ day, table }) => {
      const { sum, n } = byWeekday.get(day % WEEK_DAYS)!;
      return [day, shareOf(table, k) - sum / n];
    }),
  );
};

/** Autocorrelations are not believed beyond: a reference of a few weeks cannot tell a month from a trend. */
const CORRELATION_MAX = 0.97;

interface DayVariation {
  /** Variance of a day's share about its weekday's, and how much of it its rows explain. */
  readonly variance: number;
  readonly sampling: number;
  /** Covariance of a day with the next. */
  readonly next: number;
}

const dayVariation = (days: readonly DayShares[], k: number, freedom: number): DayVariation => {
  const residuals = weekdayResiduals(days, k);
  let [squares, products] = [0, 0];
  for (const [day, residual] of residuals) {
    squares += residual * residual;
    products += residual * (residuals.get(day + 1) ?? 0);
  }
  const sampling = days.reduce((sum, { table }) => sum + entityVariance(table, k), 0) / days.length;
  return { variance: squares / freedom, sampling, next: products / freedom };
};

/**
 * The integrated autocorrelation time of a first-order autoregression, (1 + ρ) / (1 − ρ). Its ρ is too small in short series by about
 * 4 ρ / days (Marriott & Pope 1954). A feature that looks back on 30 days moves for weeks without drift: it then takes more than
 * some weeks of reference to raise an alarm.
 */
const lastingOf = (correlation: number, days: number): number => {
  const bounded = Math.min(CORRELATION_MAX, Math.max(0, correlation / Math.max(0.5, 1 - 4 / days)));
  return (1 + bounded) / (1 - bounded);
};

const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/** @param days each once, with at least one row together */
export const referenceShares = (days: readonly DayShares[], shares: number): ReferenceShares => {
  const present = days.filter(({ table }) => table.rows > 0);
  const sum = sumOfShares(
    present.map(({ table }) => table),
    shares,
  );
  const all = Array.from({ length: shares }, (_, k) => k);
  const freedom = present.length - new Set(present.map(({ day }) => day % WEEK_DAYS)).size;
  const variations = freedom < 1 ? [] : all.map((k) => dayVariation(present, k, freedom));
  const total = (part: 'variance' | 'next'): number => variations.reduce((value, variation) => value + variation[part], 0);
  return {
    rows: sum.rows,
    days: present.length,
    shares: all.map((k) => (sum.rows === 0 ? 0 : shareOf(sum, k))),
    variances: all.map((k) => (sum.rows === 0 ? 0 : cautiousVariance(sum, k))),
    // The part that sampling rows does not explain: method of moments, as of random effects in the analysis of variance.
    dayVariances: all.map((k) => Math.max(0, (variations[k]?.variance ?? 0) - (variations[k]?.sampling ?? 0))),
    // Of all shares together: one alone is hardly known from some weeks.
    lastingDays: lastingOf(ratio(total('next'), total('variance')), present.length),
    lastingBetween: all.map((k) => {
      const { variance, sampling, next } = variations[k] ?? { variance: 0, sampling: 0, next: 0 };
      return lastingOf(ratio(next, Math.max(variance - sampling, variance / 2)), present.length);
    }),
  };
};
