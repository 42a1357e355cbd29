import { featureMatrix, type FeatureMatrix } from '../domain/feature-matrix.js';
import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import { Activity } from '../features/activity.js';
import type { FeatureSet } from '../features/catalog.js';
import { computeFeatures } from '../features/compute-features.js';
import { PROFILE_WIDTH } from '../features/profile-row.js';
import { LabelReplay, type EvidenceKey } from './label-replay.js';

export type { EvidenceKey } from './label-replay.js';

export interface Dataset {
  /** Rows with event time in [keepFromMs, keepToMs), in event order. */
  readonly features: FeatureMatrix;
  readonly transactions: readonly Transaction[];
  /** Profile rows of the kept transactions (rows x PROFILE_WIDTH; empty where the feature set remembers nothing). */
  readonly profiles: Float64Array;
  /** What is remembered after the last transaction before keepToMs. */
  readonly activity: Activity;
  /** Cell of every transaction that is once called fraud, by transaction id. */
  readonly fraudCells: ReadonlyMap<string, EvidenceKey>;
}

/**
 * Features of a history, computed by the same code that serves, with labels applied in the order in which they became
 * known: a row sees exactly the labels with `knownAtMs` at or before its own time.
 *
 * @param transactions in event order; those at or after `keepToMs` are not looked at
 */
export const buildDataset = async (
  featureSet: FeatureSet,
  transactions: readonly Transaction[],
  labels: readonly Label[],
  range: { readonly keepFromMs: number; readonly keepToMs: number },
  onProgress: (share: number) => Promise<void> | void = () => undefined,
): Promise<Dataset> => {
  const activity = new Activity(featureSet);
  const replay = new LabelReplay(labels, activity);
  const end = transactions.findIndex((t) => t.occurredAtMs >= range.keepToMs);
  const count = end < 0 ? transactions.length : end;
  const firstKept = transactions.findIndex((t) => t.occurredAtMs >= range.keepFromMs);
  const kept = firstKept < 0 ? 0 : Math.max(0, count - firstKept);
  const width = featureSet.columns.length;
  const values = new Float32Array(kept * width);

  const profiles: Float64Array[] = [];
  for (let from = 0; from < count;) {
    replay.applyUntil(transactions[from]!.occurredAtMs);
    const to = replay.chunkEnd(transactions, from, count);
    const chunk = transactions.slice(from, to);
    const computed = computeFeatures(featureSet, chunk, activity, { withProfiles: kept > 0 && to > firstKept });
    chunk.forEach((t, i) => replay.arrived(t, computed.amountBins[i]!));
    if (kept > 0 && to > firstKept) {
      const skip = Math.max(0, firstKept - from);
      profiles.push(computed.profiles.slice(skip * PROFILE_WIDTH));
      values.set(computed.matrix.values.subarray(skip * width), (from + skip - firstKept) * width);
    }
    from = to;
    await onProgress(to / count);
  }
  return {
    features: featureMatrix(featureSet.columns, values),
    transactions: transactions.slice(firstKept < 0 ? count : firstKept, count),
    profiles: joined(profiles),
    activity,
    fraudCells: replay.fraudCells(),
  };
};

const joined = (parts: readonly Float64Array[]): Float64Array => {
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/** Ids of the transactions whose newest label known at `asOfMs` says fraud. */
export const knownFrauds = (labels: readonly Label[], asOfMs: number): ReadonlySet<string> => {
  const known = new Map<string, Label>();
  for (const label of labels) {
    if (label.knownAtMs > asOfMs) continue;
    const before = known.get(label.transactionId);
    if (!before || before.knownAtMs <= label.knownAtMs) known.set(label.transactionId, label);
  }
  return new Set([...known.values()].filter((label) => label.isFraud).map((label) => label.transactionId));
};

/**
 * The class of each transaction at a time: 1 fraud, 0 legitimate (no fraud label), -1 while the label delay has not passed.
 *
 * That holds for known frauds too: among rows of the last days only frauds can be known, and taking those alone would
 * overstate the share of fraud, the more the faster labels come.
 */
export const maturedLabels = (
  transactions: readonly Transaction[],
  frauds: ReadonlySet<string>,
  asOfMs: number,
  delayMs: number,
): Int8Array => Int8Array.from(transactions, (t) => (t.occurredAtMs + delayMs > asOfMs ? -1 : frauds.has(t.id) ? 1 : 0));
