import { AMOUNT_BINS, decayed, markovTables, withEvidence } from './markov-filter.js';
import type { MarkovPriors } from './feature-priors.js';

/** A labelled transaction of a secondary entity, in rising time within its entity. */
export interface MarkovEvent {
  readonly occurredAtMs: number;
  readonly bin: number;
  readonly isFraud: boolean;
}

/** The grid of models.md, section 6; rates per day. */
const GRID_01 = [5e-5, 2e-4, 1e-3, 4e-3];
const GRID_10 = [1 / 60, 1 / 28, 1 / 14, 1 / 7];
const GRID_E1 = [0.15, 0.33, 0.6, 0.95];
/** Where nothing is known yet: the book's terminals. */
const RATES_BEFORE_LABELS = { l01: 2e-4, l10: 1 / 28, e1: 0.95 };
const FRAUD_SHARE_BEFORE_LABELS = 0.005;

const clip = (q: number): number => Math.min(Math.max(q, 1e-4), 0.95);

/** P(fraud | clean entity) per amount-surprise bin, smoothed toward the overall share. */
const fitQ0 = (sequences: Iterable<readonly MarkovEvent[]>): { q0: number[]; rows: number; frauds: number } => {
  const counts = new Float64Array(AMOUNT_BINS);
  const frauds = new Float64Array(AMOUNT_BINS);
  for (const events of sequences)
    for (const { bin, isFraud } of events) {
      counts[bin]! += 1;
      if (isFraud) frauds[bin]! += 1;
    }
  const rows = counts.reduce((a, b) => a + b, 0);
  const fraudCount = frauds.reduce((a, b) => a + b, 0);
  const share = fraudCount > 0 ? fraudCount / rows : FRAUD_SHARE_BEFORE_LABELS;
  const q0 = Array.from(counts, (count, bin) => clip((frauds[bin]! + 0.5 * share) / (count + 0.5)));
  return { q0, rows, frauds: fraudCount };
};

/** log P(labels | rates) of all sequences, by the forward pass that the filter runs. */
const logLikelihood = (
  sequences: Iterable<readonly MarkovEvent[]>,
  q0: readonly number[],
  rates: typeof RATES_BEFORE_LABELS,
): number => {
  const tables = markovTables({ q0, ...rates });
  let total = 0;
  // Products instead of a logarithm an event, which would be most of the cost: no factor is below 1e-7.
  let product = 1;
  for (const events of sequences) {
    let p = tables.stationary;
    let lastMs = events[0]?.occurredAtMs ?? 0;
    for (const { occurredAtMs, bin, isFraud } of events) {
      if (occurredAtMs > lastMs) p = decayed(tables, p, occurredAtMs - lastMs);
      lastMs = occurredAtMs;
      const clean = isFraud ? q0[bin]! : 1 - q0[bin]!;
      const ratio = isFraud ? tables.fraudRatio[bin]! : tables.legitimateRatio[bin]!;
      product *= clean * (1 - p + p * ratio);
      if (product < 1e-290) {
        total += Math.log(product);
        product = 1;
      }
      p = withEvidence(p, ratio);
    }
  }
  return total + Math.log(product);
};

/** Maximum likelihood over the grid. Without a fraud among the labels the likelihood says nothing, and defaults hold. */
export const fitMarkov = (sequences: ReadonlyMap<string, readonly MarkovEvent[]>): MarkovPriors => {
  const { q0, rows, frauds } = fitQ0(sequences.values());
  let best = RATES_BEFORE_LABELS;
  if (frauds > 0) {
    let bestValue = -Infinity;
    for (const l01 of GRID_01)
      for (const l10 of GRID_10)
        for (const e1 of GRID_E1) {
          const value = logLikelihood(sequences.values(), q0, { l01, l10, e1 });
          if (value > bestValue) {
            bestValue = value;
            best = { l01, l10, e1 };
          }
        }
  }
  return { rows, q0, ...best };
};
