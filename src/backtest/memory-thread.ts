import { Worker } from 'node:worker_threads';
import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import type { FromMemoryWorker, ToMemoryWorker } from './memory-worker.js';
import { sendAhead } from '../threads/send-ahead.js';
import type { MemoryPart } from '../training/history-memory.js';

/**
 * What the line remembers after a history by a model's features, piece by piece, computed in a thread that ends with it.
 *
 * @param labels of transactions that are once called fraud, everything that becomes known of them
 */
export async function* rememberInThread(
  artifact: Uint8Array,
  labels: readonly Label[],
  history: AsyncIterable<readonly Transaction[]>,
  signal: AbortSignal,
): AsyncGenerator<MemoryPart> {
  const worker = new Worker(new URL('./memory-worker.js', import.meta.url));
  const ended = new AbortController();
  worker.on('error', (error) => ended.abort(error));
  worker.on('exit', () => ended.abort(new Error('the thread that learns the history ended without an answer')));
  const either = AbortSignal.any([signal, ended.signal]);
  try {
    await ask(worker, { kind: 'begin', artifact, labels }, either);
    await sendAhead(history, (transactions) => ask(worker, { kind: 'learn', transactions }, either));
    for (let part = await ask(worker, { kind: 'part' }, either); part; part = await ask(worker, { kind: 'part' }, either))
      yield part;
  } finally {
    await worker.terminate();
  }
}

/** One question at a time. @throws Error of the thread; rejects with the signal's reason when aborted */
const ask = async (worker: Worker, message: ToMemoryWorker, signal: AbortSignal): Promise<MemoryPart | null> => {
  signal.throwIfAborted();
  let forget = (): void => undefined;
  const answered = new Promise<FromMemoryWorker>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    worker.once('message', resolve);
    signal.addEventListener('abort', abort, { once: true });
    forget = () => {
      worker.off('message', resolve);
      signal.removeEventListener('abort', abort);
    };
  });
  worker.postMessage(message);
  try {
    const answer = await answered;
    if (!answer.ok) throw new Error(answer.message);
    return answer.part;
  } finally {
    forget();
  }
};
