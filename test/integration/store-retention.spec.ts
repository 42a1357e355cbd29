import type { DataSource } from 'typeorm';
import { retire } from '../../src/store/retention.js';
import { PostgresScoringStore } from '../../src/store/scoring.store.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { batch, row, SCHEMA } from '../support/store-samples.js';

const DAY = 86_400_000;
const at = (iso: string): number => Date.parse(`${iso}T12:00:00Z`);

let postgres: TestPostgres;
let source: DataSource;
let store: PostgresScoringStore;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  store = new PostgresScoringStore(source, SCHEMA);
});
afterAll(() => postgres.stop());

const places = (): Promise<{ place: string; ids: string[] }[]> =>
  source.query(
    `SELECT tableoid::regclass::text AS place, array_agg(id ORDER BY id) AS ids FROM transactions GROUP BY 1 ORDER BY 1`,
  );

test('rows lie in months of event time; times far from the newest, or of no such year, lie together', async () => {
  await store.commit(batch([row('a', { atMs: at('2026-01-31') }), row('b', { atMs: at('2026-02-01') })]));
  await store.commit(
    batch([row('old', { atMs: at('2001-05-05') }), row('odd', { atMs: Date.UTC(-50, 0) }), row('c', { atMs: at('2026-02-02') })]),
  );
  expect(await places()).toEqual([
    { place: 'transactions_2026_01', ids: ['a'] },
    { place: 'transactions_2026_02', ids: ['b', 'c'] },
    { place: 'transactions_other', ids: ['odd', 'old'] },
  ]);
  // The database is the truth: another process finds the months, and makes one that this one did not know of.
  const other = new PostgresScoringStore(source, SCHEMA);
  await Promise.all([store, other].map((s, i) => s.commit(batch([row(`d${i}`, { atMs: at('2026-03-03') })]))));
  expect((await places())[2]).toEqual({ place: 'transactions_2026_03', ids: ['d0', 'd1'] });
});

test('a month whose rows lie among the others stays there', async () => {
  await store.commit(batch([row('new', { atMs: at('2026-06-01') })]));
  await store.commit(batch([row('old', { atMs: at('2023-01-01') })]));
  await source.query('DELETE FROM day_counts');
  const other = new PostgresScoringStore(source, SCHEMA);
  expect(await other.commit(batch([row('old2', { atMs: at('2023-01-02') })]))).toBe('committed');
  expect((await places()).at(-1)).toEqual({ place: 'transactions_other', ids: ['old', 'old2'] });
});

test('a month that cannot have its own place at once because somebody reads for long does not wait', async () => {
  await store.commit(batch([row('a', { atMs: at('2026-01-31') })]));
  const reader = source.createQueryRunner();
  await reader.startTransaction();
  await reader.query('SELECT count(*) FROM transactions');
  expect(await store.commit(batch([row('b', { atMs: at('2026-02-01') })]))).toBe('committed');
  expect(await store.commit(batch([row('c', { atMs: at('2026-02-02') })]))).toBe('committed');
  await reader.rollbackTransaction();
  await reader.release();
  expect((await places()).at(-1)).toEqual({ place: 'transactions_other', ids: ['b', 'c'] });
});

test('retention drops months, ids, cells, published messages and dead letters, and nothing that is younger', async () => {
  const days = { transactions: 60, evidence: 100, shadow: 14, published: 7, deadLetters: 30, trainingEvents: 30 };
  const times = ['2026-01-01', '2026-02-10', '2026-03-20', '2026-05-01'];
  const zeros = new Float64Array(times.length);
  const shadows = [{ version: 'm2', scores: { S: zeros, T: zeros, H: zeros, D: zeros }, decided: null }];
  await store.commit(
    batch(
      times.map((day) => row(day, { atMs: at(day), outcome: day === '2026-05-01' ? 'review' : 'approve' })),
      { shadows },
    ),
  );
  await store.commit(batch([row('ancient', { atMs: at('2001-01-01') })]));
  const record = { bytes: Buffer.from('x'), key: null, position: 'x/0/1' };
  await store.commit(batch([], { deadLetters: [{ record, reason: 'r' }] }));
  const count = async (table: string): Promise<number> =>
    (await source.query<{ n: number }[]>(`SELECT count(*)::int AS n FROM ${table}`))[0]!.n;
  await source.query(`UPDATE outbox SET published_at = now() WHERE kind = 'alert'`);
  const now = Date.now();
  const first = await retire(source, days, now);
  expect(first.partitions).toEqual(['transactions_2026_01', 'transactions_2026_02']);
  expect((await places()).flatMap(({ ids }) => ids)).toEqual(['2026-03-20', '2026-05-01']);
  expect(await source.query('SELECT id FROM transaction_ids ORDER BY id')).toEqual([{ id: '2026-03-20' }, { id: '2026-05-01' }]);
  expect(await count('evidence_cells')).toBe(2 * 3);
  expect(await source.query('SELECT transaction_id AS id FROM shadow_scores')).toEqual([{ id: '2026-05-01' }]);
  expect(await count('outbox')).toBe(2);
  // The dead letter is old, but not published yet: its message needs its bytes.
  await retire(source, days, now + 31 * DAY);
  expect(await count('outbox')).toBe(1);
  expect(await count('dead_letters')).toBe(1);
  await source.query('UPDATE outbox SET published_at = now()');
  await retire(source, days, now + 31 * DAY);
  expect(await count('outbox')).toBe(0);
  expect(await count('dead_letters')).toBe(0);
});
