import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as threads from 'node:worker_threads';
import { jest } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import type { DataSource } from 'typeorm';
import type { HistoryBacktestOptions } from '../../src/cli/backtest-history.js';
import type { CommandIo } from '../../src/cli/command-io.js';
import { loadConfig, withBudget, type Config } from '../../src/config.js';
import type { Policy } from '../../src/domain/decision.js';
import { transactionParser } from '../../src/domain/parse-transaction.js';
import { createRandom } from '../../src/domain/random.js';
import type { HistoryBacktestResult } from '../../src/backtest/history-backtest.js';
import { calibrateIfDue } from '../../src/scoring/calibrate-if-due.js';
import { OnlineLine, scoreTransactions } from '../../src/scoring/score-transactions.js';
import { createStores, storeModel } from '../../src/service-stores.js';
import { createTopics } from '../../src/stream/topics.js';
import { createSimdBackend } from '../../src/tensor/simd.js';
import { type Candidate, retrain } from '../../src/training/retrain.js';
import { DAY_MS } from '../../src/domain/time.js';
import { demoHistory, WORLD_START_MS } from '../support/demo-history.js';
import { testBroker, uniqueName, type TestBroker } from '../support/kafka.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

// A thread runs the built program.
jest.unstable_mockModule('node:worker_threads', () => ({
  ...threads,
  Worker: class extends threads.Worker {
    constructor(url: URL, options: threads.WorkerOptions) {
      super(new URL(`../../dist/src/${url.pathname.split('/src/').at(-1)}`, import.meta.url), options);
    }
  },
}));
const { WorkerPool } = await import('../../src/threads/worker-pool.js');
const { runHistoryBacktest } = await import('../../src/cli/backtest-history.js');

const LEARN_DAYS = 18;
const DAYS = 23;
const LIVE_FROM_MS = WORLD_START_MS + LEARN_DAYS * DAY_MS;
/** The third day that was decided live, and two more. */
const FROM_MS = LIVE_FROM_MS + 2 * DAY_MS;
const TO_MS = WORLD_START_MS + DAYS * DAY_MS;
const shipped = loadConfig(undefined, {});
const policy: Policy = { ...shipped.policy, version: 'test', budget: { share: 0.04 } };
const { schema, transactions, labels } = demoHistory({ seed: 12, customers: 130, days: DAYS });
const parser = transactionParser(schema);
const inSpan = transactions.filter(({ occurredAtMs }) => occurredAtMs >= FROM_MS && occurredAtMs < TO_MS);

const fit = (version: string, density: string): Promise<Candidate> =>
  retrain(
    {
      schema,
      transactions: transactions.filter(({ occurredAtMs }) => occurredAtMs < LIVE_FROM_MS),
      labels,
      trainFromMs: WORLD_START_MS + 3 * DAY_MS,
      trainToMs: LIVE_FROM_MS - 6 * DAY_MS,
      asOfMs: LIVE_FROM_MS,
      policy,
      parameters: shipped.models,
      estimators: { S: 'logistic-regression', T: 'tail', H: 'markov-filter', D: density },
      version,
    },
    { random: createRandom(3), backend: createSimdBackend() },
  );

/** A service that has seen everything from the first day on: undecided until its model was trained, calibrated at each midnight. */
const serveAll = async (source: DataSource, { model, artifact, calibration: first }: Candidate): Promise<void> => {
  const stores = createStores(source, schema, false);
  const pool = new WorkerPool(1, 'simd', (error) => broken.push(error));
  const { id, lookBackMs } = model.featureSet;
  await pool.useModel(artifact, { featureSet: id, lookBackMs }, { calibration: null, policy });
  const line = new OnlineLine(schema, parser, stores.scoring, pool);
  const known = [...labels].sort((a, b) => a.knownAtMs - b.knownAtMs);
  let calibration = first;
  for (let at = 0; at < transactions.length;) {
    const nowMs = transactions[at]!.occurredAtMs;
    for (; known.length > 0 && known[0]!.knownAtMs <= nowMs;) await stores.labels.append([known.shift()!]);
    if (nowMs >= LIVE_FROM_MS) {
      calibration = await calibrateIfDue(stores.calibrations, calibration, policy, nowMs);
      pool.useTerms({ calibration, policy });
    }
    const midnight = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS;
    const untilMs = Math.min(midnight, known[0]?.knownAtMs ?? Infinity);
    const batch = transactions.slice(at, at + 317).filter(({ occurredAtMs }) => occurredAtMs < untilMs);
    const records = batch.map((t) => ({ bytes: bytesOf(t), key: t.entities[0]!, position: t.id }));
    const outcome = await scoreTransactions(records, { kind: 'direct', name: 'live' }, line);
    if (outcome.result !== 'committed' || outcome.scored.length !== batch.length) throw new Error(JSON.stringify(outcome));
    at += batch.length;
  }
  // What became known later, and what is not of these transactions.
  await stores.labels.append(known);
  await pool.stop();
};

const bytesOf = (transaction: (typeof transactions)[number]): Buffer => Buffer.from(JSON.stringify(parser.toJson(transaction)));

let postgres: TestPostgres;
let broker: TestBroker;
let live: DataSource;
let url: string;
let config: Config;
let champion: Candidate;
let other: Candidate;
let before: unknown;
const broken: Error[] = [];

const tablesOf = async (source: DataSource): Promise<unknown> => {
  const tables = await source.query<{ name: string }[]>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  );
  const found: Record<string, unknown> = {};
  for (const { name } of tables)
    [found[name]] = await source.query<unknown[]>(
      `SELECT count(*)::integer AS rows, md5(string_agg(t::text, E'\\n' ORDER BY t::text)) AS hash FROM ${name} AS t`,
    );
  return found;
};
const backtestSchemas = async (): Promise<string[]> => {
  const rows = await live.query<{ name: string }[]>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE 'surprisal%' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
};

/** Everything that was said of each row of a span, to the last bit, by its id. */
const decided = async (databaseSchema: string, fromMs = FROM_MS): Promise<Map<string, Record<string, unknown>>> => {
  const rows = await live.query<{ id: string; row: Record<string, unknown> }[]>(
    `SELECT t.id, to_jsonb(t) - 'committed_at' || jsonb_build_object('alert', a.payload) AS row
     FROM ${databaseSchema}.transactions AS t LEFT JOIN ${databaseSchema}.alerts AS a ON a.transaction_id = t.id
     WHERE t.occurred_at >= $1 AND t.occurred_at < $2 ORDER BY t.id`,
    [new Date(fromMs), new Date(TO_MS)],
  );
  return new Map(rows.map(({ id, row }) => [id, row]));
};

type Printed = Omit<HistoryBacktestResult, 'flips'>;
interface Ran {
  readonly printed: Printed;
  readonly notes: readonly string[];
}

const backtest = async (
  options: Partial<HistoryBacktestOptions> = {},
  onProgress: (step: string, share: number) => void = () => undefined,
  signal = new AbortController().signal,
): Promise<Ran> => {
  const said: string[] = [];
  const notes: string[] = [];
  const io: CommandIo = {
    write: (text) => Promise.resolve(void said.push(text)),
    progress: { report: onProgress, note: (line) => void notes.push(line), stop: () => undefined },
  };
  await runHistoryBacktest({ from: FROM_MS, to: TO_MS, json: true, ...options }, config, io, signal);
  return { printed: JSON.parse(said.join('')) as Printed, notes };
};

/** With all that it stored, which is dropped afterwards. */
const kept = async (options: Partial<HistoryBacktestOptions> = {}, fromMs = FROM_MS) => {
  const { printed } = await backtest({ ...options, keep: true });
  const rows = await decided(printed.kept!, fromMs);
  await live.query(`DROP SCHEMA ${printed.kept!} CASCADE`);
  return { printed, rows };
};
const alertsOf = (rows: ReadonlyMap<string, Record<string, unknown>>): Set<string> =>
  new Set([...rows].filter(([, { outcome }]) => outcome !== 'approve').map(([id]) => id));
const without = (ids: ReadonlySet<string>, others: ReadonlySet<string>): string[] =>
  [...ids].filter((id) => !others.has(id)).sort();

beforeAll(async () => {
  postgres = await startTestPostgres();
  broker = await testBroker();
  champion = await fit('m-live', 'gaussian-mixture');
  other = await fit('m-other', 'isolation-forest');
  live = await postgres.createDataSource();
  ({ url } = live.options as { readonly url: string });
  config = { ...loadConfig(undefined, { DATABASE_URL: url, KAFKA_BROKERS: broker.brokers.join() }), policy };
  const stores = createStores(live, schema, false);
  for (const { model, artifact, calibration, report } of [champion, other])
    await storeModel(stores, { version: model.version, artifact, calibration, trainedAtMs: LIVE_FROM_MS, report });
  await stores.registry.promote(schema.name, 'm-live', { by: 'test', why: 'test' });
  await serveAll(live, champion);
  before = await tablesOf(live);
}, 300_000);
afterAll(async () => {
  await postgres.stop();
});
afterEach(async () => {
  expect(broken).toEqual([]);
  expect(await tablesOf(live)).toEqual(before);
});

test('the champion over its own span decides again what it decided, to the last bit', async () => {
  const { printed, rows } = await kept();
  const served = await decided('public');
  expect(rows.size).toBe(inSpan.length);
  expect(alertsOf(served).size).toBeGreaterThan(20);
  expect(rows).toEqual(served);
  expect(printed).toMatchObject({
    ...{ model: 'm-live', policy: 'test', rows: inSpan.length, alerts: alertsOf(served).size, budget: 0.04 },
    ...{ deadLetters: 0, repeats: 0, notScoredLive: 0, onlyLive: 0, source: 'stored history' },
    comparison: { rows: inSpan.length, onlyA: { rows: 0, examples: [] }, onlyB: { rows: 0, examples: [] } },
  });
  expect(printed.comparison.sameDecision.share).toBe(1);
  expect(printed.notes).toEqual([expect.stringContaining('the stored history begins 20.0 days before --from')]);
  // Days add up to the whole, and frauds are those of the world.
  const ids = new Map(inSpan.map(({ id, occurredAtMs }) => [id, new Date(occurredAtMs).toISOString().slice(0, 10)]));
  const frauds = new Set(labels.filter(({ isFraud }) => isFraud).map(({ transactionId }) => transactionId));
  for (const day of printed.days) {
    const ofDay = [...ids].filter(([, name]) => name === day.day).map(([id]) => id);
    const alerts = alertsOf(served);
    const caught = ofDay.filter((id) => frauds.has(id) && alerts.has(id)).length;
    expect(day).toMatchObject({
      ...{ rows: ofDay.length, alerts: ofDay.filter((id) => alerts.has(id)).length },
      ...{ frauds: ofDay.filter((id) => frauds.has(id)).length, caught, liveCaught: caught, onlyHere: 0, onlyLive: 0 },
    });
  }
  expect(printed.days.reduce((sum, { rows: count }) => sum + count, 0)).toBe(inSpan.length);
}, 300_000);

test('a span may begin within a day', async () => {
  const noonMs = FROM_MS + DAY_MS / 2;
  const { printed, rows } = await kept({ from: noonMs }, noonMs);
  expect(rows).toEqual(await decided('public', noonMs));
  expect(printed.rows).toBe(rows.size);
  expect(printed.comparison.onlyA.rows + printed.comparison.onlyB.rows).toBe(0);
}, 300_000);

test('at a smaller budget fewer alerts; the flips are the difference, and all of them are in the file', async () => {
  const path = join(tmpdir(), `${uniqueName('flips')}.csv`);
  const { printed, rows } = await kept({ budget: 0.01, flips: path });
  const [here, served] = [alertsOf(rows), alertsOf(await decided('public'))];
  expect(printed.policy).toBe(withBudget(policy, 0.01).version);
  expect(here.size).toBeLessThan(served.size);
  expect(printed.alerts).toBe(here.size);
  const { onlyA, onlyB } = printed.comparison;
  expect([onlyA.rows, onlyB.rows]).toEqual([without(here, served).length, without(served, here).length]);
  const listed = parse<Record<string, string>>(await readFile(path, 'utf8'), { columns: true });
  await rm(path);
  const idsOf = (side: string): string[] => listed.filter((row) => row['alerted_by'] === side).map((row) => row['id']!);
  expect(idsOf('backtest').sort()).toEqual(without(here, served));
  expect(idsOf('live').sort()).toEqual(without(served, here));
  // The most surprising ones are the examples.
  const p = (id: string): number => Number(listed.find((row) => row['id'] === id)!['p_live']);
  const smallest = idsOf('live')
    .map(p)
    .sort((a, b) => a - b)
    .slice(0, 10);
  expect(onlyB.examples.map(({ transactionId }) => p(transactionId))).toEqual(smallest);
  expect(onlyB.examples.every(({ b }) => b.reason !== null)).toBe(true);
  expect(printed.notes.at(-1)).toContain('live decided by m-live under test');
}, 300_000);

test('a version that never scored here scores as if it had served from the beginning', async () => {
  const elsewhere = await postgres.createDataSource();
  await serveAll(elsewhere, other);
  const { printed, rows } = await kept({ model: 'm-other' });
  const scores = `id, s_score, t_score, h_score, d_score, s_minus_log10_p, t_minus_log10_p, h_minus_log10_p, d_minus_log10_p`;
  const served = await elsewhere.query<Record<string, unknown>[]>(
    `SELECT ${scores} FROM transactions WHERE occurred_at >= $1 AND occurred_at < $2`,
    [new Date(FROM_MS), new Date(TO_MS)],
  );
  expect(served.length).toBe(inSpan.length);
  for (const row of served) expect(rows.get(String(row['id']))).toMatchObject(row);
  expect(printed.comparison.onlyA.rows).toBeGreaterThan(0);
}, 300_000);

test('a topic gives what stored history gives; repeats and unreadable records are counted', async () => {
  const topic = uniqueName('past');
  const admin = broker.kafka.admin();
  await admin.connect();
  // Records of the past would be deleted as soon as they come.
  const configEntries = [{ name: 'retention.ms', value: '-1' }];
  await createTopics(admin, [{ topic, numPartitions: 3, replicationFactor: 1, configEntries }]);
  const message = (t: (typeof transactions)[number]) => ({
    key: t.entities[0]!,
    value: bytesOf(t),
    timestamp: String(t.occurredAtMs),
  });
  const producer = broker.kafka.producer();
  await producer.connect();
  const sent = transactions.filter(({ occurredAtMs }) => occurredAtMs >= FROM_MS - DAY_MS);
  for (let at = 0; at < sent.length; at += 200) await producer.send({ topic, messages: sent.slice(at, at + 200).map(message) });
  const wrong = { key: 'x', value: '{"id": 1', timestamp: String(FROM_MS + 3_600_000) };
  // Of later times: left out.
  const later = { ...inSpan[0]!, id: 'later', occurredAtMs: TO_MS + 5 };
  await producer.send({ topic, messages: [message(inSpan[7]!), wrong, message(later)] });
  await producer.disconnect();
  const { printed, rows } = await kept({ topic });
  expect(rows).toEqual(await decided('public'));
  expect(printed).toMatchObject({ rows: inSpan.length, deadLetters: 1, repeats: 1, outside: 1, source: `topic ${topic}` });

  // By offsets: the first partition alone, but for its first ten records.
  const ends = await admin.fetchTopicOffsets(topic);
  const byTime = await admin.fetchTopicOffsetsByTimestamp(topic, FROM_MS);
  await admin.disconnect();
  const from = Number(byTime.find(({ partition }) => partition === 0)!.offset) + 10;
  const none = [1, 2].map((partition) => `${partition}:${ends.find((end) => end.partition === partition)!.high}`);
  const part = await backtest({ topic, fromOffset: [`0:${from}`, ...none], toOffset: [`0:${from + 40}`] });
  expect(part.printed).toMatchObject({ rows: 40, onlyLive: inSpan.length - 40, notScoredLive: 0 });
  await expect(backtest({ topic, fromOffset: ['9:0'] })).rejects.toThrow('has no partition 9; it has 0 to 2');
  await expect(backtest({ topic, toOffset: ['0:99999'] })).rejects.toThrow(/has the offsets 0 to \d+, not 99999/);
  await expect(backtest({ topic: uniqueName('none') })).rejects.toThrow('there is no topic');
  expect(await backtestSchemas()).toEqual([]);
}, 300_000);

test('one that is aborted leaves nothing behind, and what a killed one left is dropped; what was kept stays', async () => {
  const stop = new AbortController();
  const aborting = backtest({}, (step) => (step === 'replay' ? stop.abort(new Error('cancelled')) : undefined), stop.signal);
  await expect(aborting).rejects.toThrow('cancelled');
  expect(await backtestSchemas()).toEqual([]);
  const early = new AbortController();
  const learning = backtest({}, (step) => (step === 'memory' ? early.abort(new Error('cancelled')) : undefined), early.signal);
  await expect(learning).rejects.toThrow('cancelled');
  expect(await backtestSchemas()).toEqual([]);

  await live.query('CREATE SCHEMA surprisal_backtest_3');
  await live.query('CREATE TABLE surprisal_backtest_3.transactions (id text)');
  await live.query('CREATE SCHEMA surprisal_backtest_4');
  await live.query(`COMMENT ON SCHEMA surprisal_backtest_4 IS 'kept'`);
  // Another one is at work in the fifth.
  const runner = live.createQueryRunner();
  await runner.query('SELECT pg_advisory_lock(808876, 5)');
  await live.query('CREATE SCHEMA surprisal_backtest_5');
  const { notes } = await backtest({ from: TO_MS - DAY_MS });
  expect(notes).toEqual([expect.stringContaining('surprisal_backtest_3, which a backtest that was killed had left behind')]);
  expect(await backtestSchemas()).toEqual(['surprisal_backtest_4', 'surprisal_backtest_5']);
  await runner.query('SELECT pg_advisory_unlock(808876, 5)');
  await runner.release();
  for (const n of [4, 5]) await live.query(`DROP SCHEMA surprisal_backtest_${n}`);
}, 300_000);

test("days before any calibration are decided by the model's first; what live did not decide is counted apart", async () => {
  const first = transactions.filter(({ occurredAtMs }) => occurredAtMs < WORLD_START_MS + DAY_MS);
  const { printed, rows } = await kept({ from: WORLD_START_MS, to: WORLD_START_MS + DAY_MS }, WORLD_START_MS);
  expect(printed).toMatchObject({ rows: first.length, comparison: { rows: 0, undecided: first.length } });
  expect(printed.days).toMatchObject([{ day: '2026-01-01', rows: first.length, liveAlerts: 0 }]);
  expect(new Set([...rows.values()].map(({ calibration }) => calibration))).toEqual(
    new Set([`m-live.${WORLD_START_MS / DAY_MS}.test`]),
  );
  expect(printed.notes).toEqual([
    expect.stringMatching(/own training rows: .* at 2026-01-01T00:00Z, and m-live was fitted on rows up to 2026-01-13T00:00Z/),
    expect.stringContaining('nothing is stored of the days before --from'),
    'the level is from a calibration of later rows, of 2026-01-19: none was known by then',
  ]);
}, 300_000);

test('a model that began without a calibration begins so again', async () => {
  const stored = await live.query<{ id: string; payload: Record<string, unknown> }[]>(
    `SELECT id, payload FROM calibrations WHERE model = 'm-live' ORDER BY valid_from_day LIMIT 1`,
  );
  const [{ id, payload }] = stored as [(typeof stored)[0]];
  const put = (contents: unknown) =>
    live.transaction(async (manager) => {
      // Without the triggers by which calibrations never change.
      await manager.query('SET LOCAL session_replication_role = replica');
      await manager.query('UPDATE calibrations SET payload = $2 WHERE id = $1', [id, contents]);
    });
  await put({ ...payload, isProvisional: true });
  try {
    const { printed, rows } = await kept({ from: WORLD_START_MS, to: WORLD_START_MS + DAY_MS }, WORLD_START_MS);
    expect(printed.notes.at(-1)).toContain('m-live began without a calibration: nothing is decided before');
    // 200 rows at least, of 130 customers' first day: five alerts of 4 %.
    const calibrations = [...rows.values()].map(({ calibration }) => String(calibration));
    expect(calibrations).toContain('none');
    expect(calibrations.every((name) => name === 'none' || /^m-live\.\d+\.test\.\d+$/.test(name))).toBe(true);
  } finally {
    await put(payload);
  }
}, 300_000);

test('what the model has learned from is the first line that is read', async () => {
  const said: string[] = [];
  const progress = { report: () => undefined, note: () => undefined, stop: () => undefined };
  const io: CommandIo = { write: (text) => Promise.resolve(void said.push(text)), progress };
  const options = { from: LIVE_FROM_MS - DAY_MS, to: LIVE_FROM_MS };
  await runHistoryBacktest(options, config, io, new AbortController().signal);
  const [first, ...lines] = said.join('').split('\n');
  expect(first).toBe(
    'note: judged on rows of its own calibration: the span begins at 2026-01-18T00:00Z, and the scale and the first calibration ' +
      'of m-live were made of rows up to 2026-01-19T00:00Z',
  );
  const header = lines.findIndex((line) => line.startsWith('m-live under test'));
  expect(lines.slice(header).filter((line) => line.startsWith('note:'))).toEqual([]);
}, 300_000);

test('rows that live decided by another calibration are counted', async () => {
  const rename = (from: string, to: string) =>
    live.query('UPDATE transactions SET calibration = $2 WHERE calibration = $1 AND occurred_at >= $3', [
      ...[from, to],
      new Date(FROM_MS),
    ]);
  const id = `m-live.${FROM_MS / DAY_MS}.test`;
  const there = inSpan.filter(({ occurredAtMs }) => occurredAtMs < FROM_MS + DAY_MS).length;
  await rename(id, 'm-live.other');
  try {
    const { printed } = await backtest();
    expect(printed.notes.at(-1)).toContain(`${there} transactions were decided live by another calibration`);
  } finally {
    await rename('m-live.other', id);
  }
}, 300_000);

test('a database that stops gives one sentence', async () => {
  let stopping: Promise<unknown> = Promise.resolve();
  const stop = (): void => {
    stopping = stopping.then(() =>
      live.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND datname = current_database()`),
    );
  };
  const said = await backtest({}, (step) => (step === 'replay' ? stop() : undefined)).then(
    ({ notes }) => notes.join(),
    (error: Error) => error.message,
  );
  await stopping;
  expect(said).toBe('the database was stopped, or the way to it is gone; the next backtest drops surprisal_backtest_1');
  await live.query('DROP SCHEMA surprisal_backtest_1 CASCADE');
}, 300_000);

test('what cannot be answered is refused in a sentence', async () => {
  const refused = (options: Partial<HistoryBacktestOptions>, sentence: string | RegExp) =>
    expect(backtest(options)).rejects.toThrow(sentence);
  await refused({ to: FROM_MS }, /--to 2026-01-21T00:00Z is not after --from 2026-01-21T00:00Z/);
  await refused({ model: 'm-none' }, 'no model version "m-none" is stored');
  await refused({ from: TO_MS + DAY_MS, to: TO_MS + 2 * DAY_MS }, /no transaction is stored from .* the history goes from/);
  await refused({ fromOffset: ['0:1'] }, '--topic only');
  await refused({ topic: true, fromOffset: ['1'] }, 'expected PARTITION:OFFSET');
  await refused({ policy: join(tmpdir(), 'no-policy.yaml') }, /--policy .*no-policy.yaml: there is no such file/);
  await refused({ flips: join(tmpdir(), 'no-folder', 'flips.csv') }, /--flips .*: there is no folder .*no-folder$/);
  // Two days of history are too few to calibrate another budget by.
  await refused({ from: WORLD_START_MS, to: WORLD_START_MS + DAY_MS, budget: 0.01 }, 'choose a later --from');
  await refused({ schema: 'handbook' }, 'schema "handbook" has no champion');
  await refused({ schema: 'handbook', model: 'm-live' }, 'is of the transaction schema "demo"');
  await expect(backtest({ from: TO_MS - 1, to: TO_MS })).rejects.toThrow('no transaction is stored');
  expect(await backtestSchemas()).toEqual([]);
}, 120_000);
