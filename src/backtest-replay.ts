import type { TimedRecord, RecordSource } from './backtest-records.js';
import type { Label } from './domain/label.js';
import { DAY_MS } from './domain/time.js';
import type { LabelSink } from './scoring/ports.js';
import type { ScoringTerms } from './scoring/score-batch.js';
import { scoreTransactions, type OnlineLine } from './scoring/score-transactions.js';
import type { RememberedFrauds } from './store/remembered-frauds.js';

const BATCH_ROWS = 1_000;

export interface BacktestReplay {
  readonly line: OnlineLine;
  /** Those of transactions that the line scores, and of those that it only remembers. */
  readonly labels: LabelSink;
  readonly remembered: RememberedFrauds;
  readonly useTerms: (terms: ScoringTerms) => void;
  /** What decides from this moment of event time on; asked before every batch, and no batch crosses a UTC day. */
  readonly termsAt: (clockMs: number) => Promise<ScoringTerms>;
  readonly onBatch: (rows: number, clockMs: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Records through the online line as it is served: a label takes effect when it becomes known, before the first record of that
 * time.
 *
 * @param labels those that were not yet applied: the next source goes on with them
 */
export const replayRecords = async (
  source: RecordSource,
  labels: WaitingLabels,
  { line, useTerms, termsAt, onBatch, signal, ...sinks }: BacktestReplay,
): Promise<void> => {
  for await (const chunk of source.read(signal))
    for (let from = 0; from < chunk.length;) {
      signal.throwIfAborted();
      const { clockMs } = chunk[from]!;
      await apply(labels.until(clockMs), sinks);
      useTerms(await termsAt(clockMs));
      const to = batchEnd(chunk, from, Math.min((Math.floor(clockMs / DAY_MS) + 1) * DAY_MS, labels.nextKnownAtMs));
      const records = chunk.slice(from, to).map(({ record }) => record);
      const outcome = await scoreTransactions(records, { kind: 'direct', name: 'backtest' }, line);
      // Its database schema has no other writer and no offsets.
      if (outcome.result !== 'committed') throw new Error('another program writes to the database schema of this backtest');
      onBatch(records.length, chunk[to - 1]!.clockMs);
      from = to;
    }
};

/** Labels to come, soonest first. */
export class WaitingLabels {
  #next = 0;

  constructor(private readonly labels: readonly Label[]) {}

  /** Infinity after the last. */
  get nextKnownAtMs(): number {
    return this.labels[this.#next]?.knownAtMs ?? Infinity;
  }

  until(ms: number): readonly Label[] {
    const from = this.#next;
    while (this.nextKnownAtMs <= ms) this.#next += 1;
    return this.labels.slice(from, this.#next);
  }
}

const apply = async (
  due: readonly Label[],
  { labels, remembered }: Pick<BacktestReplay, 'labels' | 'remembered'>,
): Promise<void> => {
  if (due.length === 0) return;
  await remembered.apply(due.filter(({ transactionId }) => remembered.has(transactionId)));
  const stored = due.filter(({ transactionId }) => !remembered.has(transactionId));
  if (stored.length > 0) await labels.append(stored);
};

const batchEnd = (chunk: readonly TimedRecord[], from: number, untilMs: number): number => {
  let to = from + 1;
  while (to < chunk.length && to - from < BATCH_ROWS && chunk[to]!.clockMs < untilMs) to += 1;
  return to;
};
