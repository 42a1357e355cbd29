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
 * after the other, and ends when it is closed or a task is given up. One that has died is followed by another.
 */
export class DriftThread {
  #running: Running | null = null;
  #isBusy = false;

  readonly run: DriftRunner = async <Task extends DriftTask>(
    task: Task,
    rows: AsyncIterable<readonly ServedRow[]>,
    signal: AbortSignal,
  ): Promise<DriftResult<Task>> => {
    signal.throwIfAborted();
    if (this.#isBusy) throw new Error('the thread of drift has a task: it takes one after the other');
    this.#isBusy = true;
    const answer = await this.#ask(task, rows, signal).finally(() => (this.#isBusy = false));
    if (!answer.ok) throw new InputError(answer.message);
    return answer.result as DriftResult<Task>;
  };

  async close(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    await running?.worker.terminate();
  }

  async #ask(task: DriftTask, rows: AsyncIterable<readonly ServedRow[]>, signal: AbortSignal): Promise<FromDriftWorker> {
    const { worker, ended } = (this.#running ??= this.#start());
    const answered = answerOf(worker, AbortSignal.any([signal, ended]));
    // Heard below, once the rows are through.
    answered.catch(() => undefined);
    const post = (message: ToDriftWorker): void => worker.postMessage(message);
    try {
      for await (const part of rows) {
        signal.throwIfAborted();
        post({ kind: 'rows', rows: part });
      }
      post({ kind: 'task', task });
      return await answered;
    } catch (error) {
      // It may hold rows of this task.
      await this.close();
      throw error;
    }
  }

  #start(): Running {
    const worker = new Worker(new URL('./drift-worker.js', import.meta.url));
    const ended = new AbortController();
    const end = (error: Error): void => {
      ended.abort(error);
      if (this.#running?.worker === worker) this.#running = null;
    };
    worker.on('error', end);
    worker.on('exit', () => end(new Error('the thread of drift ended without an answer')));
    return { worker, ended: ended.signal };
  }
}

interface Running {
  readonly worker: Worker;
  /** Aborted with the reason, also while nobody waits for an answer. */
  readonly ended: AbortSignal;
}

const answerOf = async (worker: Worker, signal: AbortSignal): Promise<FromDriftWorker> => {
  try {
    const [answer] = (await once(worker, 'message', { signal })) as [FromDriftWorker];
    return answer;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
};
