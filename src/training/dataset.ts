import { featureMatrix, type FeatureMatrix } from '../domain/feature-matrix.js';
import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import { Activity } from '../features/activity.js';
import type { FeatureSet } from '../features/catalog.js';
import { computeFeatures } from '../features/compute-features.js';
import { PROFILE_WIDTH } from '../features/profile-row.js';

export interface Dataset {
  /** Rows with event time in [keepFromMs, keepToMs), in event order. */
  readonly features: FeatureMatrix;
  readonly transactions: readonly Transaction[];
  /** Profile rows of the kept transactions (rows x PROFILE_WIDTH; empty where the feature set remembers nothing). */
  readonly profiles: Float64Array;
  /** What is remembered after the last transaction before keepToMs. */
  readonly activity: Activity;
  /** Cell of every transaction that will once be called fraud, by transaction id. */
  readonly fraudCells: ReadonlyMap<string, EvidenceKey>;
}

export interface EvidenceKey {
  readonly entities: readonly string[];
  readonly occurredAtMs: number;
  readonly amountBin: number;
}

const CHUNK_ROWS = 4096;

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
  const frauds = labels.filter((label) => label.isFraud).sort((a, b) => a.knownAtMs - b.knownAtMs);
  const fraudIds = new Set(frauds.map((label) => label.transactionId));
  const fraudCells = new Map<string, EvidenceKey>();
  const applied = new Set<string>();
  const activity = new Activity(featureSet);
  const end = transactions.findIndex((t) => t.occurredAtMs >= range.keepToMs);
  const count = end < 0 ? transactions.length : end;
  const firstKept = transactions.findIndex((t) => t.occurredAtMs >= range.keepFromMs);
  const kept = firstKept < 0 ? 0 : Math.max(0, count - firstKept);
  const width = featureSet.columns.length;
  const values = new Float32Array(kept * width);

  const profiles: Float64Array[] = [];

  let nextLabel = 0;
  const chunkEnd = (from: number): number => {
    let to = from;
    const knownAtMs = frauds[nextLabel]?.knownAtMs ?? Infinity;
    while (to < count && to - from < CHUNK_ROWS && transactions[to]!.occurredAtMs < knownAtMs) to += 1;
    return to;
  };
  for (let from = 0; from < count;) {
    while (nextLabel < frauds.length && frauds[nextLabel]!.knownAtMs <= transactions[from]!.occurredAtMs) {
      const id = frauds[nextLabel]!.transactionId;
      const cell = fraudCells.get(id);
      if (cell && !applied.has(id)) activity.applyLabel(cell, 1);
      applied.add(id);
      nextLabel += 1;
    }
    const to = Math.max(from + 1, chunkEnd(from));
    const chunk = transactions.slice(from, to);
    const computed = computeFeatures(featureSet, chunk, activity, { withProfiles: kept > 0 && to > firstKept });
    chunk.forEach((t, i) => {
      if (!fraudIds.has(t.id)) return;
      fraudCells.set(t.id, { entities: t.entities, occurredAtMs: t.occurredAtMs, amountBin: computed.amountBins[i]! });
    });
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
    fraudCells,
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

/**
 * What is known of each transaction at a time: 1 fraud, 0 legitimate (no fraud label, and older than the label delay),
 * -1 not yet known (immature).
 */
export const maturedLabels = (
  transactions: readonly Transaction[],
  labels: readonly Label[],
  asOfMs: number,
  delayMs: number,
): Int8Array => {
  const known = new Map<string, Label>();
  for (const label of labels) {
    if (label.knownAtMs > asOfMs) continue;
    const before = known.get(label.transactionId);
    if (!before || before.knownAtMs <= label.knownAtMs) known.set(label.transactionId, label);
  }
  return Int8Array.from(transactions, (t) => {
    const label = known.get(t.id);
    if (label) return label.isFraud ? 1 : 0;
    return t.occurredAtMs + delayMs <= asOfMs ? 0 : -1;
  });
};
