import type { Label } from '../domain/label.js';
import { DAY_MS } from '../domain/time.js';

const BATCH_ROWS = 1_000;

/** Labels to come, as a replay meets them. */
export class WaitingLabels {
  #next = 0;

  /** @param labels in the order in which they become known */
  constructor(private readonly labels: readonly Label[]) {}

  /** When the next one becomes known; Infinity after the last. */
  get nextKnownAtMs(): number {
    return this.labels[this.#next]?.knownAtMs ?? Infinity;
  }

  /** Those that have become known since it was last asked. */
  until(ms: number): readonly Label[] {
    const from = this.#next;
    while (this.#next < this.labels.length && this.nextKnownAtMs <= ms) this.#next += 1;
    return this.labels.slice(from, this.#next);
  }

  /** End of the batch that begins at a row: rows of one UTC day, before the next label becomes known. */
  batchEnd<Row>(rows: readonly Row[], from: number, timeOf: (row: Row) => number, rowsMax = BATCH_ROWS): number {
    const untilMs = Math.min((Math.floor(timeOf(rows[from]!) / DAY_MS) + 1) * DAY_MS, this.nextKnownAtMs);
    let to = from + 1;
    while (to < rows.length && to - from < rowsMax && timeOf(rows[to]!) < untilMs) to += 1;
    return to;
  }
}
