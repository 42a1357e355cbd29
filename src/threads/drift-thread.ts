import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { InputError } from '../domain/input-error.js';
import type { FromDriftWorker, ToDriftWorker } from './drift-worker.js';
import type { DriftResult, DriftTask, ServedRow } from '../training/drift/served-rows.js';

/** Makes something of served rows, which are given piece by piece. @throws InputError as `driftResult` */
export type DriftRunner = <Task extends DriftTask>(
  task: Task,
  rows: AsyncIterable<readonly ServedRow[]>,
  signal: AbortSignal,
) => Promise<DriftResult<Task>>;

/**
 * The thread of one look: a large day takes a second, and scoring must not wait for it. It starts with the first task, takes one
 * after the other, and ends when it is closed or a task fails.
 */
export class DriftThread {
  #worker: Worker | null = null;
  #isBusy = false;

  readonly run: DriftRunner = async <Task extends DriftTask>(
    task: Task,
    rows: AsyncIterable<readonly ServedRow[]>,
    signal: AbortSignal,
  ): Promise<DriftResult<Task>> => {
    signal.throwIfAborted();
    if (this.#isBusy) throw new Error('the thread of drift has a task: it takes one after the other');
    this.#isBusy = true;
    const worker = (this.#worker ??= new Worker(new URL('./drift-worker.js', import.meta.url)));
    const answered = answerOf(worker, signal);
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
    } catch (error) {
      // It may hold rows of this task.
      await this.close();
      throw error;
    } finally {
      this.#isBusy = false;
    }
  };

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}

const answerOf = async (worker: Worker, signal: AbortSignal): Promise<FromDriftWorker> => {
  const heard = new AbortController();
  const options = { signal: AbortSignal.any([signal, heard.signal]) };
  try {
    // Either rejects when the thread throws.
    return await Promise.race([
      once(worker, 'message', options).then(([answer]) => answer as FromDriftWorker),
      once(worker, 'exit', options).then(() => Promise.reject(new Error('the thread of drift ended without an answer'))),
    ]);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    heard.abort();
  }
};
