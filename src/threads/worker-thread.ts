import { Worker, type Transferable } from 'node:worker_threads';
import type { FitProgress } from '../models/detector.js';
import type { TensorBackend } from '../tensor/backend.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

export type BackendName = TensorBackend['name'];

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress?: (step: string, progress: FitProgress) => void;
}

/** One worker thread with its unanswered requests. It never restarts by itself: a dead thread is a broken invariant. */
export class WorkerThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  /** Why it answers no more. */
  #ended: Error | null = null;

  constructor(
    backend: BackendName,
    onBroken: (error: Error) => void,
    onNote: (line: string) => void,
    private readonly onChallengerFailed: (version: string, message: string) => void = () => undefined,
  ) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { backend } });
    this.#worker.on('message', (message: FromWorker) => this.#answer(message, onBroken, onNote));
    const broken = (error: Error): void => {
      if (this.#end(error)) onBroken(error);
    };
    this.#worker.on('error', broken);
    this.#worker.on('exit', (code) => broken(new Error(`the thread ended with code ${code}`)));
  }

  get waiting(): number {
    return this.#pending.size;
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** Rejects once the thread has ended, whenever it is asked. */
  ask<T>(
    build: (id: number) => ToWorker,
    { onProgress, transfer = [] }: { onProgress?: Pending['onProgress']; transfer?: readonly Transferable[] } = {},
  ): Promise<T> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, ...(onProgress && { onProgress }) });
      this.#worker.postMessage(build(id), transfer);
    });
  }

  async stop(): Promise<void> {
    this.#end(new Error('the worker was stopped'));
    await this.#worker.terminate();
  }

  /** Whether it had not ended before. */
  #end(error: Error): boolean {
    if (this.#ended) return false;
    this.#ended = error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    return true;
  }

  #answer(message: FromWorker, onBroken: (error: Error) => void, onNote: (line: string) => void): void {
    if (message.kind === 'note') return onNote(message.line);
    if (message.kind === 'challenger-failed') return this.onChallengerFailed(message.version, message.message);
    if (message.kind === 'failed' && message.id === null) return onBroken(errorOf(message));
    const pending = this.#pending.get(message.id!);
    if (!pending) return;
    if (message.kind === 'progress') return pending.onProgress?.(message.step, message.progress);
    this.#pending.delete(message.id!);
    if (message.kind === 'failed') pending.reject(errorOf(message));
    else pending.resolve(message.result as never);
  }
}

/** The thread's error with the thread's stack. */
const errorOf = ({ message, stack }: { readonly message: string; readonly stack: string }): Error =>
  Object.assign(new Error(message), { stack });

/** Work in a thread that ends with it; aborting ends it at once, and rejects with the signal's reason. */
export const withThread = async <T>(
  backend: BackendName,
  signal: AbortSignal | undefined,
  work: (thread: WorkerThread) => Promise<T>,
): Promise<T> => {
  signal?.throwIfAborted();
  const thread = new WorkerThread(
    backend,
    () => undefined,
    () => undefined,
  );
  const abort = (): void => void thread.stop();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await work(thread);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    await thread.stop();
  }
};
