import { DAY_MS } from '../../src/domain/time.js';
import type { DataSource } from 'typeorm';
import { Champion } from '../../src/champion.js';
import { coldStartCheck, startCold } from '../../src/cold-start.js';
import { loadConfig } from '../../src/config.js';
import { isPriorModel } from '../../src/domain/model-version.js';
import { transactionParser } from '../../src/domain/parse-transaction.js';
import { retrainIfDue } from '../../src/retraining-schedule.js';
import { LocalScorer } from '../../src/scoring/local-scorer.js';
import { OnlineLine, scoreTransactions } from '../../src/scoring/score-transactions.js';
import { loadScoringModel } from '../../src/scoring/scoring-model.js';
import { createStores, storeModel, type Stores } from '../../src/service-stores.js';
import { createTensorBackend } from '../../src/tensor-backend.js';
import { storedJudgedFromMs } from '../../src/training-window.js';
import { priorModel } from '../../src/training/prior-model.js';
import type { WorkerPool } from '../../src/threads/worker-pool.js';
import { coldWorld } from '../support/cold-start.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

const config = loadConfig(undefined, {});
const { policy } = config;
const world = coldWorld({ seed: 3, customers: 300, days: 3 });
const { schema, transactions } = world;
const parser = transactionParser(schema);
const { version: PRIOR, featureSet } = priorModel(schema)!;
const NOW_MS = Date.UTC(2026, 0, 5);

let postgres: TestPostgres;
let source: DataSource;
let stores: Stores;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  stores = createStores(source, schema, false);
});
afterAll(() => postgres.stop());

const start = (over: { enabled?: boolean; weights?: typeof policy.ranking.weights } = {}) =>
  startCold(
    stores,
    schema,
    {
      policy: { ...policy, ranking: { ...policy.ranking, weights: over.weights ?? policy.ranking.weights } },
      training: { ...config.training, coldStart: { enabled: over.enabled ?? true, rowsMin: 10_000 } },
    },
    NOW_MS,
  );
const championVersion = () => stores.models.championVersion(schema.name);

/** The line with its champion, in this thread. */
const serve = async () => {
  const backend = await createTensorBackend('simd', () => undefined);
  let scorer: LocalScorer | null = null;
  const pool = {
    useModel: (artifact: Uint8Array, _needs: unknown, terms: ConstructorParameters<typeof LocalScorer>[1]) => {
      scorer = new LocalScorer(loadScoringModel(artifact, backend), terms);
      return Promise.resolve();
    },
    useTerms: (terms: ConstructorParameters<typeof LocalScorer>[1]) => scorer!.use(terms),
  } as unknown as WorkerPool;
  const champion = new Champion(schema.name, stores, pool, policy);
  await champion.refresh();
  const send = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += 100) {
      const batch = transactions.slice(at, Math.min(to, at + 100));
      const records = batch.map((t) => ({ bytes: Buffer.from(JSON.stringify(parser.toJson(t))), key: null, position: t.id }));
      const line = new OnlineLine(schema, parser, stores.scoring, scorer!);
      expect(await scoreTransactions(records, { kind: 'direct', name: 'test' }, line)).toMatchObject({ result: 'committed' });
      // As the timer does.
      await champion.calibrate(batch.at(-1)!.occurredAtMs);
    }
  };
  return { champion, send };
};

describe('an empty database', () => {
  it('gets the prior model once, however many processes start', async () => {
    const said = await Promise.all([start(), start(), start()]);
    expect(said.filter((line) => line?.startsWith(`cold start: ${PRIOR} decides`))).toHaveLength(1);
    expect(said.filter((line) => line === null)).toHaveLength(2);
    expect(await championVersion()).toBe(PRIOR);
    expect(await start()).toBeNull();
    const [change, ...more] = await stores.registry.changes(schema.name);
    expect(more).toEqual([]);
    expect(change).toMatchObject({ kind: 'promote', version: PRIOR, by: 'cold start', epoch: 1 });
    const stored = await stores.models.load(PRIOR);
    expect(isPriorModel(stored.version)).toBe(true);
    expect(await stores.registry.one(PRIOR)).toMatchObject({
      report: { prior: expect.stringContaining('no history') as string },
    });
  });

  it('goes on with a start that was cut off before the promotion', async () => {
    const { artifact, version } = await (async () => {
      await start();
      return stores.models.load(PRIOR);
    })();
    const other = await postgres.createDataSource();
    stores = createStores(other, schema, false);
    await storeModel(stores, {
      version: version.version,
      artifact,
      calibration: null,
      trainedAtMs: 0,
      report: { ...version.report },
    });
    expect(await start()).toContain('decides');
    expect(await championVersion()).toBe(PRIOR);
  });

  it.each([
    ['it is switched off', () => start({ enabled: false }), 'training.coldStart.enabled is false'],
    [
      'the policy leaves T out',
      () => start({ weights: { ...policy.ranking.weights, T: 0 } }),
      'to which the policy gives no weight',
    ],
    [
      'a model is stored',
      async () => {
        await start();
        await source.query(`UPDATE model_roles SET role = 'retired'`);
        return start();
      },
      `models are stored (${PRIOR}, retired)`,
    ],
    [
      'transactions are stored',
      async () => {
        await start();
        await (await serve()).send(0, 10);
        await source.query('DELETE FROM model_roles');
        return start();
      },
      'the database holds transactions',
    ],
  ])('waits where %s, and says why', async (_, attempt, sentence) => {
    const said = await attempt();
    expect(said).toContain(`no model for schema "demo" decides`);
    expect(said).toContain(sentence);
    expect(await championVersion()).toBeNull();
  });
});

describe('the first days', () => {
  it('are scored by the prior model, calibrated from the rows so far, and alerted on within twice the budget', async () => {
    await start();
    const { champion, send } = await serve();
    expect(await coldStartCheck(champion, stores, schema, config)).toBe(
      `prior model ${PRIOR} decides, without history: nothing is alerted on before 500 transactions; ` +
        'the first model of the stream is trained at 10000',
    );
    await send(0, transactions.length);
    expect(await coldStartCheck(champion, stores, schema, config)).toContain('calibrated by 2');
    const rows = await source.query<{ model: string; calibration: string; n: number; alerts: number }[]>(
      `SELECT model, calibration, count(*)::integer AS n, count(*) FILTER (WHERE outcome <> 'approve')::integer AS alerts
       FROM transactions GROUP BY model, calibration ORDER BY min(occurred_at)`,
    );
    expect(new Set(rows.map(({ model }) => model))).toEqual(new Set([PRIOR]));
    expect(rows[0]).toMatchObject({ calibration: 'none', n: 500, alerts: 0 });
    const names = rows.slice(1).map(({ calibration }) => calibration.replace(`${PRIOR}.`, '').replace(`.${policy.version}`, ''));
    // The first day has 901 rows.
    const days = ['20458.500', '20458.700', '20458.900', '20459.1200', '20459.1500', '20460.1900', '20460.2400'];
    expect(names).toEqual(days);
    const [day] = await source.query<{ alerts: number; n: number }[]>(
      `SELECT transactions::integer AS n, alerts::integer AS alerts FROM day_counts ORDER BY day LIMIT 1`,
    );
    expect(day!.alerts / day!.n).toBeLessThanOrEqual(2 * policy.budget.share);
    const alerted = rows.reduce((sum, { alerts }) => sum + alerts, 0);
    expect(alerted).toBeGreaterThan(0);
    expect(await stores.models.rememberedFeatureSets()).toEqual([featureSet.id]);

    // A restart finds the same calibration; another policy has one of its own made.
    const again = await serve();
    expect(again.champion.calibrationRows).toBe(Number(names.at(-1)!.split('.')[1]));
    await again.champion.calibrate(transactions.at(-1)!.occurredAtMs);
    expect(await stores.calibrations.latestId(PRIOR)).toBe(rows.at(-1)!.calibration);
  }, 60_000);

  it('ask for one run when the history is long enough, and for nothing before it', async () => {
    await start();
    const { send } = await serve();
    const runs = async () => (await stores.runs.list({ limit: 9 })).items.map(({ trigger, why }) => `${trigger}: ${why}`);
    let nowMs = NOW_MS;
    const look = () =>
      retrainIfDue({
        schema,
        settings: { ...config.training.schedule, newLabelsMin: 1 },
        coldStart: { rowsMin: 900 },
        stores,
        now: () => nowMs,
        say: () => undefined,
      });
    await send(0, 800);
    const { id, occurredAtMs } = transactions[0]!;
    const label = { transactionId: id, isFraud: true, type: null, source: 'x', knownAtMs: occurredAtMs + 1 };
    await stores.labels.append([label]);
    for (const day of [0, 1, 2]) {
      nowMs = NOW_MS + day * DAY_MS;
      await look();
    }
    expect(await runs()).toEqual([]);
    await send(800, 1_000);
    await look();
    await look();
    expect(await runs()).toEqual(['schedule: cold start: 900 transactions are stored']);
    const { claim } = (await stores.runs.claim(schema.name, 'trainer'))!;
    await stores.runs.finish(claim, { state: 'failed', error: 'a try' });
    // It has answered the night that went by; the next one is the schedule's again.
    await look();
    expect(await runs()).toHaveLength(1);
    nowMs += DAY_MS;
    await look();
    expect((await runs())[0]).toContain('due at');
  }, 60_000);

  it('tell what became of the first model: asked for, in training, in shadow, rolled back', async () => {
    await start();
    const health = (training = config.training) =>
      coldStartCheck({ prior: PRIOR, calibrationRows: 500 }, stores, schema, { policy, training });
    expect(await health()).toContain('; the first model of the stream is trained at 10000');
    const off = { ...config.training, schedule: { ...config.training.schedule, enabled: false } };
    expect(await health(off)).toContain('; the schedule is off: "surprisal retrain" asks');
    await stores.runs.enqueue({ schema: schema.name, trigger: 'schedule', by: 'schedule', why: 'cold start' });
    expect(await health()).toContain('; training run 1 is asked for');
    const { claim } = (await stores.runs.claim(schema.name, 'trainer'))!;
    expect(await health()).toContain('; training run 1 goes on');
    await stores.runs.finish(claim, { state: 'succeeded', report: { verdict: 'shadow' }, version: 'v1' });
    expect(await health()).toContain('; training run 1: shadow, "surprisal runs show 1" says why');
    await source.query(
      `INSERT INTO role_changes (schema, kind, version, replaced, epoch, by, why) VALUES ($1, 'rollback', $2, NULL, 3, 'ann', 'x')`,
      [schema.name, PRIOR],
    );
    expect(await health()).toContain(`${PRIOR} decides, rolled back to by ann, without history: calibrated by 500`);
    expect(await coldStartCheck({ prior: null, calibrationRows: 500 }, stores, schema, config)).toBeNull();
  });

  it('are judged on their last quarter until labels mature', async () => {
    await start();
    const { send } = await serve();
    await send(0, 2_000);
    const asOfMs = transactions[1_999]!.occurredAtMs + 1;
    const judged = (given: { delayMs: number; judgeDays: number }) => storedJudgedFromMs(source, { asOfMs, ...given });
    const before = (ms: number): number => transactions.slice(0, 2_000).filter((t) => t.occurredAtMs < ms).length;
    // The first border of three that leaves half of the rows to fit on.
    expect(before(await judged({ delayMs: 3 * DAY_MS, judgeDays: 7 }))).toBe(1_499);
    const delayMs = 0.2 * DAY_MS;
    const matured = before(asOfMs - delayMs);
    expect(before(await judged({ delayMs, judgeDays: 7 }))).toBe(matured - Math.floor(matured / 4) - 1);
    expect(await judged({ delayMs: 0, judgeDays: 1 })).toBe(asOfMs - DAY_MS);
  }, 60_000);
});
