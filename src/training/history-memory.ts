import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import { Activity, type EvidenceCount, type StateBytes } from '../features/activity.js';
import type { FeatureSet } from '../features/catalog.js';
import { computeFeatures } from '../features/compute-features.js';
import { LabelReplay, type EvidenceKey } from './label-replay.js';

const PART = { states: 2_000, evidence: 20_000, frauds: 20_000 };

/** A piece of what is remembered, small enough for one message and one database transaction. */
export interface MemoryPart {
  readonly states: readonly StateBytes[];
  readonly evidence: readonly EvidenceCount[];
  /** Cells of transactions that are once called fraud, by transaction id: later labels find them. */
  readonly fraudCells: readonly (readonly [string, EvidenceKey])[];
}

/**
 * What the line remembers at the end of a history that comes in pieces. The rows themselves are not held: memory grows with
 * entities and their cells, not with the length of the history.
 */
export class HistoryMemory {
  readonly #activity: Activity;
  readonly #replay: LabelReplay;

  /** @param labels everything that becomes known, also after the history: which transactions labels will ask for */
  constructor(
    private readonly featureSet: FeatureSet,
    labels: readonly Label[],
  ) {
    this.#activity = new Activity(featureSet);
    this.#replay = new LabelReplay(labels, this.#activity);
  }

  /** @param transactions the next ones, in event order */
  learn(transactions: readonly Transaction[]): void {
    for (let from = 0; from < transactions.length;) {
      this.#replay.applyUntil(transactions[from]!.occurredAtMs);
      const to = this.#replay.chunkEnd(transactions, from);
      const chunk = transactions.slice(from, to);
      const { amountBins } = computeFeatures(this.featureSet, chunk, this.#activity, { withProfiles: false });
      chunk.forEach((transaction, i) => this.#replay.arrived(transaction, amountBins[i]!));
      from = to;
    }
  }

  *parts(): Generator<MemoryPart> {
    const none = { states: [], evidence: [], fraudCells: [] };
    for (const states of slices(this.#activity.states(), PART.states)) yield { ...none, states };
    for (const evidence of slices(this.#activity.evidenceDeltas(), PART.evidence)) yield { ...none, evidence };
    for (const fraudCells of slices([...this.#replay.fraudCells()], PART.frauds)) yield { ...none, fraudCells };
  }
}

function* slices<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
