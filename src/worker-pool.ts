import { Worker } from 'node:worker_threads';
import { EvidenceColumns } from './domain/evidence-columns.js';
import type { FitProgress } from './models/detector.js';
import { Scorer, type ScoringResult, type ScoringWork } from './scoring/ports.js';
import type { ScoringTerms } from './scoring/score-batch.js';
import type { RetrainInput } from './training/retrain.js';
import type { FromWorker, Retrained, ToWorker } from './worker-messages.js';

/** Batches that wait for a thread before `score` refuses: the doors hold back long before. */
const WAITING_MAX = 64;

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress?: (step: string, progress: FitProgress) => void;
}

/** One worker thread with its unanswered requests. It never restarts by itself: a dead thread is a broken invariant. */
class WorkerThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  constructor(backend: 'simd' | 'reference', onBroken: (error: Error) => void) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { backend } });
    this.#worker.on('message', (message: FromWorker) => this.#answer(message, onBroken));
    const broken = (error: Error): void => {
      for (const pending of this.#pending.values()) pending.reject(error);
      this.#pending.clear();
      onBroken(error);
    };
    this.#worker.on('error', broken);
    this.#worker.on('exit', (code) => {
      if (this.#pending.size > 0 || code !== 0) broken(new Error(`scoring thread ended with code ${code}`));
    });
  }

  get waiting(): number {
    return this.#pending.size;
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  ask<T>(build: (id: number) => ToWorker, onProgress?: Pending['onProgress']): Promise<T> {
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, ...(onProgress && { onProgress }) });
      this.#worker.postMessage(build(id));
    });
  }

  async stop(): Promise<void> {
    this.#worker.removeAllListeners('exit');
    for (const pending of this.#pending.values()) pending.reject(new Error('the worker was stopped'));
    this.#pending.clear();
    await this.#worker.terminate();
  }

  #answer(message: FromWorker, onBroken: (error: Error) => void): void {
    if (message.kind === 'failed' && message.id === null) return onBroken(new Error(message.message));
    const pending = this.#pending.get(message.id!);
    if (!pending) return;
    if (message.kind === 'progress') return pending.onProgress?.(message.step, message.progress);
    this.#pending.delete(message.id!);
    if (message.kind === 'failed') pending.reject(new Error(message.message));
    else pending.resolve(message.result as never);
  }
}

/** The served Scorer: a fixed number of threads, each batch to the one with the least to do. */
export class WorkerPool extends Scorer {
  readonly #threads: readonly WorkerThread[];
  #needs: Scorer['needs'] | null = null;

  constructor(threads: number, backend: 'simd' | 'reference', onBroken: (error: Error) => void) {
    super();
    this.#threads = Array.from({ length: threads }, () => new WorkerThread(backend, onBroken));
  }

  override get needs(): Scorer['needs'] {
    if (!this.#needs) throw new Error('no model is loaded yet');
    return this.#needs;
  }

  get ready(): boolean {
    return this.#needs !== null;
  }

  /**
   * All threads change at their next batch border.
   *
   * @throws Error when the model cannot be loaded; the one before goes on scoring
   */
  async useModel(artifact: Uint8Array, needs: Scorer['needs'], terms: ScoringTerms): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.ask((id) => ({ kind: 'use-model', id, artifact, terms }))));
    this.#needs = needs;
  }

  useTerms(terms: ScoringTerms): void {
    for (const thread of this.#threads) thread.post({ kind: 'use-terms', terms });
  }

  override score(work: ScoringWork): Promise<ScoringResult> {
    const thread = this.#threads.reduce((least, next) => (next.waiting < least.waiting ? next : least));
    if (thread.waiting >= WAITING_MAX)
      return Promise.reject(new Error(`${thread.waiting} batches wait for a scoring thread already`));
    const transfer = { ...work, evidence: EvidenceColumns.of(work.evidence) };
    return thread.ask((id) => ({ kind: 'score', id, work: transfer }));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }
}

/** Retrains in a thread of its own, which ends with it; aborting ends it at once. */
export const retrainInThread = async (
  input: RetrainInput,
  options: {
    readonly seed: number;
    readonly backend: 'simd' | 'reference';
    readonly onProgress?: (step: string, progress: FitProgress) => void;
    readonly signal?: AbortSignal;
  },
): Promise<Retrained> => {
  const thread = new WorkerThread(options.backend, () => undefined);
  const abort = (): void => void thread.stop();
  options.signal?.throwIfAborted();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    return await thread.ask<Retrained>((id) => ({ kind: 'retrain', id, input, seed: options.seed }), options.onProgress);
  } finally {
    options.signal?.removeEventListener('abort', abort);
    await thread.stop();
  }
};
