import type { Alert } from '../domain/alert.js';
import type { Label } from '../domain/label.js';
import { transactionParser } from '../domain/parse-transaction.js';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import type { Transaction } from '../domain/transaction.js';
import type { EntityState, EvidenceCell } from '../scoring/ports.js';
import { LocalScorer } from '../scoring/local-scorer.js';
import { MemoryScoringStore } from '../scoring/memory-store.js';
import type { ScoringTerms } from '../scoring/score-batch.js';
import { OnlineLine, scoreTransactions } from '../scoring/score-transactions.js';
import type { ScoringModel } from '../scoring/scoring-model.js';
import type { Dataset, EvidenceKey } from './dataset.js';
import { WaitingLabels } from './waiting-labels.js';

/** What the line remembers when the slice begins. Immutable: several replays may start from it. */
export interface LineMemory {
  readonly states: readonly Pick<EntityState, 'entityId' | 'bytes'>[];
  readonly evidence: readonly EvidenceCell[];
  readonly fraudCells: ReadonlyMap<string, EvidenceKey>;
  /** Labels known up to then have been applied. */
  readonly labelsUntilMs: number;
}

/** @param labelsUntilMs time of the last transaction that the dataset's activity has seen */
export const memoryOf = ({ activity, fraudCells }: Dataset, labelsUntilMs: number): LineMemory => ({
  states: activity.states(),
  evidence: activity.evidenceDeltas(),
  fraudCells,
  labelsUntilMs,
});

export interface SliceReplay {
  readonly model: ScoringModel;
  readonly memory: LineMemory;
  /** In event order. */
  readonly transactions: readonly Transaction[];
  readonly labels: readonly Label[];
  readonly terms: ScoringTerms;
  /** What decides from this moment of event time on; asked before every batch, and no batch crosses a UTC day. Default: `terms` throughout. */
  readonly termsAt?: (eventMs: number) => Promise<ScoringTerms>;
  /** Rows of a batch at most. Default: 1000. */
  readonly batchRows?: number;
  readonly onRows: (rows: readonly ScoredTransaction[], alerts: readonly Alert[]) => void;
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * A slice of history through the one online line: labels take effect when they become known, everything else is as served.
 *
 * @throws Error when a transaction is refused by its own schema; rejects with the signal's reason when aborted
 */
export const replaySlice = async (replay: SliceReplay): Promise<void> => {
  const { model, memory, transactions } = replay;
  const { schema } = model.featureSet;
  const buckets = schema.entities.slice(1).map((entity) => ({ entityType: entity.name, widthMs: entity.bucketSeconds * 1000 }));
  const store = new MemoryScoringStore(buckets);
  store.seed(memory.states, memory.evidence);
  store.expectLabels(memory.fraudCells);
  const scorer = new LocalScorer(model, replay.terms);
  const parser = transactionParser(schema);
  const line = new OnlineLine(schema, parser, store, scorer);
  const encoder = new TextEncoder();
  const waiting = new WaitingLabels(
    replay.labels.filter((label) => label.knownAtMs > memory.labelsUntilMs).sort((a, b) => a.knownAtMs - b.knownAtMs),
  );

  for (let from = 0; from < transactions.length;) {
    await betweenBatches(replay.signal);
    const firstMs = transactions[from]!.occurredAtMs;
    for (const label of waiting.until(firstMs)) store.applyLabel(label);
    if (replay.termsAt) scorer.use(await replay.termsAt(firstMs));
    const to = waiting.batchEnd(transactions, from, ({ occurredAtMs }) => occurredAtMs, replay.batchRows);
    const records = transactions.slice(from, to).map((t, i) => ({
      bytes: encoder.encode(JSON.stringify(parser.toJson(t))),
      key: t.entities[0] ?? null,
      position: `replay/${from + i}`,
    }));
    const outcome = await scoreTransactions(records, { kind: 'direct', name: 'replay' }, line);
    // A store in memory has no other writer and no offsets.
    if (outcome.result !== 'committed') throw new Error('a replay in memory met another writer');
    if (outcome.deadLetters.length > 0)
      throw new Error(`transaction of the data refused by its own schema: ${outcome.deadLetters[0]!.reason}`);
    replay.onRows(outcome.scored, outcome.alerts);
    from = to;
    replay.onProgress?.(to / transactions.length);
  }
};

/** Lets the message that aborts come through. */
const betweenBatches = async (signal: AbortSignal | undefined): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
};
