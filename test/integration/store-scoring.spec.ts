import type { DataSource } from 'typeorm';
import type { BatchCommit, Source } from '../../src/scoring/ports.js';
import { HistoryStore } from '../../src/store/history.store.js';
import { PostgresOffsetStore } from '../../src/store/offset.store.js';
import { PostgresScoringStore } from '../../src/store/scoring.store.js';
import { TABLES } from '../../src/store/tables.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { batch, HOUR, row, SCHEMA, T0 } from '../support/store-samples.js';

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

const partition = { group: 'g', topic: 'transactions', partition: 0 };
const kafka = (from: bigint, next: bigint): Source => ({
  kind: 'kafka',
  ...partition,
  fetchedOffset: from,
  nextOffset: next,
});
const state = (entityId: string, version: number, text = `${entityId}@${version}`) => ({
  entityId,
  version,
  bytes: Buffer.from(text),
});
const keys = (more: object = {}) => ({
  featureSet: 'f1',
  transactionIds: [],
  primaryIds: [],
  evidence: [],
  evidenceToMs: 0,
  settledBeforeMs: -Infinity,
  ...more,
});
const contents = async (): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { options } of TABLES)
    counts[options.name] = (await source.query<{ n: number }[]>(`SELECT count(*)::int AS n FROM ${options.name}`))[0]!.n;
  return counts;
};
const fullBatch = (more: Partial<BatchCommit> = {}): BatchCommit =>
  batch([row('a'), row('b', { outcome: 'review' })], {
    states: [state('c1', 0)],
    deadLetters: [
      { record: { bytes: Buffer.from([0, 255, 1]), key: 'k\u0000', position: 'x/0/7' }, reason: 'id: \u0000 \ud800' },
    ],
    repeats: [
      { transactionId: 'old', position: 'x/0/8' },
      { transactionId: 'old', position: 'x/0/9' },
    ],
    ...more,
  });

describe('a batch', () => {
  it('is stored whole and read back to the bit', async () => {
    expect(await store.commit(fullBatch())).toBe('committed');
    const memory = await store.read(
      keys({
        transactionIds: ['a', 'b', 'z'],
        primaryIds: ['c1', 'c2'],
        evidence: ['t1', 't9'].map((entityId) => ({ entityType: 'terminal', entityId, fromMs: T0 - HOUR, kept: null })),
        evidenceToMs: T0,
      }),
    );
    expect([...memory.known]).toEqual([
      ['a', row('a').contentHash],
      ['b', row('b').contentHash],
    ]);
    expect(memory.states).toEqual([state('c1', 1, 'c1@0')]);
    expect([...memory.evidence]).toEqual([
      { entityType: 'terminal', entityId: 't1', bucketMs: T0 - (T0 % HOUR), bin: 3, n: 2, nFraud: 0 },
    ]);
    const [history] = await toArray(new HistoryStore(source).history(T0, T0 + 1, 10));
    const { scored, amountBin } = row('a');
    expect(history?.[0]).toEqual({
      transaction: scored.transaction,
      featureSet: 'f1',
      features: scored.features,
      amountBin,
      labels: [],
    });
    expect(await contents()).toMatchObject({ alerts: 1, outbox: 2, dead_letters: 1, repeats: 1, day_counts: 1 });
    expect(await source.query('SELECT count, last_position FROM repeats')).toEqual([{ count: '2', last_position: 'x/0/9' }]);
  });

  it('reads evidence only inside [from, to)', async () => {
    await store.commit(batch([row('a'), row('b', { atMs: T0 + HOUR }), row('c', { atMs: T0 + 2 * HOUR })]));
    const start = T0 - (T0 % HOUR);
    const memory = await store.read(
      keys({
        evidence: [{ entityType: 'terminal', entityId: 't1', fromMs: start + HOUR, kept: null }],
        evidenceToMs: start + 2 * HOUR,
      }),
    );
    expect([...memory.evidence].map(({ bucketMs }) => bucketMs)).toEqual([start + HOUR]);
  });

  it('leaves nothing behind when its last statement fails', async () => {
    await new PostgresOffsetStore(source).open(partition, 5n);
    await source.query(`CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted'; END $$`);
    await source.query(`CREATE TRIGGER planted BEFORE INSERT ON dead_letters FOR EACH ROW EXECUTE FUNCTION planted()`);
    const before = await contents();
    await expect(store.commit(fullBatch({ source: kafka(5n, 9n) }))).rejects.toThrow('planted');
    expect(await contents()).toEqual(before);
    expect(await new PostgresOffsetStore(source).open(partition, 0n)).toBe(5n);
  });

  it('keeps scores that are no finite numbers', async () => {
    const odd = row('a');
    await store.commit(batch([{ ...odd, scored: { ...odd.scored, fused: { score: -Infinity, minusLog10P: null } } }]));
    expect(await source.query('SELECT fused_score FROM transactions')).toEqual([{ fused_score: -Infinity }]);
  });
});

it('keeps states to the byte, many at once, for this process and for another', async () => {
  const bytes = Uint8Array.from({ length: 3_888 }, (_, i) => i % 256);
  const states = Array.from({ length: 1_000 }, (_, i) => ({ entityId: `c${i}`, version: 0, bytes: bytes.subarray(0, i) }));
  expect(await store.commit(batch([], { states }))).toBe('committed');
  const ids = states.map(({ entityId }) => entityId);
  for (const reader of [store, new PostgresScoringStore(source, SCHEMA)]) {
    const memory = await reader.read(keys({ primaryIds: ids }));
    const found = new Map(memory.states.map((found) => [found.entityId, found]));
    expect(
      ids.filter((id, i) => Buffer.compare(found.get(id)!.bytes, bytes.subarray(0, i)) !== 0 || found.get(id)!.version !== 1),
    ).toEqual([]);
  }
  // What this process remembers is behind once another wrote: the commit finds out, and the next read is right.
  const other = new PostgresScoringStore(source, SCHEMA);
  expect(await other.commit(batch([], { states: [state('c7', 1, 'theirs')] }))).toBe('committed');
  expect(await store.commit(batch([], { states: [state('c7', 1, 'mine')] }))).toBe('state-moved');
  expect((await store.read(keys({ primaryIds: ['c7'] }))).states).toEqual([state('c7', 2, 'theirs')]);
});

it('keeps the first alert of a transaction that comes again after its id was forgotten', async () => {
  await store.commit(batch([row('a', { outcome: 'review' })]));
  await source.query('DELETE FROM transaction_ids');
  expect(await store.commit(batch([row('a', { outcome: 'review' }), row('b', { outcome: 'review' })]))).toBe('committed');
  expect(await contents()).toMatchObject({ alerts: 2, outbox: 2 });
});

describe('the fences', () => {
  it('move an offset only from where the batch was read', async () => {
    const offsets = new PostgresOffsetStore(source);
    expect(await offsets.open(partition, 5n)).toBe(5n);
    expect(await offsets.open(partition, 99n)).toBe(5n);
    expect(await store.commit(batch([row('a')], { source: kafka(4n, 9n) }))).toBe('offset-moved');
    expect(await store.commit(batch([row('b')], { source: kafka(6n, 9n) }))).toBe('offset-moved');
    expect(await contents()).toMatchObject({ transaction_ids: 0, transactions: 0 });
    expect(await store.commit(batch([row('c')], { source: kafka(5n, 9n) }))).toBe('committed');
    expect(await offsets.open(partition, 0n)).toBe(9n);
    expect(await offsets.positions('g', 'transactions')).toEqual([{ partition: 0, next: 9n, maxEventMs: T0 }]);
    expect(await offsets.advance(partition, 5n, 12n)).toBe(false);
    expect(await offsets.advance(partition, 9n, 12n)).toBe(true);
    expect(await offsets.positions('g', 'transactions')).toEqual([{ partition: 0, next: 12n, maxEventMs: T0 }]);
  });

  it('let one of two consumers of a partition through', async () => {
    await new PostgresOffsetStore(source).open(partition, 0n);
    const both = await Promise.all(['a', 'b'].map((id) => store.commit(batch([row(id)], { source: kafka(0n, 1n) }))));
    expect(both.sort()).toEqual(['committed', 'offset-moved']);
    expect((await contents())['transactions']).toBe(1);
  });

  it('keep the position of a direct source', async () => {
    const at = (from: bigint, next: bigint): Source => ({ kind: 'direct', name: 'demo', position: { from, next } });
    const offsets = new PostgresOffsetStore(source);
    expect(await offsets.sourcePosition('demo')).toBe(0n);
    expect(await store.commit(batch([row('a')], { source: at(3n, 5n) }))).toBe('offset-moved');
    expect(await store.commit(batch([row('a')], { source: at(0n, 5n) }))).toBe('committed');
    expect(await store.commit(batch([row('b')], { source: at(0n, 5n) }))).toBe('offset-moved');
    expect(await store.commit(batch([row('b')], { source: at(5n, 8n) }))).toBe('committed');
    expect(await offsets.sourcePosition('demo')).toBe(8n);
  });

  it('refuse a state that another writer changed, created or removed', async () => {
    expect(await store.commit(batch([row('a')], { states: [state('c1', 0), state('c2', 0)] }))).toBe('committed');
    expect(await store.commit(batch([row('b')], { states: [state('c1', 0)] }))).toBe('state-moved');
    expect(await store.commit(batch([row('b')], { states: [state('c1', 1), state('c2', 0)] }))).toBe('state-moved');
    expect(await store.commit(batch([row('b')], { states: [state('gone', 4)] }))).toBe('state-moved');
    expect((await store.read(keys({ primaryIds: ['c1', 'gone'] }))).states).toEqual([state('c1', 1, 'c1@0')]);
    expect(await store.commit(batch([row('b')], { states: [state('c1', 1)] }))).toBe('committed');
    expect((await store.read(keys({ primaryIds: ['c1'] }))).states).toEqual([state('c1', 2, 'c1@1')]);
  });

  it('let one of two writers of a transaction id through, in whatever order', async () => {
    const ids = Array.from({ length: 40 }, (_, i) => `id-${i}`);
    const rows = ids.map((id) => row(id));
    const results = await Promise.all([store.commit(batch(rows)), store.commit(batch([...rows].reverse()))]);
    expect(results.sort()).toEqual(['committed', 'state-moved']);
    expect((await contents())['transactions']).toBe(40);
  });
});

describe('writers at the same time', () => {
  it('add to the same evidence cells without deadlock or lost update', async () => {
    const terminals = Array.from({ length: 30 }, (_, i) => `t${i}`);
    const commits = Array.from({ length: 24 }, (_, writer) => {
      const rows = terminals.map((terminal, i) => row(`${writer}-${i}`, { terminal }));
      const commit = batch(writer % 2 ? rows : rows.reverse());
      return writer % 3 ? commit : { ...commit, evidence: [...commit.evidence].reverse() };
    });
    const results = await Promise.all(commits.map((commit) => store.commit(commit)));
    expect(new Set(results)).toEqual(new Set(['committed']));
    const cells = await source.query<{ n: number }[]>(`SELECT n FROM evidence_cells WHERE entity_type = 'terminal'`);
    expect(cells).toEqual(terminals.map(() => ({ n: 24 })));
  });

  it('make alerts visible in the order of their sequence', async () => {
    const commits = Array.from({ length: 20 }, (_, i) => store.commit(batch([row(`a${i}`, { outcome: 'review' })])));
    let newest = 0;
    const seen: number[] = [];
    const watch = async (): Promise<void> => {
      const rows = await source.query<{ sequence: string }[]>('SELECT sequence FROM alerts ORDER BY sequence');
      const all = rows.map((r) => Number(r.sequence));
      seen.push(...all.filter((sequence) => sequence > newest));
      expect(seen).toEqual(all);
      newest = all.at(-1) ?? newest;
    };
    const done = Promise.all(commits);
    for (let i = 0; i < 10; i += 1) await watch();
    await done;
    await watch();
    expect(seen).toHaveLength(20);
  });
});

const toArray = async <T>(values: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
};
