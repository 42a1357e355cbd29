import { numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import type { FeaturePlan } from './plan.js';
import type { PrimaryState } from './primary-state.js';
import type { RowWork } from './row-work.js';

/** Count and mean amount of the primary entity per window, in pairs: the Handbook's order. */
export const velocityColumns = (plan: FeaturePlan, amountField: string): FeatureColumn[] =>
  plan.windowsDays.flatMap((days) => [
    numericColumn(`${plan.primaryName}_nb_${days}d`, 'up', `${plan.primaryName} count in ${days} d`),
    numericColumn(`${plan.primaryName}_avg_${days}d`, 'up', amountField),
  ]);

/** Windows (t - w, t], the current transaction included. Fills `work.windows`. */
export const writeVelocity = (out: Float32Array, at: number, plan: FeaturePlan, state: PrimaryState, work: RowWork): number => {
  const { count, sum } = work.windows;
  state.events.sumWindows(work.occurredAtMs, work.amountMinor, plan.windowsMs, work.windows);
  for (let w = 0; w < plan.windowsMs.length; w += 1) {
    out[at] = count[w]!;
    out[at + 1] = sum[w]! / count[w]! / plan.minorPerUnit;
    at += 2;
  }
  return at;
};

export const largestColumns = (plan: FeaturePlan, amountField: string): FeatureColumn[] =>
  plan.windowsDays.map((days) => numericColumn(`${plan.primaryName}_max_${days}d`, 'up', amountField));

export const writeLargest = (out: Float32Array, at: number, plan: FeaturePlan, work: RowWork): number => {
  for (let w = 0; w < plan.windowsMs.length; w += 1) out[at + w] = work.windows.max[w]! / plan.minorPerUnit;
  return at + plan.windowsMs.length;
};
