import { z } from 'zod';
import { WEEK_DAYS } from './daily-shares.js';
import type { DriftSettings } from './drift-settings.js';
import type { MaturedDay } from './matured-shares.js';
import { cautiousVariance, shareInterval, shareOf, ShareTableSchema, sumOfShares, type Interval } from './share-table.js';
import { studentTTwoSided } from './student-t.js';

/** Share of frauds by week, oldest first, and of all weeks together. */
export const FraudRateReferenceSchema = z.strictObject({
  weeks: z.array(z.number().min(0).max(1)).min(1),
  all: ShareTableSchema,
});
export type FraudRateReference = z.infer<typeof FraudRateReferenceSchema>;

/** Share of frauds in the newest matured weeks. */
export interface FraudRate {
  readonly fromDay: number;
  readonly toDay: number;
  readonly rows: number;
  readonly frauds: number;
  readonly interval: Interval;
  /** Against the training rows; null where they had no labels, or before there are `labelWeeks` weeks. */
  readonly change: { readonly was: number; readonly is: number; readonly standardError: number; readonly pValue: number } | null;
}

/** Weeks counted back from `toDay`; those without matured rows are left out; null when all are. */
export const weeklyRates = (days: readonly MaturedDay[], toDay: number): FraudRateReference | null => {
  const byWeek = new Map<number, MaturedDay[]>();
  for (const day of days) {
    const week = Math.floor((toDay - day.day) / WEEK_DAYS);
    byWeek.set(week, [...(byWeek.get(week) ?? []), day]);
  }
  const tables = [...byWeek]
    .sort(([a], [b]) => b - a)
    .map(([, ofWeek]) =>
      sumOfShares(
        ofWeek.map(({ table }) => table),
        1,
      ),
    )
    .filter(({ rows }) => rows > 0);
  return tables.length === 0 ? null : { weeks: tables.map((table) => shareOf(table, 0)), all: sumOfShares(tables, 1) };
};

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const squaresOf = (values: readonly number[]): number => {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
};

/**
 * Student's t-test of weekly rates, never more certain than the rows by their entities are. Fraud comes in campaigns of days and
 * weeks over many customers: its weeks differ by far more than its rows let one expect, and its days are no independent looks at it.
 */
const changeOf = (reference: FraudRateReference, now: FraudRateReference): NonNullable<FraudRate['change']> => {
  const [was, is] = [shareOf(reference.all, 0), shareOf(now.all, 0)];
  const freedom = Math.max(1, reference.weeks.length + now.weeks.length - 2);
  const betweenWeeks =
    ((squaresOf(reference.weeks) + squaresOf(now.weeks)) / freedom) * (1 / reference.weeks.length + 1 / now.weeks.length);
  const standardError = Math.sqrt(Math.max(betweenWeeks, cautiousVariance(reference.all, 0) + cautiousVariance(now.all, 0)));
  return { was, is, standardError, pValue: studentTTwoSided((is - was) / standardError, freedom) };
};

/**
 * Rows whose label delay has not passed are in no day here: their frauds are unknown, and counting them as legitimate would look
 * like a falling fraud rate. A label that comes later than the delay still lowers the newest week a little.
 *
 * @param days matured ones after the training rows
 * @returns null without matured rows
 */
export const fraudRateOf = (
  reference: FraudRateReference | null,
  days: readonly MaturedDay[],
  settings: DriftSettings,
): FraudRate | null => {
  const toDay = Math.max(...days.filter(({ table }) => table.rows > 0).map(({ day }) => day));
  const fromDay = toDay - settings.labelWeeks * WEEK_DAYS + 1;
  const now = weeklyRates(
    days.filter(({ day }) => day >= fromDay),
    toDay,
  );
  if (!now) return null;
  return {
    fromDay,
    toDay,
    rows: now.all.rows,
    frauds: now.all.counts[0]!,
    interval: shareInterval(now.all, 0, settings.confidence),
    change: reference && now.weeks.length === settings.labelWeeks ? changeOf(reference, now) : null,
  };
};
