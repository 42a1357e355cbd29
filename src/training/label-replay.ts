import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import type { Activity, LabelledRow } from '../features/activity.js';
import { WaitingLabels } from './waiting-labels.js';

/** What a label needs of its transaction to find its cells again, once that is no longer at hand. */
export interface EvidenceKey {
  readonly entities: readonly string[];
  readonly occurredAtMs: number;
  readonly amountBin: number;
  /** What its newest label said at the end of the history: whether its cells count it. */
  readonly isFraud: boolean;
}

/** Rows whose features are computed at once. */
const CHUNK_ROWS = 4096;

/**
 * Applies labels to what is remembered as the stores do while serving: the newest label of a transaction counts (of
 * several at one time the last given), a withdrawn fraud is taken off again, a repeat changes nothing, and a label that
 * was faster than its transaction waits for it.
 */
export class LabelReplay {
  /** In the order in which they became known; a transaction that is never called fraud changes no count. */
  readonly #labels: WaitingLabels;
  readonly #everFraud: ReadonlySet<string>;
  readonly #frauds = new Set<string>();
  readonly #cells = new Map<string, LabelledRow>();

  constructor(
    labels: readonly Label[],
    private readonly activity: Activity,
  ) {
    this.#everFraud = new Set(labels.filter((label) => label.isFraud).map((label) => label.transactionId));
    this.#labels = new WaitingLabels(
      labels.filter((label) => this.#everFraud.has(label.transactionId)).sort((a, b) => a.knownAtMs - b.knownAtMs),
    );
  }

  /** When the next label becomes known; Infinity after the last. */
  get nextKnownAtMs(): number {
    return this.#labels.nextKnownAtMs;
  }

  /** Up to where no label becomes known, and no row follows one whose own label was waiting for it. */
  chunkEnd(transactions: readonly Transaction[], from: number, end = transactions.length): number {
    let to = from + 1;
    while (
      to < end &&
      to - from < CHUNK_ROWS &&
      transactions[to]!.occurredAtMs < this.nextKnownAtMs &&
      !this.isKnownFraud(transactions[to - 1]!.id)
    )
      to += 1;
    return to;
  }

  applyUntil(ms: number): void {
    for (const { transactionId, isFraud } of this.#labels.until(ms)) {
      if (this.#frauds.has(transactionId) === isFraud) continue;
      if (isFraud) this.#frauds.add(transactionId);
      else this.#frauds.delete(transactionId);
      const cell = this.#cells.get(transactionId);
      if (cell) this.activity.applyLabel(cell, isFraud ? 1 : -1);
    }
  }

  /** The transaction was learned: labels find its cell from now on, and one that waited takes effect. */
  arrived({ id, entities, occurredAtMs }: Transaction, amountBin: number): void {
    if (!this.#everFraud.has(id)) return;
    const cell = { entities, occurredAtMs, amountBin };
    this.#cells.set(id, cell);
    if (this.isKnownFraud(id)) this.activity.applyLabel(cell, 1);
  }

  isKnownFraud(id: string): boolean {
    return this.#frauds.has(id);
  }

  fraudCells(): ReadonlyMap<string, EvidenceKey> {
    return new Map([...this.#cells].map(([id, cell]) => [id, { ...cell, isFraud: this.#frauds.has(id) }]));
  }
}
