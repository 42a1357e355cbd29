import { WEEK_DAYS, type DayShares, type ReferenceShares } from './daily-shares.js';
import { studentTTwoSided } from './student-t.js';
import { cautiousVariance, shareOf, sumOfShares } from './share-table.js';

/** A share then and now. */
export interface ShareChange {
  readonly was: number;
  readonly is: number;
  /** Of the difference. */
  readonly standardError: number;
  /** Of a difference at least as large without drift. */
  readonly pValue: number;
}

/**
 * Changes of shares from the reference to a window of whole weeks.
 *
 * The difference is held against what rows (by entities) and days make it vary, both of the reference and of the window. The
 * variance between days comes from the reference's days, so Student's t has their degrees of freedom: the unit that is compared
 * is the day, as in trials whose clusters are randomised (Donner & Klar 2000), and a million rows of seven days stay seven days.
 *
 * @param days of the window; together at least one row
 */
export const shareChanges = (reference: ReferenceShares, days: readonly DayShares[]): readonly ShareChange[] => {
  const sum = sumOfShares(
    days.map(({ table }) => table),
    reference.shares.length,
  );
  const freedom = Math.max(1, (reference.days - WEEK_DAYS) / reference.lastingDays);
  const concentration = days.reduce((total, { table }) => total + (table.rows / sum.rows) ** 2, 0);
  return reference.shares.map((was, k) => {
    const is = shareOf(sum, k);
    const lasting = Math.max(reference.lastingDays, reference.lastingBetween[k]!);
    const factor = Math.min(1, lasting * concentration) + Math.min(1, lasting / Math.max(1, reference.days));
    const betweenDays = reference.dayVariances[k]! * factor;
    const standardError = Math.sqrt(cautiousVariance(sum, k) + reference.variances[k]! + betweenDays);
    return { was, is, standardError, pValue: studentTTwoSided((is - was) / standardError, freedom) };
  });
};

/** The change with the smallest p-value; null of none. */
export const clearestChange = (changes: readonly ShareChange[]): ShareChange | null =>
  changes.reduce<ShareChange | null>((best, change) => (best && best.pValue <= change.pValue ? best : change), null);
