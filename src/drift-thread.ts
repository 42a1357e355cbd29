import { Worker } from 'node:worker_threads';
import { InputError } from './domain/input-error.js';
import type { FromDriftWorker, ToDriftWorker } from './drift-worker.js';
import type { DriftResult, DriftTask, ServedRow } from './training/drift/served-rows.js';

/** Makes something of served rows, which are given piece by piece. @throws InputError as `driftResult` */
export type DriftRunner = <Task extends DriftTask>(
  task: Task,
  rows: AsyncIterable<readonly ServedRow[]>,
  signal: AbortSignal,
) => Promise<DriftResult<Task>>;

/** In a thread that ends with the task: a large day takes a second, and scoring must not wait for it. */
export const driftInThread: DriftRunner = async <Task extends DriftTask>(
  task: Task,
  rows: AsyncIterable<readonly ServedRow[]>,
  signal: AbortSignal,
): Promise<DriftResult<Task>> => {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./drift-worker.js', import.meta.url));
  let abort = (): void => undefined;
  const answered = new Promise<FromDriftWorker>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread of drift ended without an answer')));
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
  });
  // Heard below, once the rows are through.
  answered.catch(() => undefined);
  const post = (message: ToDriftWorker): void => worker.postMessage(message);
  try {
    for await (const part of rows) {
      signal.throwIfAborted();
      post({ kind: 'rows', rows: part });
    }
    post({ kind: 'task', task });
    const answer = await answered;
    if (!answer.ok) throw new InputError(answer.message);
    return answer.result as DriftResult<Task>;
  } finally {
    signal.removeEventListener('abort', abort);
    await worker.terminate();
  }
};
