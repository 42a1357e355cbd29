import { availableParallelism } from 'node:os';
import { Worker, type Transferable } from 'node:worker_threads';
import type { Calibration } from './domain/calibration.js';
import { EvidenceDirectory, type EvidenceVisit } from './evidence-directory.js';
import { decodeArtifacts } from './models/artifact.js';
import type { FitProgress } from './models/detector.js';
import { Scorer, type ScoringNeeds, type ScoringResult, type ScoringWork } from './scoring/ports.js';
import type { ScoringTerms } from './scoring/score-batch.js';
import type { TensorBackend } from './tensor/backend.js';
import type { FitElsewhere } from './training/fit-channels.js';
import type { RetrainInput } from './training/retrain.js';
import type { Label } from './domain/label.js';
import type { Transaction } from './domain/transaction.js';
import type { FromWorker, Retrained, ToWorker, Trained, TrainInput } from './worker-messages.js';
import { packStates, packTransactions, unpackResult, type PackedResult } from './worker-transfer.js';

/** Batches that wait for a thread before `score` refuses: the doors hold back long before. */
const WAITING_MAX = 64;

type BackendName = TensorBackend['name'];
const silent = (_line: string): void => undefined;

/** What the loaded model's features need. */
type ModelNeeds = Pick<ScoringNeeds, 'featureSet' | 'lookBackMs'>;

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

  constructor(
    backend: BackendName,
    onBroken: (error: Error) => void,
    onNote: (line: string) => void,
    private readonly onChallengerFailed: (version: string, message: string) => void = silent,
  ) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { backend } });
    this.#worker.on('message', (message: FromWorker) => this.#answer(message, onBroken, onNote));
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

  ask<T>(
    build: (id: number) => ToWorker,
    { onProgress, transfer = [] }: { onProgress?: Pending['onProgress']; transfer?: readonly Transferable[] } = {},
  ): Promise<T> {
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, ...(onProgress && { onProgress }) });
      this.#worker.postMessage(build(id), transfer);
    });
  }

  async stop(): Promise<void> {
    this.#worker.removeAllListeners('exit');
    for (const pending of this.#pending.values()) pending.reject(new Error('the worker was stopped'));
    this.#pending.clear();
    await this.#worker.terminate();
  }

  #answer(message: FromWorker, onBroken: (error: Error) => void, onNote: (line: string) => void): void {
    if (message.kind === 'note') return onNote(message.line);
    if (message.kind === 'challenger-failed') return this.onChallengerFailed(message.version, message.message);
    if (message.kind === 'failed' && message.id === null) return onBroken(new Error(message.message));
    const pending = this.#pending.get(message.id!);
    if (!pending) return;
    if (message.kind === 'progress') return pending.onProgress?.(message.step, message.progress);
    this.#pending.delete(message.id!);
    if (message.kind === 'failed') pending.reject(new Error(message.message));
    else pending.resolve(message.result as never);
  }
}

/** Batches enter one after another: each is read while the one before is scored, by what will be kept when its turn comes. */
class ScoringLane {
  readonly directory = new EvidenceDirectory();
  #entering = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly thread: WorkerThread) {}

  get waiting(): number {
    return this.#entering + this.thread.waiting;
  }

  async enter<T>(work: () => Promise<T> | T): Promise<T> {
    this.#entering += 1;
    const entered = this.#last.then(work);
    this.#last = entered.catch(() => undefined);
    try {
      return await entered;
    } finally {
      this.#entering -= 1;
    }
  }
}

/** The served Scorer: a fixed number of threads, each batch to the one with the least to do. */
export class WorkerPool extends Scorer {
  readonly #lanes: readonly ScoringLane[];
  #needs: ModelNeeds | null = null;
  readonly #failedChallengers = new Map<string, string>();

  constructor(threads: number, backend: BackendName, onBroken: (error: Error) => void, onNote = silent) {
    super();
    // All threads note the same: one is heard.
    const threadOf = (index: number) =>
      new WorkerThread(backend, onBroken, index === 0 ? onNote : silent, (version, why) => this.#putAside(version, why));
    this.#lanes = Array.from({ length: threads }, (_, index) => new ScoringLane(threadOf(index)));
  }

  get ready(): boolean {
    return this.#needs !== null;
  }

  /**
   * All threads change at their next batch border, and forget the evidence that they keep.
   *
   * @throws Error when the model cannot be loaded; the one before goes on scoring
   */
  async useModel(artifact: Uint8Array, needs: ModelNeeds, terms: ScoringTerms): Promise<void> {
    await Promise.all(
      this.#lanes.map(async (lane) => {
        const { used } = await lane.enter(() => {
          lane.directory.clear();
          return { used: lane.thread.ask((id) => ({ kind: 'use-model', id, artifact, terms })) };
        });
        await used;
      }),
    );
    this.#needs = needs;
  }

  /** Challengers that threw, and why: no thread asks them any more. */
  get failedChallengers(): ReadonlyMap<string, string> {
    return this.#failedChallengers;
  }

  /**
   * Lets a version score beside the champion, in all threads from their next batch on; each of them loads it between two
   * batches, as it does a champion.
   *
   * @param artifact null: it is loaded, and has another calibration
   * @throws Error when it cannot be loaded; the champion goes on scoring
   */
  async useChallenger(version: string, artifact: Uint8Array | null, calibration: Calibration | null): Promise<void> {
    if (artifact) this.#failedChallengers.delete(version);
    const asked = this.#lanes.map(({ thread }) =>
      thread.ask((id) => ({ kind: 'use-challenger', id, version, artifact, calibration })),
    );
    await Promise.all(asked);
  }

  dropChallenger(version: string): void {
    for (const { thread } of this.#lanes) thread.post({ kind: 'drop-challenger', version });
    this.#failedChallengers.delete(version);
  }

  useTerms(terms: ScoringTerms): void {
    for (const { thread } of this.#lanes) thread.post({ kind: 'use-terms', terms });
  }

  override async score<Work extends ScoringWork>(
    read: (needs: ScoringNeeds) => Promise<Work>,
  ): Promise<{ work: Work; result: ScoringResult }> {
    const lane = this.#lanes.reduce((least, next) => (next.waiting < least.waiting ? next : least));
    if (lane.waiting >= WAITING_MAX) throw new Error(`${lane.waiting} batches wait for a scoring thread already`);
    const { work, scored } = await lane.enter(async () => {
      if (!this.#needs) throw new Error('no model is loaded yet');
      const { featureSet, lookBackMs } = this.#needs;
      const visit = lane.directory.visit(lookBackMs);
      const work = await read({ featureSet, ...visit });
      return { work, scored: this.#post(work, lane.thread, visit) };
    });
    return { work, result: await scored };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map(({ thread }) => thread.stop()));
  }

  #putAside(version: string, why: string): void {
    this.dropChallenger(version);
    this.#failedChallengers.set(version, why);
  }

  async #post(
    { transactions, states, evidence }: ScoringWork,
    thread: WorkerThread,
    visit: EvidenceVisit,
  ): Promise<ScoringResult> {
    const work = {
      transactions: packTransactions(transactions),
      states: packStates(states),
      evidence: visit.deliver(evidence),
    };
    const transfer = [evidence.numbers.buffer, work.transactions.numbers.buffer, work.states.bytes.buffer];
    const packed = await thread.ask<PackedResult>((id) => ({ kind: 'score', id, work }), { transfer });
    return unpackResult(packed, transactions);
  }
}

/** Retrains in a thread of its own, which ends with it; aborting ends it at once. */
export const retrainInThread = (
  input: RetrainInput,
  options: {
    readonly seed: number;
    readonly backend: BackendName;
    readonly onProgress?: (step: string, progress: FitProgress) => void;
    readonly signal?: AbortSignal;
  },
): Promise<Retrained> =>
  withThread(options.backend, options.signal, (thread) =>
    thread.ask<Retrained>((id) => ({ kind: 'retrain', id, input, seed: options.seed }), options),
  );

export interface HistoryPart {
  readonly transactions: readonly Transaction[];
  readonly labels: readonly Label[];
}

/** Trains and judges a candidate in a thread of its own, which is given the history piece by piece and ends with the work. */
export const trainInThread = (
  history: AsyncIterable<HistoryPart>,
  /** Asked once the history is through: the ranges are known then. */
  inputOf: () => TrainInput,
  options: {
    readonly seed: number;
    readonly backend: BackendName;
    readonly onProgress?: (step: string, progress: FitProgress) => void;
    readonly signal?: AbortSignal;
  },
): Promise<Trained> =>
  withThread(options.backend, options.signal, async (thread) => {
    for await (const { transactions, labels } of history) {
      options.signal?.throwIfAborted();
      thread.post({ kind: 'history', transactions, labels });
    }
    return thread.ask<Trained>((id) => ({ kind: 'train', id, input: inputOf(), seed: options.seed }), options);
  });

/** For a training run of that seed: fits in a thread of their own where there is a second core. */
export const secondThread = (seed: number, backend: BackendName): { readonly fitElsewhere?: FitElsewhere } =>
  availableParallelism() < 2
    ? {}
    : {
        fitElsewhere: async (task, { onProgress, signal }) => {
          const bytes = await withThread(backend, signal, (thread) =>
            thread.ask<Uint8Array>(
              (id) => ({ kind: 'fit', id, task, seed }),
              onProgress ? { onProgress: (_step, progress) => onProgress(progress) } : {},
            ),
          );
          return decodeArtifacts(bytes).artifacts['fitted']!;
        },
      };

/** Work in a thread that ends with it; aborting ends it at once, and rejects with the signal's reason. */
const withThread = async <T>(
  backend: BackendName,
  signal: AbortSignal | undefined,
  work: (thread: WorkerThread) => Promise<T>,
): Promise<T> => {
  signal?.throwIfAborted();
  const thread = new WorkerThread(backend, () => undefined, silent);
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
