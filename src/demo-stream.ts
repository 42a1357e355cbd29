import type { Alert } from './domain/alert.js';
import type { Label } from './domain/label.js';
import { DAY_MS } from './domain/time.js';
import type { IncomingRecord, LabelSink } from './scoring/ports.js';
import { scoreTransactions, type OnlineLine } from './scoring/score-transactions.js';
import type { World, WorldDay } from './synthetic/world.js';

/** Room for transactions of one day in a position: position = day x 1,000,000 + place in the day. */
const PLACES_PER_DAY = 1_000_000n;
/** Labels come at most this many days after their transaction: the world's delay and its longest lateness. */
const LABEL_DAYS_MAX = 16;
const DAYS_CACHED = 4;

export const DEMO_SOURCE = 'demo';

export interface DemoPositions {
  /** Where the next transaction is to be read from. */
  readonly next: bigint;
  /** Labels known up to then were delivered. */
  readonly labelsUntilMs: number;
}

/**
 * The seeded world as a source of the real online line. History and live stream are one sequence: only the pace differs.
 * A batch ends before the next label becomes known, so every transaction sees exactly the labels of its own past.
 */
export class DemoStream {
  readonly #days = new Map<number, WorldDay>();
  /** Labels to come, soonest first. A day's labels are known only after the day, so its first transaction is soon enough. */
  #waiting: Label[] = [];
  #entered: number | null = null;
  #next: bigint;
  #labelsUntilMs: number;

  constructor(
    private readonly world: { readonly world: World; readonly startMs: number },
    private readonly line: OnlineLine,
    private readonly labels: LabelSink,
    positions: DemoPositions,
  ) {
    this.#next = positions.next;
    this.#labelsUntilMs = positions.labelsUntilMs;
  }

  get labelsUntilMs(): number {
    return this.#labelsUntilMs;
  }

  /** Event time of the next transaction. */
  get nextOccurredAtMs(): number {
    const day = Number(this.#next / PLACES_PER_DAY);
    const record = this.#day(day).transactions[Number(this.#next % PLACES_PER_DAY)];
    return record ? Date.parse(record.occurred_at) : this.world.startMs + (day + 1) * DAY_MS;
  }

  /**
   * Sends all that happened up to a time, in order: transactions through the line, labels to their sink.
   *
   * @param onBatch told of every committed batch
   * @returns how many labels were delivered
   */
  async advanceTo(
    toMs: number,
    batchSizeMax: number,
    onBatch: (alerts: readonly Alert[], atMs: number) => Promise<void> | void,
    signal?: AbortSignal,
  ): Promise<number> {
    let delivered = 0;
    while (!signal?.aborted) {
      this.#enter(Number(this.#next / PLACES_PER_DAY));
      const due = this.#dueLabels(toMs);
      const untilMs = Math.min(toMs, (due[0]?.knownAtMs ?? Infinity) - 1);
      const batch = this.#take(untilMs, batchSizeMax);
      if (batch.records.length > 0) {
        const source = { kind: 'direct', name: DEMO_SOURCE, position: { from: this.#next, next: batch.next } } as const;
        const outcome = await scoreTransactions(batch.records, source, this.line);
        if (outcome.result !== 'committed') throw new Error('another process is running the demo in this database');
        this.#next = batch.next;
        await onBatch(outcome.alerts, batch.lastMs);
      } else if (due.length > 0) {
        await this.labels.append(due);
        delivered += due.length;
        this.#waiting = this.#waiting.slice(due.length);
        this.#labelsUntilMs = due[0]!.knownAtMs;
      } else {
        this.#labelsUntilMs = Math.max(this.#labelsUntilMs, toMs);
        break;
      }
    }
    return delivered;
  }

  /** The next records in order with event time at most `untilMs`. */
  #take(untilMs: number, max: number): { records: IncomingRecord[]; next: bigint; lastMs: number } {
    const records: IncomingRecord[] = [];
    let next = this.#next;
    let lastMs = 0;
    while (records.length < max) {
      const day = Number(next / PLACES_PER_DAY);
      const place = Number(next % PLACES_PER_DAY);
      if (this.world.startMs + day * DAY_MS > untilMs) break;
      const record = this.#day(day).transactions[place];
      if (!record) {
        // A batch ends with its day: the next day's labels are entered first.
        if (records.length > 0) break;
        next = BigInt(day + 1) * PLACES_PER_DAY;
        continue;
      }
      const atMs = Date.parse(record.occurred_at);
      if (atMs > untilMs) break;
      records.push({ bytes: Buffer.from(JSON.stringify(record)), key: record.customer, position: `${DEMO_SOURCE}/${next}` });
      lastMs = atMs;
      next += 1n;
    }
    return { records, next, lastMs };
  }

  /** Fraud labels of a day's transactions and of the days before it, from when they were not all delivered. */
  #enter(day: number): void {
    const first = this.#entered ?? Math.max(-1, day - LABEL_DAYS_MAX);
    for (let d = first + 1; d <= day; d += 1)
      for (const { transactionId, isFraud, type, knownAtMs } of this.#day(d).truth)
        if (isFraud && knownAtMs > this.#labelsUntilMs)
          this.#waiting.push({ transactionId, isFraud, type, source: DEMO_SOURCE, knownAtMs });
    if (first >= day) return;
    this.#entered = day;
    this.#waiting.sort((a, b) => a.knownAtMs - b.knownAtMs);
  }

  /** The labels known at the earliest time after those delivered and at most at `toMs`. */
  #dueLabels(toMs: number): readonly Label[] {
    const atMs = this.#waiting[0]?.knownAtMs ?? Infinity;
    if (atMs > toMs) return [];
    const later = this.#waiting.findIndex((label) => label.knownAtMs > atMs);
    return this.#waiting.slice(0, later < 0 ? this.#waiting.length : later);
  }

  #day(index: number): WorldDay {
    let day = this.#days.get(index);
    if (!day) {
      day = this.world.world.day(index);
      if (this.#days.size >= DAYS_CACHED) this.#days.delete(this.#days.keys().next().value!);
      this.#days.set(index, day);
    }
    return day;
  }
}
