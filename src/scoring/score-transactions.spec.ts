import { PlainScorer } from '../../test/support/plain-scorer.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { transactionParser } from '../domain/parse-transaction.js';
import { MemoryScoringStore } from './memory-store.js';
import type { BatchCommit, CommitResult, ScoringResult, ScoringWork } from './ports.js';
import { ContentionError, OnlineLine, scoreTransactions } from './score-transactions.js';

const schema = TransactionSchemaDefinition.parse({
  name: 'line',
  description: 'two columns',
  id: 'id',
  time: { column: 'at', format: 'iso8601' },
  entities: [{ name: 'customer', column: 'customer' }],
  amount: { column: 'amount', currency: 'EUR' },
});

/** Approves everything; its scores are the amounts. */
class AmountScorer extends PlainScorer {
  batches = 0;
  override featureSet = 'one';
  protected override resultOf(work: ScoringWork): ScoringResult {
    this.batches += 1;
    const channel = (score: number) => ({ score, minusLog10P: null });
    return {
      featureSet: 'one',
      rows: work.transactions.map((transaction) => ({
        amountBin: 0,
        scored: {
          transaction,
          features: Float32Array.of(transaction.amountMinor),
          channels: { S: channel(transaction.amountMinor), T: channel(0), H: channel(0), D: channel(0) },
          fused: channel(0),
          fraudProbability: null,
          decision: { outcome: 'approve', bound: 'budget-share', lane: null, thresholdMinusLog10P: 2 },
          late: false,
          versions: { model: 'm', calibration: 'c', policy: 'p', featureSet: 'one' },
        },
      })),
      states: [...new Set(work.transactions.map((t) => t.entities[0]!))].map((entityId) => ({
        entityId,
        version: work.states.find((state) => state.entityId === entityId)?.version ?? 0,
        bytes: Uint8Array.of(1),
      })),
      evidence: [],
      alerts: [],
    };
  }
}

/** Refuses the first commits as another writer's change would. */
class ContestedStore extends MemoryScoringStore {
  constructor(
    private refusals: number,
    private readonly answer: Exclude<CommitResult, 'committed'>,
  ) {
    super([]);
  }
  override commit(commit: BatchCommit): Promise<CommitResult> {
    return this.refusals-- > 0 ? Promise.resolve(this.answer) : super.commit(commit);
  }
}

const message = (id: string, amount = '1.00') => ({ id, at: '2026-01-01T00:00:00Z', customer: 'c1', amount });
const record = (value: unknown, n = 0) => ({
  bytes: new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)),
  key: null,
  position: `test/${n}`,
});
const source = { kind: 'direct', name: 'test' } as const;

const lineOf = (store = new MemoryScoringStore([]), scorer = new AmountScorer()) => ({
  scorer,
  line: new OnlineLine(schema, transactionParser(schema), store, scorer),
});

const run = async (values: readonly unknown[], line: OnlineLine) => {
  const outcome = await scoreTransactions(values.map(record), source, line);
  if (outcome.result !== 'committed') throw new Error(outcome.result);
  return outcome;
};

test('every record ends as exactly one of scored, repeat or dead letter', async () => {
  const { line } = lineOf();
  await run([message('a')], line);
  const outcome = await run([message('a'), message('a', '2.00'), message('b'), message('b'), '{', message('c', '1e3')], line);
  expect(outcome.scored.map((row) => row.transaction.id)).toEqual(['b']);
  expect(outcome.repeats.map((repeat) => repeat.transactionId)).toEqual(['a', 'b']);
  expect(outcome.deadLetters.map((letter) => letter.record.position)).toEqual(['test/4', 'test/5', 'test/1']);
  expect(outcome.deadLetters[1]!.reason).toContain('amount');
  expect(outcome.deadLetters[2]!.reason).toContain('other content');
});

test('the same content in another spelling is a repeat', async () => {
  const { line } = lineOf();
  await run([message('a')], line);
  const respelled = { customer: 'c1', amount: '1.0', at: '2026-01-01T01:00:00+01:00', id: 'a' };
  expect((await run([respelled], line)).repeats).toHaveLength(1);
});

test('a batch of nothing but dead letters is committed: its offset moves', async () => {
  const { line } = lineOf();
  const outcome = await run(['nonsense'], line);
  expect(outcome.scored).toHaveLength(0);
  expect(outcome.deadLetters).toHaveLength(1);
});

test('another writer’s change means reading and computing again', async () => {
  const { line, scorer } = lineOf(new ContestedStore(2, 'state-moved'));
  expect((await run([message('a')], line)).scored).toHaveLength(1);
  expect(scorer.batches).toBe(3);
});

test('a moved offset drops the batch', async () => {
  const { line } = lineOf(new ContestedStore(1, 'offset-moved'));
  expect(await scoreTransactions([record(message('a'))], source, line)).toEqual({ result: 'offset-moved' });
});

test('endless contention is an error, not a loss', async () => {
  const { line } = lineOf(new ContestedStore(1000, 'state-moved'));
  await expect(scoreTransactions([record(message('a'))], source, line)).rejects.toThrow(ContentionError);
});

test('a champion of another feature set between reading and scoring is met by reading again', async () => {
  const scorer = new AmountScorer();
  scorer.featureSet = 'old';
  const { line } = lineOf(new MemoryScoringStore([]), scorer);
  const running = run([message('a')], line);
  scorer.featureSet = 'one';
  expect((await running).scored).toHaveLength(1);
  expect(scorer.batches).toBe(2);
});
