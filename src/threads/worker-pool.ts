import type { Calibration } from '../domain/calibration.js';
import { EvidenceDirectory, type EvidenceVisit } from './evidence-directory.js';
import { Scorer, type ScoringNeeds, type ScoringResult, type ScoringWork } from '../scoring/ports.js';
import type { ScoringTerms } from '../scoring/score-batch.js';
import { WorkerThread, type BackendName } from './worker-thread.js';
import { packStates, packTransactions, unpackResult, type PackedResult } from './worker-transfer.js';

/** Batches that wait for a thread before `score` refuses: the doors hold back long before. */
const WAITING_MAX = 64;

const silent = (_line: string): void => undefined;

/** What the loaded model's features need. */
type ModelNeeds = Pick<ScoringNeeds, 'featureSet' | 'lookBackMs'>;

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
