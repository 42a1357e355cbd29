import * as threads from 'node:worker_threads';
import { jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import * as answers from '../../src/api/training-answers.js';
import { loadConfig } from '../../src/config.js';
import type { Outcome, Policy } from '../../src/domain/decision.js';
import { transactionParser } from '../../src/domain/parse-transaction.js';
import { createRandom } from '../../src/domain/random.js';
import type { VersionComparison } from '../../src/domain/version-comparison.js';
import { decodeArtifacts, encodeArtifacts } from '../../src/models/artifact.js';
import { OnlineLine, scoreTransactions } from '../../src/scoring/score-transactions.js';
import { saveScoringModel } from '../../src/scoring/scoring-model.js';
import { createStores, storeModel, type Stores } from '../../src/service-stores.js';
import { createSimdBackend } from '../../src/tensor/simd.js';
import { type Candidate, retrain } from '../../src/training/retrain.js';
import { wilsonShare } from '../../src/training/wilson.js';
import { DAY_MS } from '../../src/domain/time.js';
import { demoHistory, WORLD_START_MS } from '../support/demo-history.js';
import { KEY, startHttp } from '../support/http-service.js';
import { memoryService } from '../support/memory-api.js';
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
const { Champion } = await import('../../src/champion.js');
const { compare } = await import('../../src/cli/models-compare.js');
const { StoredVersionComparer } = await import('../../src/version-comparer.js');

const BY = { by: 'ana', why: 'a test' };
const TRAIN_DAYS = 18;
const LIVE_FROM_MS = WORLD_START_MS + TRAIN_DAYS * DAY_MS;
const LIVE_DAYS = 4;
const BATCH = 400;
const config = loadConfig(undefined, {});
const policy: Policy = { ...config.policy, version: 'test', budget: { share: 0.05 } };
const { schema, transactions, labels } = demoHistory({ seed: 12, customers: 200, days: TRAIN_DAYS + LIVE_DAYS });
const parser = transactionParser(schema);
const live = transactions.filter(({ occurredAtMs }) => occurredAtMs >= LIVE_FROM_MS);
const liveIds = new Set(live.map(({ id }) => id));
const delayMs = schema.label!.delayDays * DAY_MS;

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
      parameters: config.models,
      estimators: { T: 'tail', D: density },
      version,
    },
    { random: createRandom(3), backend: createSimdBackend() },
  );

interface Run {
  readonly source: DataSource;
  readonly stores: Stores;
  readonly champion: InstanceType<typeof Champion>;
  readonly send: (from: number, to: number) => Promise<void>;
}

let postgres: TestPostgres;
let a: Candidate;
let b: Candidate;
const pools: InstanceType<typeof WorkerPool>[] = [];
const broken: Error[] = [];

const store = async (stores: Stores, { model, artifact, calibration }: Candidate): Promise<void> => {
  await storeModel(stores, { version: model.version, artifact, calibration, trainedAtMs: LIVE_FROM_MS, report: {} });
};

/** A service of its own: the same stream, another champion or other challengers. */
const run = async (champion: string, prepare: (stores: Stores, source: DataSource) => Promise<void>): Promise<Run> => {
  const source = await postgres.createDataSource();
  const stores = createStores(source, schema, false);
  for (const candidate of [a, b]) await store(stores, candidate);
  await stores.registry.promote(schema.name, champion, BY);
  await prepare(stores, source);
  const pool = new WorkerPool(2, 'simd', (error) => broken.push(error));
  pools.push(pool);
  const served = new Champion(schema.name, stores, pool, policy);
  await served.refresh();
  const line = new OnlineLine(schema, parser, stores.scoring, pool);
  const send = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += BATCH) {
      const records = live.slice(at, Math.min(to, at + BATCH)).map((transaction) => ({
        bytes: Buffer.from(JSON.stringify(parser.toJson(transaction))),
        key: null,
        position: transaction.id,
      }));
      const outcome = await scoreTransactions(records, { kind: 'direct', name: 'test' }, line);
      if (outcome.result !== 'committed' || outcome.deadLetters.length > 0) throw new Error(JSON.stringify(outcome));
      // As its timer does.
      await served.refresh();
    }
  };
  return { source, stores, champion: served, send };
};

/** All that was decided, to the last bit. */
const decided = async ({ source }: Run): Promise<unknown> => [
  await source.query(`SELECT to_jsonb(t) - 'committed_at' AS row FROM transactions AS t ORDER BY id`),
  await source.query('SELECT transaction_id, payload FROM alerts ORDER BY transaction_id'),
  await source.query('SELECT entity_id, encode(state, $1) FROM entity_states ORDER BY entity_id', ['hex']),
];

let alone: Run;
let other: Run;
let shadowed: Run;

beforeAll(async () => {
  postgres = await startTestPostgres();
  a = await fit('m-a', 'gaussian-mixture');
  b = await fit('m-b', 'isolation-forest');
  alone = await run('m-a', () => Promise.resolve());
  other = await run('m-b', () => Promise.resolve());
  shadowed = await run('m-a', async ({ registry }) => void (await registry.challenge(schema.name, 'm-b', BY)));
  for (const each of [alone, other, shadowed]) {
    await each.send(0, live.length);
    await each.stores.labels.append(labels.filter(({ transactionId }) => liveIds.has(transactionId)));
  }
}, 240_000);
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.stop()));
  await postgres.stop();
  expect(broken).toEqual([]);
});

interface Said {
  id: string;
  at: Date;
  s: number;
  t: number;
  h: number;
  d: number;
  p: number;
  outcome: Outcome;
  lane: string | null;
  calibration: string;
}
const saidBy = ({ source }: Run): Promise<Said[]> =>
  source.query(`SELECT id, occurred_at AS at, s_score AS s, t_score AS t, h_score AS h, d_score AS d,
                  fused_minus_log10_p AS p, outcome, lane, calibration FROM transactions ORDER BY id`);

test('the models differ and share their features; without a challenger nothing is written beside the rows', async () => {
  expect(a.model.featureSet.id).toBe(b.model.featureSet.id);
  expect(live.length).toBeGreaterThan(2_000);
  expect(await alone.source.query('SELECT count(*)::integer AS n FROM shadow_scores')).toEqual([{ n: 0 }]);
  expect(alone.champion.challengers.count).toBe(0);
});

test('the champion decides to the bit what it decides alone', async () => {
  expect(await decided(shadowed)).toEqual(await decided(alone));
  expect(shadowed.champion.challengers.problem).toBeNull();
});

test('a challenger says of every row, to the bit, what it says as champion of the same stream', async () => {
  const shadows: Said[] = await shadowed.source.query(`SELECT transaction_id AS id, occurred_at AS at, s_score AS s, t_score AS t,
      h_score AS h, d_score AS d, minus_log10_p AS p, outcome, lane, calibration
    FROM shadow_scores WHERE version = 'm-b' ORDER BY transaction_id`);
  expect(shadows).toHaveLength(live.length);
  expect(shadows).toEqual(await saidBy(other));
});

/** By the rows of two services, each with its own champion: no shadow, no SQL of the comparison. */
const expectedComparison = async () => {
  const [ofA, ofB] = [await saidBy(alone), await saidBy(other)];
  const newestMs = Math.max(...live.map(({ occurredAtMs }) => occurredAtMs));
  const frauds = new Set(labels.filter(({ isFraud }) => isFraud).map(({ transactionId }) => transactionId));
  const truth = ({ id, at }: Said) => (frauds.has(id) ? 'fraud' : at.getTime() < newestMs - delayMs ? 'legitimate' : null);
  const alerts = ({ outcome }: Said): boolean => outcome !== 'approve';
  const pairs = ofA.map((row, i) => ({ a: row, b: ofB[i]!, truth: truth(row) }));
  const share = (count: number, of: number) => wilsonShare(count, of);
  const sideOf = (side: 'a' | 'b') => {
    const among = (known: string | null) => pairs.filter((pair) => pair.truth === known);
    const caught = (known: string) => share(among(known).filter((pair) => alerts(pair[side])).length, among(known).length);
    return { caughtFrauds: caught('fraud'), falseAlarms: caught('legitimate') };
  };
  const flips = (side: 'a' | 'b', not: 'a' | 'b') =>
    pairs
      .filter((pair) => alerts(pair[side]) && !alerts(pair[not]))
      .sort((x, y) => Math.abs(y.a.p - y.b.p) - Math.abs(x.a.p - x.b.p));
  return { pairs, sideOf, flips, same: pairs.filter((pair) => pair.a.outcome === pair.b.outcome).length };
};

/** Pearson's correlation of mean ranks, which a sort gives. */
const spearman = (x: readonly number[], y: readonly number[]): number => {
  const meanRanks = (values: readonly number[]): number[] => {
    const sorted = [...values].sort((v, w) => v - w);
    const last = new Map(sorted.map((value, i) => [value, i + 1]));
    const first = new Map(sorted.map((value, i) => [value, i + 1]).reverse() as [number, number][]);
    return values.map((value) => (first.get(value)! + last.get(value)!) / 2);
  };
  const [rx, ry] = [meanRanks(x), meanRanks(y)];
  const mean = (x.length + 1) / 2;
  const sum = (f: (i: number) => number): number => x.reduce((total, _, i) => total + f(i), 0);
  const [sx, sy] = [sum((i) => (rx[i]! - mean) ** 2), sum((i) => (ry[i]! - mean) ** 2)];
  return sum((i) => (rx[i]! - mean) * (ry[i]! - mean)) / Math.sqrt(sx * sy);
};

test('the comparison counts what a count by hand counts, over HTTP and on the command line', async () => {
  const expected = await expectedComparison();
  const { stores } = shadowed;
  const comparer = new StoredVersionComparer(schema, stores, policy);
  const service = await startHttp({ ...memoryService(), registry: stores.registry, comparer });
  const get = (path: string) => fetch(service.url + path, { headers: { Authorization: `Bearer ${KEY}` } });
  const answer = await get('/v1/models/m-a/compare/m-b?days=30');
  const found = answers.VersionComparisonAnswer.parse(await answer.json());

  expect(found).toMatchObject({ rows: live.length, everyNth: 1, undecided: 0, a: expected.sideOf('a'), b: expected.sideOf('b') });
  expect(found.sameDecision).toMatchObject({ count: expected.same, of: live.length });
  expect(found.rankCorrelation).toBeCloseTo(
    spearman(
      expected.pairs.map((pair) => pair.a.p),
      expected.pairs.map((pair) => pair.b.p),
    ),
    9,
  );
  const spanDays = (live.at(-1)!.occurredAtMs - live[0]!.occurredAtMs) / DAY_MS;
  expect(found.rowsPerDay).toBeCloseTo(live.length / spanDays, 6);
  expect(found.budgetPerDay).toBeCloseTo((0.05 * live.length) / spanDays, 6);
  expect(found.a.caughtFrauds.of).toBeGreaterThan(0);
  for (const [group, flips] of [
    [found.onlyA, expected.flips('a', 'b')],
    [found.onlyB, expected.flips('b', 'a')],
  ] as const) {
    expect(flips.length).toBeGreaterThan(0);
    expect(group).toMatchObject({
      rows: flips.length,
      frauds: flips.filter(({ truth }) => truth === 'fraud').length,
      legitimate: flips.filter(({ truth }) => truth === 'legitimate').length,
    });
    expect(group.examples.map(({ transactionId }) => transactionId)).toEqual(flips.slice(0, 10).map((pair) => pair.a.id));
    group.examples.forEach(({ transactionId, amount, entities, label, a: ofA, b: ofB }, i) => {
      const sent = live.find(({ id }) => id === transactionId)!;
      expect(Number(amount)).toBeCloseTo(sent.amountMinor / 100, 9);
      expect(Object.values(entities)).toEqual(sent.entities);
      expect({ label, a: ofA.lane, b: ofB.lane }).toEqual({ label: flips[i]!.truth, a: flips[i]!.a.lane, b: flips[i]!.b.lane });
      // What was alerted on in earnest has its sentence, what would have been has none.
      expect([ofA.reason !== null, ofB.reason]).toEqual([ofA.outcome !== 'approve', null]);
    });
  }

  // The other way round it is the same.
  const reverse = (await (await get('/v1/models/m-b/compare/m-a?days=30')).json()) as VersionComparison;
  expect([reverse.a, reverse.onlyB.rows, reverse.rows]).toEqual([found.b, found.onlyA.rows, found.rows]);
  const short = (await (await get('/v1/models/m-b/compare/m-a?days=1')).json()) as VersionComparison;
  const newestMs = live.at(-1)!.occurredAtMs;
  expect(short.rows).toBe(live.filter(({ occurredAtMs }) => occurredAtMs >= newestMs - DAY_MS).length);
  for (const [path, status, words] of [
    ['/v1/models/m-a/compare/m-a', 400, 'b: m-a is not another model version'],
    ['/v1/models/m-a/compare/m-x', 404, 'there is no model version "m-x"'],
    ['/v1/models/m-a/compare/m-b?days=0', 400, 'a whole number from 1 to 60'],
  ] as const) {
    const refused = await get(path);
    expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
      status,
      expect.stringContaining(words),
    ]);
  }
  await service.app.close();

  const said: string[] = [];
  const io = {
    write: (text: string) => Promise.resolve(void said.push(text)),
    progress: { report: () => undefined, note: () => undefined, stop: () => undefined },
  };
  const { url } = shadowed.source.options as { readonly url: string };
  const own = { ...loadConfig(undefined, { DATABASE_URL: url }), policy };
  await compare('m-a', 'm-b', { days: 30, json: true }, own, io);
  expect(JSON.parse(said.pop()!)).toEqual(found);
  await compare('m-a', 'm-b', { days: 30 }, own, io);
  expect(said.join('')).toMatch(/rank correlation 0\.\d{4}, same decision .*\n\nversion +alerts +a day +known frauds caught/);
  expect(said.join('')).toContain(`only a alerts: ${found.onlyA.rows} rows`);
  await expect(compare('m-a', 'm-x', { days: 7 }, own, io)).rejects.toMatchObject({ name: 'UsageError' });
}, 60_000);

test('of very many rows an even part is compared, and says so', async () => {
  const { PostgresShadowStore } = await import('../../src/store/shadow.store.js');
  const shadows = new PostgresShadowStore(shadowed.source, Math.ceil(live.length / 3));
  const found = await new StoredVersionComparer(schema, { ...shadowed.stores, shadows }, policy).compare('m-a', 'm-b', 30);
  expect(found.everyNth).toBe(3);
  expect(Math.abs(found.rows / live.length - 1 / 3)).toBeLessThan(0.05);
  expect(Math.abs(found.rowsPerDay! / (live.length / LIVE_DAYS) - 1)).toBeLessThan(0.15);
});

test('it gets the calibration of its shadow scores that it would have got as champion, and takes over with it', async () => {
  const dayAfterMs = LIVE_FROM_MS + LIVE_DAYS * DAY_MS + 3_600_000;
  for (const each of [other, shadowed]) await each.champion.calibrate(dayAfterMs);
  const [expected, own] = [await other.stores.calibrations.latest('m-b'), await shadowed.stores.calibrations.latest('m-b')];
  expect(own!.validFromDay).toBe(Math.floor(dayAfterMs / DAY_MS));
  expect(own!.achieved).toBeGreaterThan(0);
  expect(own).toEqual(expected);
  expect(own).not.toEqual(b.calibration);

  await shadowed.stores.registry.promote(schema.name, 'm-b', BY);
  await shadowed.champion.refresh();
  expect(shadowed.champion.challengers.count).toBe(0);
  await shadowed.source.query('DELETE FROM transactions');
  await shadowed.source.query('DELETE FROM transaction_ids');
  await shadowed.send(0, 50);
  const rows = await shadowed.source.query<unknown[]>(`SELECT DISTINCT model, calibration FROM transactions`);
  expect(rows).toEqual([{ model: 'm-b', calibration: own!.id }]);
  expect(await shadowed.source.query('SELECT count(*)::integer AS n FROM shadow_scores')).toEqual([{ n: live.length }]);
}, 60_000);

test('challengers that cannot be loaded or that throw leave the champion alone, and are named', async () => {
  const { artifacts, meta } = decodeArtifacts(saveScoringModel(b.model));
  const wrong = (version: string, over: typeof artifacts) => encodeArtifacts({ ...artifacts, ...over }, { ...meta, version });
  // D reads columns that it is not given.
  const throwing = wrong('m-throws', { D: artifacts['T']! });
  const lacking = wrong('m-lacks', { D: { ...artifacts['D']!, estimator: 'oracle-of-delphi' } });
  const ill = await run('m-a', async (stores) => {
    for (const [version, artifact] of [
      ['m-throws', throwing],
      ['m-lacks', lacking],
    ] as const) {
      const calibration = { ...b.calibration, id: `${version}.0`, model: version };
      await storeModel(stores, { version, artifact, calibration, trainedAtMs: LIVE_FROM_MS, report: {} });
      await stores.registry.challenge(schema.name, version, BY);
    }
  });
  expect(ill.champion.challengers.problem).toContain('m-lacks: does not score');
  expect(ill.champion.challengers.problem).toContain('oracle-of-delphi');
  await ill.send(0, live.length);
  expect(ill.champion.challengers.problem).toContain('m-throws: does not score');
  expect(ill.champion.problem).toBeNull();
  await ill.stores.labels.append(labels.filter(({ transactionId }) => liveIds.has(transactionId)));
  expect(await decided(ill)).toEqual(await decided(alone));
  expect(await ill.source.query('SELECT count(*)::integer AS n FROM shadow_scores')).toEqual([{ n: 0 }]);
  for (const version of ['m-throws', 'm-lacks']) await ill.stores.registry.relieve(schema.name, version, BY);
  await ill.champion.refresh();
  expect(ill.champion.challengers.problem).toBeNull();
}, 60_000);
