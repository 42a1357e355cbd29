import { numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import type { EvidenceCells } from './evidence.js';
import { decayed } from './markov-filter.js';
import { MarkovPass } from './markov-pass.js';
import { markovFromMs, type FeaturePlan, type SecondaryPlan } from './plan.js';

/** Count and share of known fraud of a secondary entity per window that ends at the label delay: the Handbook's order. */
export const riskColumns = (plan: FeaturePlan, entity: SecondaryPlan): FeatureColumn[] =>
  plan.windowsDays.flatMap((days) => [
    numericColumn(`${entity.name}_nb_${days}d`, 'none', `${entity.name} count in ${days} d`),
    numericColumn(`${entity.name}_risk_${days}d`, 'up', entity.name),
  ]);

/**
 * Newest bucket whose labels are known: its last second is at or before the delay. With one-second buckets the window ends
 * exactly there.
 */
const newestKnown = (plan: FeaturePlan, entity: SecondaryPlan, ms: number): number => ms - plan.delayMs - entity.bucketMs + 1000;

/** Windows (t - delay - w, t - delay], by the start of the bucket. */
export const writeRisk = (
  out: Float32Array,
  at: number,
  plan: FeaturePlan,
  entity: SecondaryPlan,
  cells: EvidenceCells | undefined,
  ms: number,
): number => {
  const { windowsMs } = plan;
  if (cells === undefined) {
    out.fill(0, at, at + 2 * windowsMs.length);
    return at + 2 * windowsMs.length;
  }
  const end = cells.firstAfter(newestKnown(plan, entity, ms));
  cells.totalTo(end);
  for (let w = 0; w < windowsMs.length; w += 1) {
    const from = cells.firstAfter(ms - plan.delayMs - windowsMs[w]!, end);
    const n = cells.nBefore[end]! - cells.nBefore[from]!;
    const nFraud = cells.fraudBefore[end]! - cells.fraudBefore[from]!;
    out[at] = n;
    // A label may reach a cell before its transaction does: other workers write cells as well.
    out[at + 1] = n > 0 ? Math.min(1, Math.max(0, nFraud / n)) : 0;
    at += 2;
  }
  return at;
};

/**
 * Log-odds that the entity is compromised now: forward pass over its cells whose labels are known, from `markovFromMs` on.
 * That start moves once a day, so rows share a pass.
 */
export const markovLogOdds = (plan: FeaturePlan, entity: SecondaryPlan, cells: EvidenceCells | undefined, ms: number): number => {
  const tables = entity.markov!;
  let p = tables.stationary;
  if (cells !== undefined) {
    const end = cells.firstAfter(newestKnown(plan, entity, ms));
    const fromMs = markovFromMs(plan, ms);
    const start = cells.firstAfter(fromMs - 1, end);
    if (start < end) {
      p = MarkovPass.startingAt(fromMs, cells.passes).upTo(end, cells, tables, start);
      p = decayed(tables, p, ms - cells.buckets[end - 1]!);
    }
  }
  return Math.log(p / (1 - p));
};
