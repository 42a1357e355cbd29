import { createHash } from 'node:crypto';
import type { HistoryStore } from './store/history.store.js';
import type { HistoryPart } from './threads/training-thread.js';

/** What was read, known once the history is through. */
export interface HistoryRead {
  rows: number;
  frauds: number;
  fromMs: number;
  /** SHA-256 over every transaction and label in order: the same hash means the same data. */
  hash: string;
}

/**
 * Streams stored transactions with the labels known by then, in event order. Memory here is one chunk.
 *
 * @param onRows called after each chunk
 */
export async function* readTrainingHistory(
  store: HistoryStore,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  read: HistoryRead,
  onRows: (rows: number, lastMs: number) => void,
): AsyncGenerator<HistoryPart> {
  const hash = createHash('sha256');
  for await (const chunk of store.history(fromMs, toMs)) {
    const transactions = chunk.map(({ transaction }) => transaction);
    const labels = chunk.flatMap((row) => row.labels).filter((label) => label.knownAtMs <= toMs);
    hash.update(JSON.stringify([transactions, labels]));
    if (read.rows === 0) read.fromMs = transactions[0]!.occurredAtMs;
    read.rows += transactions.length;
    read.frauds += new Set(labels.filter((label) => label.isFraud).map((label) => label.transactionId)).size;
    onRows(read.rows, transactions.at(-1)!.occurredAtMs);
    yield { transactions, labels };
  }
  read.hash = hash.digest('hex');
}
