import { numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { hourOfDay } from './calendar.js';
import type { FeaturePlan } from './plan.js';
import type { PrimaryState } from './primary-state.js';
import { logAmount, type RowWork } from './row-work.js';

const lagsOf = ({ sequence }: FeaturePlan): number[] => Array.from({ length: sequence }, (_, i) => sequence - i);

/**
 * The primary entity's recent events in the order in which they happened, oldest first: for each the time since the one
 * before it, its hour and its amount; at last the time since the newest of them. Empty where the schema asks for none.
 *
 * Three values, where the Handbook's networks have all features of each event: a state remembers time and amount of an event
 * alone, and is 3,888 of 4,096 bytes when full. What else of an event is a function of those (day, window sums) or would be
 * stored for the newest few at a byte each (the counterpart's risk then).
 */
export const sequenceColumns = (schema: TransactionSchema, plan: FeaturePlan): FeatureColumn[] => {
  if (plan.sequence === 0) return [];
  const time = schema.time!.column;
  const amount = schema.amount!.column;
  const events = lagsOf(plan).flatMap((lag) => [
    numericColumn(`lag${lag}_gap`, 'none', time),
    numericColumn(`lag${lag}_hour`, 'none', time),
    numericColumn(`lag${lag}_log_amount`, 'none', amount),
  ]);
  return [...events, numericColumn('lag0_gap', 'none', time)];
};

/** log(1 + seconds) from the event before; NaN when that one is not remembered. */
const gap = (ms: number, beforeMs: number): number => Math.log1p((ms - beforeMs) / 1000);

/** What is remembered up to the row's own time, as everywhere (docs/late-events.md); NaN beyond that. */
export const writeSequence = (
  out: Float32Array,
  at: number,
  plan: FeaturePlan,
  state: PrimaryState,
  { occurredAtMs, before }: RowWork,
): number => {
  if (plan.sequence === 0) return at;
  state.events.copyUntil(occurredAtMs, before.times, before.amounts);
  for (const lag of lagsOf(plan)) {
    const ms = before.times[lag - 1]!;
    out[at] = gap(ms, before.times[lag]!);
    out[at + 1] = hourOfDay(ms);
    out[at + 2] = logAmount(before.amounts[lag - 1]! / plan.minorPerUnit);
    at += 3;
  }
  out[at] = gap(occurredAtMs, before.times[0]!);
  return at + 1;
};
