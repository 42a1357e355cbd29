import { jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { Alert } from '../../src/domain/alert.js';
import type { Calibration } from '../../src/domain/calibration.js';
import type { ModelVersion } from '../../src/domain/model-version.js';
import { PostgresCalibrationStore } from '../../src/store/calibration.store.js';
import { DeadLetterStore } from '../../src/store/dead-letter.store.js';
import { LabelStore } from '../../src/store/label.store.js';
import { PostgresModelStore } from '../../src/store/model.store.js';
import { ModelRegistry } from '../../src/store/model-registry.js';
import { PostgresOutboxStore } from '../../src/store/outbox.store.js';
import { InvalidQueryError } from '../../src/store/paging.js';
import { Queries } from '../../src/store/queries.js';
import type { Page, TransactionFilter } from '../../src/store/query-types.js';
import { PostgresScoringStore } from '../../src/store/scoring.store.js';
import { SettingsStore } from '../../src/store/settings.store.js';
import { decimalAmount } from '../../src/store/views.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { alertOf, batch, row, SCHEMA, T0 } from '../support/store-samples.js';

const DAY = 86_400_000;
let postgres: TestPostgres;
let source: DataSource;
let store: PostgresScoringStore;
let queries: Queries;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  store = new PostgresScoringStore(source, SCHEMA);
  queries = new Queries(source, SCHEMA);
});
afterAll(() => postgres.stop());

const BY = { by: 'test', why: 'a test' };
const version = (name: string): ModelVersion => ({
  version: name,
  schema: SCHEMA.name,
  featureSet: 'f1',
  checksum: name,
  trainedAtMs: T0,
  report: { auroc: 0.9 },
});
const scoreCalibration = { n: 0, knots: [], survival: [], tailStart: 0.1, tailShare: 0.02, tailScale: 1e-7 };
const calibration = (id: string, validFromDay: number, model = 'm1'): Calibration => ({
  id,
  model,
  policy: 'p1',
  validFromDay,
  channels: { S: scoreCalibration, T: scoreCalibration, H: scoreCalibration, D: scoreCalibration },
  fused: scoreCalibration,
  level: 0.01,
  bound: 'budget-share',
  nominal: 0.005,
  achieved: null,
});
/** Ids of all pages, with something done between two pages. */
const pages = async (
  filter: Omit<TransactionFilter, 'limit'>,
  limit: number,
  between: (page: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<string[]> => {
  const ids: string[] = [];
  let cursor: string | null = null;
  for (let page = 0; page === 0 || cursor !== null; page += 1) {
    const answer: Page<{ id: string }> = await queries.listTransactions({
      ...filter,
      limit,
      ...(cursor !== null && { cursor }),
    });
    ids.push(...answer.items.map(({ id }) => id));
    cursor = answer.nextCursor;
    await between(page);
  }
  return ids;
};

describe('transactions', () => {
  it('are listed newest first in pages that inserts do not shift', async () => {
    await store.commit(batch(Array.from({ length: 9 }, (_, i) => row(`r${i}`, { atMs: T0 + Math.floor(i / 2) }))));
    const expected = ['r8', 'r7', 'r6', 'r5', 'r4', 'r3', 'r2', 'r1', 'r0'];
    expect(await pages({}, 2, (page) => store.commit(batch([row(`new${page}`, { atMs: T0 + 100 })])))).toEqual(expected);
    expect(await pages({ toMs: T0 + 100 }, 3)).toEqual(expected);
    expect(await pages({ toMs: T0 + 100 }, 9)).toEqual(expected);
  });

  it('are found by entity, time, score and decision', async () => {
    await store.commit(
      batch([
        row('a', { customer: 'x', terminal: 'y' }),
        row('b', { customer: 'y', terminal: 'x', atMs: T0 + 1, outcome: 'review', fusedP: 4 }),
        row('c', { customer: 'y', terminal: 'z', atMs: T0 + 2, outcome: 'decline', fusedP: 5 }),
      ]),
    );
    expect(await pages({ entity: { type: 'customer', id: 'y' } }, 1)).toEqual(['c', 'b']);
    expect(await pages({ entity: { type: 'terminal', id: 'y' } }, 1)).toEqual(['a']);
    expect(await pages({ fromMs: T0 + 1, toMs: T0 + 2 }, 5)).toEqual(['b']);
    expect(await pages({ minusLog10PMin: 4 }, 5)).toEqual(['c', 'b']);
    expect(await pages({ outcome: 'review' }, 5)).toEqual(['b']);
    expect(await pages({ outcome: 'approve' }, 5)).toEqual(['a']);
    expect((await queries.recentOfEntity('customer', 'y', T0 + 2, 5)).map(({ id }) => id)).toEqual(['b']);
  });

  it('show everything that is known of one', async () => {
    await new PostgresModelStore(source).saveFeatureSet('f1', ['speed', 'gap', 'hour']);
    const reviewed = row('a', { outcome: 'review', amountMinor: -7 });
    await store.commit(batch([reviewed]));
    const label = { transactionId: 'a', isFraud: true, type: 'stolen', source: 'analyst', knownAtMs: T0 };
    await new LabelStore(source, SCHEMA).append([label]);
    expect(await queries.transaction('a')).toEqual({
      id: 'a',
      occurredAt: '2026-01-05T10:20:30.123Z',
      entities: { customer: 'c1', terminal: 't1', card: 'k1' },
      amount: '-0.07',
      currency: 'EUR',
      fields: { distance: null, category: 'groceries "ü" \\ {x}' },
      channels: reviewed.scored.channels,
      fused: reviewed.scored.fused,
      fraudProbability: null,
      outcome: 'review',
      late: false,
      versions: reviewed.scored.versions,
      features: { speed: 1.5, gap: Math.fround(-0.1), hour: null },
      alert: alertOf(reviewed),
      labels: [label],
    });
    expect(await queries.transaction('b')).toBeNull();
    expect(await queries.transaction('\u0000')).toBeNull();
  });

  it.each([
    [{ cursor: 'bm9uc2Vuc2U' }, 'cursor'],
    [{ cursor: Buffer.from('["alerts","7"]').toString('base64url') }, 'cursor'],
    [{ entity: { type: 'planet', id: 'x' } }, 'entity'],
    [{ entity: { type: 'customer', id: '\u0000' } }, 'entity'],
    [{ fromMs: NaN }, 'from'],
    [{ limit: 201 }, 'limit'],
  ])('refuse the filter %j and name the field', async (filter, field) => {
    const refused = queries.listTransactions({ limit: 1, ...filter });
    await expect(refused).rejects.toThrow(InvalidQueryError);
    await expect(refused).rejects.toMatchObject({ field });
  });
});

it.each([
  ['0', 2, '0.00'],
  ['5', 2, '0.05'],
  ['-123456', 3, '-123.456'],
  ['9007199254740991', 0, '9007199254740991'],
])('writes %s with %i digits as %s', (minor, digits, text) => expect(decimalAmount(minor, digits)).toBe(text));

describe('alerts', () => {
  it('are listed newest first with what is known, filtered, and followed by sequence', async () => {
    const rows = [
      row('a', { outcome: 'review' }),
      row('b', { outcome: 'decline', customer: 'c2' }),
      row('c', { outcome: 'review' }),
    ];
    for (const one of rows) await store.commit(batch([one]));
    const label = { transactionId: 'b', isFraud: false, type: null, source: 'analyst', knownAtMs: T0 };
    await new LabelStore(source, SCHEMA).append([label]);
    const first = await queries.listAlerts({ limit: 2 });
    expect(first.items.map(({ alert, label }) => [alert.transactionId, label])).toEqual([
      ['c', null],
      ['b', 'legitimate'],
    ]);
    const rest = await queries.listAlerts({ limit: 2, cursor: first.nextCursor! });
    expect([rest.items.map(({ alert }) => alert.transactionId), rest.nextCursor]).toEqual([['a'], null]);
    const found = async (filter: object) =>
      (await queries.listAlerts({ limit: 9, ...filter })).items.map(({ alert }) => alert.transactionId);
    expect(await found({ entity: { type: 'customer', id: 'c2' } })).toEqual(['b']);
    expect(await found({ entity: { type: 'terminal', id: 'c2' } })).toEqual([]);
    expect(await found({ outcome: 'review', fromMs: T0, toMs: T0 + 1, lane: 'S' })).toEqual(['c', 'a']);
    expect(await found({ lane: 'T' })).toEqual([]);
    const { sequence, alert } = rest.items[0]!;
    expect((await queries.alertsAfter(sequence, 9)).map((view) => view.alert.transactionId)).toEqual(['b', 'c']);
    expect(await queries.alert(alert.id)).toEqual({ sequence, alert, label: null });
    expect(await queries.alert('no uuid')).toBeNull();
    await expect(queries.alertsAfter('1; DROP TABLE alerts', 1)).rejects.toThrow(InvalidQueryError);
  });

  it('are counted by what they have in common, the last seven days of them, with what is labelled by now', async () => {
    const kinds: Readonly<Record<string, Pick<Alert, 'pattern' | 'novelty'>>> = {
      known: { pattern: 'amount above usual', novelty: { isNew: false, knownFraudP: 0.4, knownFrauds: 80 } },
      new: { pattern: 'amount above usual', novelty: { isNew: true, knownFraudP: 0.01, knownFrauds: 80 } },
      early: { pattern: 'at night', novelty: null },
    };
    const raise = async (id: string, kind: string, day: number): Promise<void> => {
      const one = row(id, { atMs: T0 + day * DAY, outcome: 'review' });
      await store.commit({ ...batch([one]), alerts: [{ ...alertOf(one), ...kinds[kind]! }] });
    };
    await raise('a', 'early', -8);
    await raise('b', 'known', -6);
    await raise('c', 'new', -5);
    await raise('d', 'new', 0);
    await new LabelStore(source, SCHEMA).append([
      { transactionId: 'c', isFraud: true, type: null, source: 'analyst', knownAtMs: T0 },
      { transactionId: 'b', isFraud: false, type: null, source: 'analyst', knownAtMs: T0 },
    ]);
    const at = (day: number): string => new Date(T0 + day * DAY).toISOString();
    const fresh = {
      pattern: 'amount above usual',
      newType: true,
      alerts: 2,
      firstAt: at(-5),
      lastAt: at(0),
      frauds: 1,
      legitimate: 0,
    };
    const known = {
      pattern: 'amount above usual',
      newType: false,
      alerts: 1,
      firstAt: at(-6),
      lastAt: at(-6),
      frauds: 0,
      legitimate: 1,
    };
    expect(await queries.alertPatterns({ limit: 9 })).toEqual({ items: [fresh, known], nextCursor: null });
    expect((await queries.alertPatterns({ limit: 9, newType: true })).items).toEqual([fresh]);
    expect((await queries.alertPatterns({ limit: 1, fromMs: T0 - 9 * DAY, toMs: T0 - 7 * DAY })).items).toMatchObject([
      { pattern: 'at night', newType: false },
    ]);
    const found = async (filter: object) =>
      (await queries.listAlerts({ limit: 9, ...filter })).items.map(({ alert }) => alert.transactionId);
    expect(await found({ newType: true })).toEqual(['d', 'c']);
    expect(await found({ newType: false, pattern: 'amount above usual' })).toEqual(['b']);
  });

  it('of a rare pattern are found by an index among many others', async () => {
    await source.query(
      `INSERT INTO alerts (id, transaction_id, occurred_at, entities, outcome, lane, payload)
       SELECT gen_random_uuid(), 'a' || i, now(), ARRAY['c1'], 'review', 'S', jsonb_build_object('pattern', 'kind ' || least(i, 99))
       FROM generate_series(1, 20000) AS i`,
    );
    await source.query('ANALYZE alerts');
    const listening = jest.spyOn(source, 'query');
    const { items } = await queries.listAlerts({ limit: 5, pattern: 'kind 7' });
    const [sql, parameters] = listening.mock.calls[0]!;
    listening.mockRestore();
    expect(items.map(({ alert }) => alert.pattern)).toEqual(['kind 7']);
    const plan = await source.query<{ 'QUERY PLAN': string }[]>(`EXPLAIN ${sql}`, parameters);
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('alerts_pattern');
  });

  it('of one pattern are paged on their own, also where the pattern is long or empty', async () => {
    const patterns = ['amount above usual', `merchant ${'\u{1f9fe}'.repeat(900)}`, ''];
    const patternAt = (i: number): string => patterns[i % 7 === 0 ? 1 : i % 11 === 0 ? 2 : 0]!;
    const rows = Array.from({ length: 120 }, (_, i) => row(`p${i}`, { atMs: T0 + i, outcome: 'review' }));
    await store.commit({ ...batch(rows), alerts: rows.map((one, i) => ({ ...alertOf(one), pattern: patternAt(i) })) });
    for (const pattern of patterns) {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page: Page<{ readonly alert: Alert }> = await queries.listAlerts({
          limit: 7,
          pattern,
          ...(cursor !== undefined && { cursor }),
        });
        found.push(...page.items.map(({ alert }) => alert.transactionId));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      const expected = rows.map((_, i) => `p${i}`).filter((_, i) => patternAt(i) === pattern);
      expect(found).toEqual(expected.reverse());
    }
    expect((await queries.listAlerts({ limit: 7, pattern: 'of no alert' })).items).toEqual([]);
  });
});

describe('the outbox', () => {
  const lease = { name: 'relay', holder: 'one' };

  it('gives alerts and dead letters in order and marks them under the lease', async () => {
    const outbox = new PostgresOutboxStore(source);
    const record = { bytes: Buffer.from([0, 1, 255]), key: null, position: 'transactions/0/7' };
    await store.commit(batch([row('a', { outcome: 'review' })], { deadLetters: [{ record, reason: 'id: missing' }] }));
    const rows = await outbox.unpublished(10);
    expect(rows.map(({ id: _, ...rest }) => rest)).toEqual([
      {
        kind: 'alert',
        key: 'c1',
        payload: JSON.stringify(alertOf(row('a', { outcome: 'review' }))),
        headers: {
          'alert-id': alertOf(row('a')).id,
          schema: 'sample',
          'content-type': 'application/json',
        },
      },
      {
        kind: 'dead-letter',
        key: null,
        payload: record.bytes,
        headers: { reason: 'id: missing', position: 'transactions/0/7' },
      },
    ]);
    expect(await outbox.lag()).toMatchObject({ count: 2 });
    const { epoch } = (await outbox.acquireLease('relay', 'one', 60_000))!;
    const ids = rows.map(({ id }) => id);
    expect(await outbox.markPublished(ids, { ...lease, epoch: epoch + 1n })).toBe(false);
    expect((await outbox.lag()).count).toBe(2);
    expect(await outbox.markPublished(ids, { ...lease, epoch })).toBe(true);
    expect(await outbox.unpublished(10)).toEqual([]);
    expect(await outbox.lag()).toEqual({ count: 0, oldestSeconds: 0 });
  });

  it('has one leader, whose epoch ends when another takes over', async () => {
    const outbox = new PostgresOutboxStore(source);
    const answers = await Promise.all(['one', 'two', 'three'].map((holder) => outbox.acquireLease('relay', holder, 60_000)));
    expect(answers.filter((answer) => answer !== null)).toEqual([{ epoch: 1n }]);
    await source.query(`UPDATE leases SET holder = 'one', expires_at = clock_timestamp() - interval '1 second'`);
    expect(await outbox.renewLease('relay', 'one', 1n, 60_000)).toBe(false);
    expect(await outbox.acquireLease('relay', 'two', 60_000)).toEqual({ epoch: 2n });
    expect(await outbox.acquireLease('relay', 'one', 60_000)).toBeNull();
    expect(await outbox.renewLease('relay', 'two', 2n, 60_000)).toBe(true);
    expect(await outbox.markPublished([], { ...lease, epoch: 1n })).toBe(false);
  });

  it('takes a dead letter without a batch once, however often it is kept', async () => {
    const sink = new DeadLetterStore(source);
    const letters = ['labels/0/1', 'labels/0/2'].map((position) => ({
      record: { bytes: Buffer.from('{"x'), key: 'k', position },
      reason: 'not JSON',
    }));
    await Promise.all([sink.keep(letters), sink.keep(letters.slice(0, 1)), sink.keep(letters)]);
    const { items } = await queries.listDeadLetters({ limit: 9, withBytes: true });
    expect(items.map(({ position }) => position)).toEqual(['labels/0/2', 'labels/0/1']);
    expect(items[0]).toMatchObject({ key: 'k', reason: 'not JSON', size: 3, bytes: Buffer.from('{"x'), retriedAt: null });
    expect((await new PostgresOutboxStore(source).lag()).count).toBe(2);
    const first = await queries.listDeadLetters({ limit: 1 });
    expect(first.items[0]).not.toHaveProperty('bytes');
    const second = await queries.listDeadLetters({ limit: 1, cursor: first.nextCursor! });
    expect(second).toMatchObject({ items: [{ position: 'labels/0/1' }], nextCursor: null });
  });
});

describe('models, calibrations, settings, status', () => {
  it('promote a stored version only, and tell who listens', async () => {
    const models = new PostgresModelStore(source);
    const registry = new ModelRegistry(source, models);
    const artifact = Uint8Array.from([1, 2, 0, 255]);
    expect(await models.champion('sample')).toBeNull();
    await expect(registry.promote('sample', 'm1', BY)).rejects.toThrow('no model version "m1" is stored');
    await models.save(version('m1'), artifact);
    await models.save(version('m1'), artifact);
    await expect(models.save({ ...version('m1'), checksum: 'other' }, artifact)).rejects.toThrow('never change');
    await models.save(version('m2'), artifact);
    for (const name of ['m1', 'm2', 'm1']) await registry.promote('sample', name, BY);
    expect(await models.championVersion('sample')).toBe('m1');
    const champion = await models.champion('sample');
    expect(champion?.version).toEqual(version('m1'));
    expect([...champion!.artifact]).toEqual([1, 2, 0, 255]);
    expect(await source.query('SELECT epoch FROM model_roles')).toEqual([{ epoch: '3' }]);
    expect((await registry.list({ limit: 9 })).items.map((m) => [m.version, m.state])).toEqual([
      ['m2', 'candidate'],
      ['m1', 'champion'],
    ]);
  });

  it('keep calibrations unchanged and find the newest', async () => {
    const calibrations = new PostgresCalibrationStore(source);
    expect(await calibrations.latest('m1')).toBeNull();
    await calibrations.save(calibration('k2', 20_002));
    await calibrations.save(calibration('k1', 20_001));
    await calibrations.save(calibration('k1', 20_001));
    await calibrations.save(calibration('k3', 20_003, 'm2'));
    expect(await calibrations.latest('m1')).toEqual(calibration('k2', 20_002));
    await expect(calibrations.save({ ...calibration('k1', 20_001), level: 0.5 })).rejects.toThrow('never change');
    await store.commit(batch([row('b', { atMs: T0 + 5, outcome: 'review' }), row('a'), row('x', { model: 'm2' })]));
    const { occurredAtMs, channels } = await calibrations.windowScores('m1', T0, T0 + 6);
    expect([[...occurredAtMs], [...channels.S], [...channels.D]]).toEqual([
      [T0, T0 + 5],
      [0.1 + 0.2, 0.1 + 0.2],
      [1e300, 1e300],
    ]);
    expect((await calibrations.windowScores('m1', T0 + 1, T0 + 5)).occurredAtMs).toHaveLength(0);
    const day = T0 - (T0 % 86_400_000);
    expect(await calibrations.countAlerts(day, day + 86_400_000)).toEqual({ rows: 3, alerts: 1 });
    expect(await calibrations.countAlerts(day - 86_400_000, day)).toEqual({ rows: 0, alerts: 0 });
    // A window that is too large is thinned, and for everybody alike.
    const thinned = new PostgresCalibrationStore(source, 1);
    const part = await thinned.windowScores('m1', day, day + 86_400_000);
    expect(part.occurredAtMs.length).toBeLessThan(3);
    expect(await thinned.windowScores('m1', day, day + 86_400_000)).toEqual(part);
  });

  it('keep settings as JSON', async () => {
    const settings = new SettingsStore(source);
    expect(await settings.get('demo')).toBeNull();
    await settings.set('demo', { seed: 1 });
    await settings.set('demo', { seed: 2, at: '7' });
    expect(await settings.get('demo')).toEqual({ seed: 2, at: '7' });
    expect(await settings.hasTransactions()).toBe(false);
  });

  it('say how the stream stands', async () => {
    expect(await queries.status()).toEqual({
      transactions: 0,
      transactionsPerMinute: 0,
      alerts: 0,
      deadLetters: 0,
      repeats: 0,
      newestOccurredAt: null,
      alertRate: null,
      budget: null,
      model: null,
      calibration: null,
    });
    const models = new PostgresModelStore(source);
    await models.save(version('m1'), new Uint8Array(1));
    await new ModelRegistry(source, models).promote('sample', 'm1', BY);
    await new PostgresCalibrationStore(source).save(calibration('k9', 20_000));
    await store.commit(batch([row('old', { atMs: T0 - 8 * DAY, outcome: 'review' })]));
    await store.commit(
      batch([row('a'), row('b'), row('c', { outcome: 'review' }), row('d', { atMs: T0 - DAY })], {
        repeats: [{ transactionId: 'a', position: 'http' }],
      }),
    );
    expect(await queries.status()).toEqual({
      transactions: 5,
      transactionsPerMinute: 5,
      alerts: 2,
      deadLetters: 0,
      repeats: 1,
      newestOccurredAt: '2026-01-05T10:20:30.123Z',
      alertRate: 0.25,
      budget: 0.005,
      model: 'm1',
      calibration: 'k9',
    });
  });
});
