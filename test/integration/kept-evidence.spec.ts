import { AsyncLocalStorage } from 'node:async_hooks';
import * as threads from 'node:worker_threads';
import { jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { EvidenceColumns } from '../../src/domain/evidence-columns.js';
import { transactionParser } from '../../src/domain/parse-transaction.js';
import type { Policy } from '../../src/domain/decision.js';
import { createRandom } from '../../src/domain/random.js';
import { deliverOnce } from '../../src/features/evidence-memory.js';
import {
  type BatchCommit,
  type BatchKeys,
  type BatchMemory,
  Scorer,
  type ScoringNeeds,
  type ScoringResult,
  ScoringStore,
  type ScoringWork,
} from '../../src/scoring/ports.js';
import { scoreBatch } from '../../src/scoring/score-batch.js';
import { OnlineLine, scoreTransactions } from '../../src/scoring/score-transactions.js';
import { saveScoringModel } from '../../src/scoring/scoring-model.js';
import { LabelStore } from '../../src/store/label.store.js';
import { PostgresScoringStore } from '../../src/store/scoring.store.js';
import { DAY, HOUR, ORACLE_FEATURES, ORACLE_SCHEMA, START_MS } from '../support/feature-oracle.js';
import { ORACLE_MODEL } from '../support/late-stream.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

// A thread runs the built program.
jest.unstable_mockModule('node:worker_threads', () => ({
  ...threads,
  Worker: class extends threads.Worker {
    constructor(_url: URL, options: threads.WorkerOptions) {
      super(new URL('../../dist/src/threads/worker.js', import.meta.url), options);
    }
  },
}));
const { WorkerPool } = await import('../../src/threads/worker-pool.js');

const parser = transactionParser(ORACLE_SCHEMA);
const terms = { calibration: null, policy: { version: 'p' } as Policy };

/** Reads each batch twice in one snapshot: as asked, and everything. */
class TwiceRead extends ScoringStore {
  readonly whole = new WeakMap<EvidenceColumns, EvidenceColumns>();
  readonly met = { kept: 0, revised: 0, frontiers: new Set<number>() };
  readonly #snapshot = new AsyncLocalStorage<Pick<DataSource, 'query'>>();
  readonly #inner: PostgresScoringStore;

  constructor(private readonly source: DataSource) {
    super();
    const snapshot = this.#snapshot;
    const reads = {
      query: (...query: Parameters<DataSource['query']>) => (snapshot.getStore() ?? source).query(...query),
    };
    this.#inner = new PostgresScoringStore(Object.setPrototypeOf(reads, source) as DataSource, ORACLE_SCHEMA);
  }

  override async read(keys: BatchKeys): Promise<BatchMemory> {
    const runner = this.source.createQueryRunner();
    try {
      await runner.startTransaction('REPEATABLE READ');
      return await this.#snapshot.run(runner as Pick<DataSource, 'query'>, async () => {
        const asked = await this.#inner.read(keys);
        const nothing = keys.evidence.map((wanted) => ({ ...wanted, kept: null }));
        const { evidence } = await this.#inner.read({ ...keys, evidence: nothing, settledBeforeMs: -Infinity });
        this.whole.set(asked.evidence, evidence);
        this.#count(keys, asked.evidence);
        return asked;
      });
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  }

  override commit(commit: BatchCommit) {
    return this.#inner.commit(commit);
  }

  #count({ evidence }: BatchKeys, { runs, frozenBeforeMs }: EvidenceColumns): void {
    this.met.frontiers.add(frozenBeforeMs);
    runs.forEach(({ isWhole }, i) => {
      if (evidence[i]!.kept !== null) this.met[isWhole ? 'revised' : 'kept'] += 1;
    });
  }
}

/** The pool beside a computation from everything, which keeps nothing. */
class ComparingScorer extends Scorer {
  batches = 0;
  readonly different: string[] = [];
  constructor(
    private readonly pool: Scorer,
    private readonly store: TwiceRead,
  ) {
    super();
  }

  override async score<Work extends ScoringWork>(
    read: (needs: ScoringNeeds) => Promise<Work>,
  ): Promise<{ work: Work; result: ScoringResult }> {
    const { work, result } = await this.pool.score(read);
    const whole = deliverOnce(this.store.whole.get(work.evidence)!);
    const expected = scoreBatch({ transactions: work.transactions, states: work.states, evidence: whole }, ORACLE_MODEL, terms);
    this.batches += 1;
    if (text(result) !== text(expected)) this.different.push(work.transactions[0]?.id ?? '');
    return { work, result };
  }
}

/** Every bit of the features and all that is to be added. */
const text = ({ rows, evidence }: ScoringResult): string =>
  JSON.stringify([
    rows.map(({ scored, amountBin }) => [
      amountBin,
      Buffer.from(new Uint8Array(scored.features.buffer, scored.features.byteOffset, scored.features.byteLength)).toString('hex'),
    ]),
    evidence,
  ]);

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());

/**
 * Consumers that write to the same shops at once, one of them days behind, with late events; labels that are given and
 * withdrawn; models that change. All by one seed, but for who comes first.
 */
const live = async (source: DataSource, rounds: number, seed: number) => {
  const random = createRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[random.integer(from.length)]!;
  const store = new TwiceRead(source);
  const broken: Error[] = [];
  const pool = new WorkerPool(2, 'reference', (error) => broken.push(error));
  const useModel = () =>
    pool.useModel(
      saveScoringModel(ORACLE_MODEL),
      { featureSet: ORACLE_FEATURES.id, lookBackMs: ORACLE_FEATURES.lookBackMs },
      terms,
    );
  await useModel();
  const scorer = new ComparingScorer(pool, store);
  const line = new OnlineLine(ORACLE_SCHEMA, parser, store, scorer);
  const labels = new LabelStore(source, ORACLE_SCHEMA);
  const committed: string[] = [];
  let clockMs = START_MS;

  const batch = async (consumer: number, round: number): Promise<void> => {
    clockMs += random.integer(8) * HOUR;
    const atMs = clockMs - (consumer === 2 ? 4 * DAY : 0);
    const records = Array.from({ length: 1 + random.integer(8) }, (_, i) => {
      const behindMs = random.uniform() < 0.03 ? random.integer(25) * DAY : random.integer(3 * HOUR);
      const transaction = {
        id: `${consumer}-${round}-${i}`,
        occurredAtMs: 1000 * Math.floor((atMs - behindMs) / 1000),
        entities: [
          // Rarely another's: that batch is computed again.
          `c${random.uniform() < 0.005 ? 0 : consumer}-${random.integer(3)}`,
          `s${random.integer(12)}`,
          `d${random.integer(9)}`,
        ],
        amountMinor: 1 + random.integer(100_000),
        currency: 'EUR',
        numeric: [NaN],
        categorical: [pick(['food', 'fun', null])],
      };
      return { bytes: Buffer.from(JSON.stringify(parser.toJson(transaction))), key: null, position: transaction.id };
    });
    const outcome = await scoreTransactions(records, { kind: 'direct', name: 'test' }, line);
    if (outcome.result !== 'committed' || outcome.deadLetters.length > 0) throw new Error(JSON.stringify(outcome));
    committed.push(...outcome.scored.map(({ transaction }) => transaction.id));
  };
  const label = async (): Promise<void> => {
    if (committed.length === 0) return;
    const transactionId = random.uniform() < 0.7 ? pick(committed.slice(-200)) : pick(committed);
    const isFraud = random.uniform() < 0.7;
    await labels.append([{ transactionId, isFraud, type: null, source: 'test', knownAtMs: clockMs + committed.length }]);
  };
  const repeatedly = async (step: (round: number) => Promise<void>): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) await step(round);
  };
  try {
    await Promise.all([
      ...[0, 1, 2].map((consumer) => repeatedly((round) => batch(consumer, round))),
      repeatedly(label),
      repeatedly((round) => (round % 100 === 99 ? useModel() : Promise.resolve())),
    ]);
  } finally {
    await pool.stop();
  }
  expect(broken).toEqual([]);
  return { ...store.met, batches: scorer.batches, different: scorer.different };
};

it('features of what threads keep are those of reading everything, to the bit, whatever happens at the same time', async () => {
  const { batches, kept, revised, frontiers, different } = await live(await postgres.createDataSource(), 500, 1);
  expect(different).toEqual([]);
  expect(batches).toBeGreaterThanOrEqual(1500);
  // Evidence was kept, was taken back, and the frontier moved: the comparison is no empty one.
  expect(kept).toBeGreaterThan(2000);
  expect(revised).toBeGreaterThan(100);
  expect(frontiers.size).toBeGreaterThan(20);
}, 240_000);

it('and would differ if changes of frozen cells raised no revision', async () => {
  const source = await postgres.createDataSource();
  await source.query('ALTER TABLE evidence_cells DISABLE TRIGGER USER');
  expect((await live(source, 120, 2)).different.length).toBeGreaterThan(10);
}, 120_000);
