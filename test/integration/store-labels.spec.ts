import type { DataSource } from 'typeorm';
import type { Label } from '../../src/domain/label.js';
import { HistoryStore } from '../../src/store/history.store.js';
import { LabelStore } from '../../src/store/label.store.js';
import { PostgresScoringStore } from '../../src/store/scoring.store.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { batch, row, SCHEMA, T0 } from '../support/store-samples.js';

let postgres: TestPostgres;
let source: DataSource;
let store: PostgresScoringStore;
let labels: LabelStore;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource(12);
  store = new PostgresScoringStore(source, SCHEMA);
  labels = new LabelStore(source, SCHEMA);
});
afterAll(() => postgres.stop());

const label = (transactionId: string, isFraud: boolean, knownAtMs = T0 + 1000, labelSource = 'chargeback'): Label => ({
  transactionId,
  isFraud,
  type: isFraud ? 'stolen' : null,
  source: labelSource,
  knownAtMs,
});
/** Known frauds and transactions over all cells of the terminals; the cards' cells must agree. */
const counted = async (): Promise<{ n: number; frauds: number }> => {
  const sums = await source.query<{ n: number; frauds: number }[]>(
    `SELECT entity_type, sum(n)::int AS n, sum(n_fraud)::int AS frauds FROM evidence_cells GROUP BY 1 ORDER BY 1`,
  );
  expect({ ...sums[0], entity_type: '' }).toEqual({ ...sums[1], entity_type: '' });
  return { n: sums[0]!.n, frauds: sums[0]!.frauds };
};

it('counts a fraud once, takes it back when it is withdrawn, and never counts a repeat', async () => {
  await store.commit(batch([row('a'), row('b'), row('c', { bin: 5 })]));
  expect(await labels.append([label('a', true), label('c', true), label('b', false)])).toEqual({
    stored: 3,
    unknown: 0,
    unchanged: 0,
  });
  expect(await counted()).toEqual({ n: 3, frauds: 2 });
  expect(await labels.append([label('a', true), label('a', true, T0 + 2000)])).toEqual({ stored: 1, unknown: 0, unchanged: 1 });
  expect(await counted()).toEqual({ n: 3, frauds: 2 });
  // Withdrawn, then a label that was known earlier arrives late: the newest knowledge stands.
  await labels.append([label('a', false, T0 + 3000)]);
  await labels.append([label('a', true, T0 + 2500, 'analyst')]);
  expect(await counted()).toEqual({ n: 3, frauds: 1 });
  expect(await source.query(`SELECT bin FROM evidence_cells WHERE n_fraud = 1`)).toEqual([{ bin: 5 }, { bin: 5 }]);
});

it('keeps labels that are faster than their transaction, and applies them when it comes', async () => {
  expect(await labels.append([label('a', true), label('b', true), label('b', false, T0 + 5000)])).toEqual({
    stored: 3,
    unknown: 3,
    unchanged: 0,
  });
  await store.commit(batch([row('a'), row('b'), row('c')]));
  expect(await counted()).toEqual({ n: 3, frauds: 1 });
  await labels.append([label('a', false, T0 + 9000)]);
  expect(await counted()).toEqual({ n: 3, frauds: 0 });
});

it('misses no label that is committed at the same moment as its transaction', async () => {
  const ids = Array.from({ length: 60 }, (_, i) => `id${i}`);
  await Promise.all(ids.flatMap((id) => [store.commit(batch([row(id)])), labels.append([label(id, true)])]));
  expect(await counted()).toEqual({ n: 60, frauds: 60 });
});

it('adds no cell for a transaction that was not learned from', async () => {
  await store.commit(batch([row('late')], { evidence: [] }));
  await labels.append([label('late', true)]);
  expect(await source.query('SELECT * FROM evidence_cells')).toEqual([]);
});

it('answers what was known at a time', async () => {
  await labels.append([label('a', false, T0 + 2000), label('a', true, T0 + 1000), label('b', true, T0 + 9000)]);
  const known = await labels.asOf(['a', 'b'], T0 + 2000);
  expect([...known]).toEqual([['a', [label('a', true, T0 + 1000), label('a', false, T0 + 2000)]]]);
});

it('never changes a stored label', async () => {
  await labels.append([label('a', true)]);
  await expect(source.query('UPDATE labels SET is_fraud = false')).rejects.toThrow('rows of labels never change');
});

it('streams history with labels in event-time order, in chunks', async () => {
  const times = [5, 1, 3, 3, 2, 9];
  await store.commit(batch(times.map((at, i) => row(`r${i}`, { atMs: T0 + at }))));
  await labels.append([label('r2', true), label('r2', false, T0 + 7000)]);
  const chunks: string[][] = [];
  const history = new HistoryStore(source);
  for await (const rows of history.history(T0 + 1, T0 + 9, 2)) {
    chunks.push(rows.map((r) => r.transaction.id));
    const labelled = rows.find((r) => r.transaction.id === 'r2');
    if (labelled) expect(labelled.labels.map((l) => l.isFraud)).toEqual([true, false]);
  }
  expect(chunks).toEqual([['r1', 'r4'], ['r2', 'r3'], ['r0']]);
  await expect(history.history(0, 1, 0).next()).rejects.toThrow('chunk: 0 is not an integer from 1 to 50000');
});
