import type { TimedRecord, RecordSource } from './records.js';
import type { Label } from '../domain/label.js';
import type { LabelSink } from '../scoring/ports.js';
import type { ScoringTerms } from '../scoring/score-batch.js';
import { scoreTransactions, type OnlineLine } from '../scoring/score-transactions.js';
import type { RememberedFrauds } from '../store/remembered-frauds.js';
import type { WaitingLabels } from '../training/waiting-labels.js';

const timeOf = ({ clockMs }: TimedRecord): number => clockMs;

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
      const to = labels.batchEnd(chunk, from, timeOf);
      const records = chunk.slice(from, to).map(({ record }) => record);
      const outcome = await scoreTransactions(records, { kind: 'direct', name: 'backtest' }, line);
      // Its database schema has no other writer and no offsets.
      if (outcome.result !== 'committed') throw new Error('another program writes to the database schema of this backtest');
      onBatch(records.length, chunk[to - 1]!.clockMs);
      from = to;
    }
};

const apply = async (
  due: readonly Label[],
  { labels, remembered }: Pick<BacktestReplay, 'labels' | 'remembered'>,
): Promise<void> => {
  if (due.length === 0) return;
  await remembered.apply(due.filter(({ transactionId }) => remembered.has(transactionId)));
  const stored = due.filter(({ transactionId }) => !remembered.has(transactionId));
  if (stored.length > 0) await labels.append(stored);
};
