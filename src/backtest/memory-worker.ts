import { parentPort } from 'node:worker_threads';
import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import { giveWay } from '../threads/give-way.js';
import { readFeatureSet } from '../scoring/scoring-model.js';
import { HistoryMemory, type MemoryPart } from '../training/history-memory.js';

/** What the thread is told, one answer each. */
export type ToMemoryWorker =
  | { readonly kind: 'begin'; readonly artifact: Uint8Array; readonly labels: readonly Label[] }
  | { readonly kind: 'learn'; readonly transactions: readonly Transaction[] }
  /** The next piece of what is remembered; null after the last. */
  | { readonly kind: 'part' };

export type FromMemoryWorker =
  { readonly ok: true; readonly part: MemoryPart | null } | { readonly ok: false; readonly message: string };

/** The thread that learns a history: it sees no database. */
const port = parentPort!;
let memory: HistoryMemory | null = null;
let parts: Iterator<MemoryPart> | null = null;
giveWay();

const answer = (message: ToMemoryWorker): MemoryPart | null => {
  if (message.kind === 'begin') memory = new HistoryMemory(readFeatureSet(message.artifact), message.labels);
  if (message.kind === 'learn') memory!.learn(message.transactions);
  if (message.kind !== 'part') return null;
  parts ??= memory!.parts();
  const { value, done } = parts.next() as IteratorResult<MemoryPart, undefined>;
  return done ? null : value;
};

port.on('message', (message: ToMemoryWorker) => {
  const answered = (): FromMemoryWorker => {
    try {
      return { ok: true, part: answer(message) };
    } catch (error) {
      return { ok: false, message: (error as Error).message };
    }
  };
  port.postMessage(answered());
});
