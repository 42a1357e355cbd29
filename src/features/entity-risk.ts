import { numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import { DAY_MS } from './calendar.js';
import type { EvidenceCells } from './evidence.js';
import { decayed, evidenceRatio, withEvidence } from './markov-filter.js';
import { MARKOV_DAYS, type FeaturePlan, type SecondaryPlan } from './plan.js';

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
  let i = cells.firstAfter(newestKnown(plan, entity, ms)) - 1;
  let n = 0;
  let nFraud = 0;
  for (let w = 0; w < windowsMs.length; w += 1) {
    const from = ms - plan.delayMs - windowsMs[w]!;
    for (; i >= 0 && cells.buckets[i]! > from; i -= 1) {
      n += cells.n[i]!;
      nFraud += cells.nFraud[i]!;
    }
    out[at] = n;
    // A label may reach a cell before its transaction does: other workers write cells as well.
    out[at + 1] = n > 0 ? Math.min(1, Math.max(0, nFraud / n)) : 0;
    at += 2;
  }
  return at;
};

/** Log-odds that the entity is compromised now: forward pass over the cells of 60 days whose labels are known. */
export const markovLogOdds = (plan: FeaturePlan, entity: SecondaryPlan, cells: EvidenceCells | undefined, ms: number): number => {
  const tables = entity.markov!;
  let p = tables.stationary;
  if (cells === undefined) return Math.log(p / (1 - p));
  const end = cells.firstAfter(newestKnown(plan, entity, ms));
  let i = cells.firstAfter(ms - plan.delayMs - MARKOV_DAYS * DAY_MS);
  let lastMs = ms;
  for (let bucket = -1; i < end;) {
    const next = cells.buckets[i]!;
    if (bucket >= 0) p = decayed(tables, p, next - bucket);
    bucket = next;
    lastMs = next;
    // Inside a bucket evidence adds in log-odds: the order within it does not matter.
    let ratio = 1;
    for (; i < end && cells.buckets[i] === bucket; i += 1)
      ratio *= evidenceRatio(tables, cells.bins[i]!, cells.n[i]!, cells.nFraud[i]!);
    p = withEvidence(p, ratio);
  }
  p = decayed(tables, p, ms - lastMs);
  return Math.log(p / (1 - p));
};
