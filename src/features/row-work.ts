import { DAY_MS } from '../domain/time.js';
import type { PrimaryState } from './primary-state.js';
import type { FeaturePlan } from './plan.js';
import type { WindowSums } from './recent-events.js';

/** Student-t predictive of x = log(1 + amount). */
export interface AmountPredictive {
  mean: number;
  scale: number;
  nu: number;
}

/**
 * What one row's steps hand to each other. One object for a whole batch, overwritten by every row: millions of rows must
 * not allocate.
 */
export interface RowWork {
  occurredAtMs: number;
  /** Minor units, and x = log(1 + amount), odd for refunds. */
  amountMinor: number;
  x: number;
  /** Behind the entity's newest event; and by more than 30 days: not learned from. */
  isLate: boolean;
  isTooLate: boolean;
  readonly windows: WindowSums;
  /** Events before the row, newest first; NaN: no more are remembered. */
  readonly before: { readonly times: Float64Array; readonly amounts: Float64Array };
  readonly own: AmountPredictive;
  readonly ofCategory: AmountPredictive;
  z: number;
  /** Days since the event before; NaN: there is none. */
  gapDays: number;
  hourBin: number;
  /** Events of the hour before, without this one. */
  burst: number;
  counterpartHash: number;
  /** Index of the level of the profiled field (its length: unseen); -1: none or missing. */
  categoryLevel: number;
}

export const rowWork = (plan: FeaturePlan): RowWork => {
  const size = plan.windowsMs.length;
  return {
    occurredAtMs: 0,
    amountMinor: 0,
    x: 0,
    isLate: false,
    isTooLate: false,
    windows: { count: new Float64Array(size), sum: new Float64Array(size), max: new Float64Array(size) },
    before: { times: new Float64Array(plan.sequence + 1), amounts: new Float64Array(plan.sequence + 1) },
    own: { mean: 0, scale: 1, nu: 4 },
    ofCategory: { mean: 0, scale: 1, nu: 4 },
    z: 0,
    gapDays: NaN,
    hourBin: 0,
    burst: 0,
    counterpartHash: 0,
    categoryLevel: -1,
  };
};

/** x = log(1 + |amount|) with the amount's sign: equal to models.md's log(1 + amount), and defined for refunds. */
export const logAmount = (amount: number): number => (amount < 0 ? -Math.log1p(-amount) : Math.log1p(amount));
export const fromLogAmount = (x: number): number => (x < 0 ? -Math.expm1(-x) : Math.expm1(x));

/** Events further behind their entity's newest are scored but not learned from. */
const LATE_LIMIT_MS = 30 * DAY_MS;

export const placeInTime = (work: RowWork, state: PrimaryState, lastMs: number): void => {
  work.isLate = !state.isNew && work.occurredAtMs < lastMs;
  work.isTooLate = work.isLate && work.occurredAtMs < lastMs - LATE_LIMIT_MS;
};
