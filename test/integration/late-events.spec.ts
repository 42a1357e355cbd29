import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { EvidenceDirectory } from '../../src/threads/evidence-directory.js';
import { EvidenceMemory } from '../../src/features/evidence-memory.js';
import { Scorer, type ScoringNeeds, type ScoringWork } from '../../src/scoring/ports.js';
import { scoreBatch } from '../../src/scoring/score-batch.js';
import { LabelStore } from '../../src/store/label.store.js';
import { PostgresScoringStore } from '../../src/store/scoring.store.js';
import { DAY, ORACLE_SCHEMA, START_MS } from '../support/feature-oracle.js';
import {
  expectOracle,
  ORACLE_MODEL,
  ORACLE_TERMS,
  scoreStream,
  streams,
  transactionsIn,
  type Step,
} from '../support/late-stream.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

let postgres: TestPostgres;
let source: DataSource;
beforeAll(async () => {
  postgres = await startTestPostgres();
  source = await postgres.createDataSource();
});
afterAll(() => postgres.stop());

/** As the service's threads do it: each keeps the old evidence of the batches it scored. */
class KeepingScorer extends Scorer {
  readonly #threads = [0, 1].map(() => ({ directory: new EvidenceDirectory(), memory: new EvidenceMemory() }));
  #batches = 0;
  /** Entities whose old cells were at hand and still right. */
  continued = 0;

  override async score<Work extends ScoringWork>(read: (needs: ScoringNeeds) => Promise<Work>) {
    const { directory, memory } = this.#threads[this.#batches++ % 2]!;
    const { id: featureSet, lookBackMs } = ORACLE_MODEL.featureSet;
    const visit = directory.visit(lookBackMs);
    const work = await read({ featureSet, ...visit });
    this.continued += work.evidence.runs.filter(({ isWhole }) => !isWhole).length;
    const delivered = { ...work, evidence: visit.deliver(work.evidence) };
    return { work, result: scoreBatch(delivered, ORACLE_MODEL, ORACLE_TERMS, memory) };
  }
}

/** Ids and a year of its own for every stream: one database serves them all, and what is old for it only ever moves on. */
const apart = (steps: readonly Step[], n: number): readonly Step[] =>
  steps.map((step): Step => {
    if (step.kind === 'label') return { ...step, label: { ...step.label, transactionId: `${n}/${step.label.transactionId}` } };
    const { id, occurredAtMs, entities } = step.transaction;
    return {
      ...step,
      transaction: {
        ...step.transaction,
        occurredAtMs: occurredAtMs + 400 * n * DAY,
        id: `${n}/${id}`,
        entities: entities.map((entity) => `${n}/${entity}`),
      },
    };
  });

it('the rule for late events and labels holds over PostgreSQL: every feature is the oracle’s, also where an old label comes last', async () => {
  const store = new PostgresScoringStore(source, ORACLE_SCHEMA, { publishes: false });
  const labels = new LabelStore(source, ORACLE_SCHEMA);
  let streamsRun = 0;
  let continued = 0;
  await fc.assert(
    fc.asyncProperty(streams('any'), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (drawn, cuts) => {
      streamsRun += 1;
      const steps = apart(drawn, streamsRun);
      const scorer = new KeepingScorer();
      const rows = await scoreStream(steps, store, (label) => labels.append([label]), { cuts, scorer });
      continued += scorer.continued;
      expectOracle(steps, rows);

      // In the end each learned transaction is in one cell of each of its entities, with what its newest label says.
      const transactions = transactionsIn(steps);
      const frauds = rows.at(-1)!.frauds;
      const learned = transactions.flatMap((t, i) => (rows[i]!.amountBin < 255 ? [t] : []));
      const cells = await source.query<{ id: string; n: number; frauds: number }[]>(
        `SELECT entity_id AS id, sum(n)::int AS n, sum(n_fraud)::int AS frauds FROM evidence_cells
         WHERE entity_id LIKE $1 GROUP BY 1`,
        [`${streamsRun}/%`],
      );
      const isLast = steps.at(-1)!.kind === 'transaction';
      for (const { id, n, frauds: counted } of cells) {
        const here = learned.filter(({ entities }) => entities.includes(id));
        expect(n).toBe(here.length);
        if (isLast) expect(counted).toBe(here.filter((t) => frauds.has(t.id)).length);
      }
    }),
    { numRuns: 30, endOnFailure: true },
  );
  // The threads' memory was used often: the comparison includes it.
  expect(continued).toBeGreaterThan(50);
}, 120_000);

it('of labels known at one time the one stored last counts, before and after their transaction', async () => {
  const labels = new LabelStore(source, ORACLE_SCHEMA);
  const store = new PostgresScoringStore(source, ORACLE_SCHEMA, { publishes: false });
  const said = (isFraud: boolean, by: string): Step => ({
    kind: 'label',
    label: { transactionId: 'tie', isFraud, type: null, source: by, knownAtMs: START_MS },
  });
  const payment = { entities: ['tie-a', 'tie-s', 'tie-d'], amountMinor: 1, currency: 'EUR', numeric: [NaN], categorical: [null] };
  const transaction: Step = { kind: 'transaction', transaction: { id: 'tie', occurredAtMs: START_MS, ...payment } };
  const counted = async (steps: readonly Step[]): Promise<unknown> => {
    await scoreStream(steps, store, (label) => labels.append([label]));
    return source.query(`SELECT n, n_fraud FROM evidence_cells WHERE entity_id = 'tie-s'`);
  };
  expect(await counted([said(false, 'a'), said(true, 'b'), transaction])).toEqual([{ n: 1, n_fraud: 1 }]);
  expect(await counted([said(false, 'c')])).toEqual([{ n: 1, n_fraud: 0 }]);
  expect(await counted([said(true, 'd')])).toEqual([{ n: 1, n_fraud: 1 }]);
});
