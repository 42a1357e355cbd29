import { jest } from '@jest/globals';
import threads from 'node:worker_threads';
import type { DataSource } from 'typeorm';
import { createRandom, type Random } from '../../src/domain/random.js';
import { DAY_MS } from '../../src/domain/time.js';
import { TransactionSchemaDefinition } from '../../src/domain/transaction-schema.js';
import { loadConfig } from '../../src/config.js';
import { watchDrift, type DriftWatch } from '../../src/drift-watch.js';
import { askForDrift, type RetrainingSchedule } from '../../src/retraining-schedule.js';
import { createFeatureSet } from '../../src/features/catalog.js';
import { fitPriors } from '../../src/features/priors.js';
import { decodeArtifacts, encodeArtifacts } from '../../src/models/artifact.js';
import type { CommittedRow } from '../../src/scoring/ports.js';
import { createStores, type Stores } from '../../src/service-stores.js';
import { buildDriftReference } from '../../src/training/drift/drift-reference.js';
import { DriftSettingsSchema } from '../../src/training/drift/drift-settings.js';
import { driftResult, type ServedRow } from '../../src/training/drift/served-rows.js';
import { driftRows } from '../../src/training/drift/drift-day.js';
import { featureMatrix } from '../../src/domain/feature-matrix.js';
import { DriftAnswer } from '../../src/api/drift-answers.js';
import { driftText } from '../../src/cli/drift.js';
import { KEY, startHttp } from '../support/http-service.js';
import { memoryService } from '../support/memory-api.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { batch, row, SCHEMA } from '../support/store-samples.js';

// A thread runs the built program.
const threadsMade: threads.Worker[] = [];
jest.unstable_mockModule('node:worker_threads', () => ({
  ...threads,
  Worker: class extends threads.Worker {
    constructor() {
      super(new URL('../../dist/src/threads/drift-worker.js', import.meta.url));
      threadsMade.push(this);
    }
  },
}));
const { DriftThread } = await import('../../src/threads/drift-thread.js');

const FIRST = 20_000;
const CUSTOMERS = 120;
const settings = DriftSettingsSchema.parse({});
const WATCHED = TransactionSchemaDefinition.parse({
  ...SCHEMA,
  features: { set: 'columns' },
  label: { column: 'label', delayDays: 3 },
});
const featureSet = createFeatureSet(WATCHED, fitPriors(WATCHED, [], [], 0));
const distance = featureSet.columns.findIndex(({ name }) => name === 'distance');

let looking: InstanceType<typeof DriftThread>[];
let postgres: TestPostgres;
let source: DataSource;
let stores: Stores;
let said: string[];
let asked: string[];
beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  stores = createStores(source, WATCHED, false);
  looking = [];
  said = [];
  asked = [];
});
afterEach(() => Promise.all(looking.map((thread) => thread.close())));
afterAll(() => postgres.stop());

const watch = (): DriftWatch => {
  const thread = new DriftThread();
  looking.push(thread);
  return {
    schema: WATCHED,
    settings,
    stores,
    run: thread.run,
    retrain: (why) => Promise.resolve(asked.push(why) > 0),
    say: (line) => void said.push(line),
    signal: new AbortController().signal,
  };
};

interface Change {
  readonly lostDistance?: boolean;
  /** p-values are raised to it: below 1 they are larger. */
  readonly power?: number;
}

/** A day of customers with habits: some 180 rows. */
const dayRows = (random: Random, day: number, model: string, { lostDistance = false, power = 1 }: Change = {}): CommittedRow[] =>
  Array.from({ length: CUSTOMERS }, (_, c) => {
    const habit = createRandom(c).normal();
    return Array.from({ length: 1 + random.integer(2) }, (_, n): CommittedRow => {
      const id = `${day}-${c}-${n}`;
      const made = row(id, {
        atMs: day * DAY_MS + random.integer(DAY_MS),
        customer: `c${c}`,
        terminal: `t${random.integer(20)}`,
        model,
      });
      const features = Float32Array.from(featureSet.columns, () => habit + random.normal());
      if (lostDistance) features[distance] = NaN;
      const minusLog10P = () => -Math.log10(Math.max(1e-9, random.uniform()) ** power);
      return {
        ...made,
        scored: {
          ...made.scored,
          features,
          channels: { ...made.scored.channels, D: { score: 1, minusLog10P: minusLog10P() } },
          fused: { score: 1, minusLog10P: minusLog10P() },
          versions: { ...made.scored.versions, featureSet: featureSet.id },
        },
      };
    });
  }).flat();

const serve = async (day: number, model: string, change: Change = {}): Promise<CommittedRow[]> => {
  const rows = dayRows(createRandom(day), day, model, change);
  expect(await stores.scoring.commit(batch(rows, { featureSet: featureSet.id }))).toBe('committed');
  return rows;
};

const promote = async (version: string): Promise<void> => {
  const artifact = encodeArtifacts({}, { version, schema: WATCHED, priors: featureSet.priors, featureSet: featureSet.id });
  const { checksum } = decodeArtifacts(artifact);
  await stores.models.save(
    { version, schema: WATCHED.name, featureSet: featureSet.id, checksum, trainedAtMs: FIRST * DAY_MS, report: {} },
    artifact,
  );
  await stores.registry.promote(WATCHED.name, version, { by: 'test', why: '' });
};

/** Serves days first..last one by one, with a look after each. */
const live = async (first: number, last: number, change: Change = {}): Promise<void> => {
  for (let day = first; day <= last; day += 1) {
    await serve(day, 'm1', change);
    await watchDrift(watch(), day);
  }
};

/** A model with a reference of its training rows, served for a week before anybody looks. */
const trained = async (days = 28): Promise<void> => {
  const rows = Array.from({ length: days }, (_, i) => dayRows(createRandom(FIRST + i), FIRST + i, 'm0')).flat();
  await stores.scoring.commit(batch(rows, { featureSet: featureSet.id }));
  const transactions = rows.map(({ scored }) => scored.transaction);
  const values = Float32Array.from(rows.flatMap(({ scored }) => [...scored.features]));
  const reference = buildDriftReference(
    'm1',
    {
      ...driftRows(WATCHED, featureMatrix(featureSet.columns, values), transactions),
      occurredAtMs: Float64Array.from(transactions, (t) => t.occurredAtMs),
    },
    settings,
  );
  await promote('m1');
  await stores.drift.saveReference('m1', reference, 'training rows');
};

const reports = () => stores.drift.reports(WATCHED.name, 100);

describe('watching drift', () => {
  it('a quiet stream is judged from its first day on, raises no alarm, and a day is looked at once', async () => {
    await trained();
    await live(FIRST + 28, FIRST + 34);
    const found = await reports();
    expect(found.map(({ day, alarms }) => [day - FIRST, alarms])).toEqual([34, 33, 32, 31, 30, 29, 28].map((day) => [day, 0]));
    expect(found.every(({ report }) => report.window !== null)).toBe(true);
    expect(found[0]!.report.window).toMatchObject({ fromDay: FIRST + 28, toDay: FIRST + 34 });
    expect([said, asked]).toEqual([[], []]);
    await watchDrift(watch(), FIRST + 34);
    await watchDrift(watch(), FIRST + 20);
    expect(await reports()).toEqual(found);
  });

  it('a field that goes missing is told when it begins, and stands in the reports for as long as it lasts', async () => {
    await trained();
    await live(FIRST + 28, FIRST + 29);
    await live(FIRST + 30, FIRST + 32, { lostDistance: true });
    const alarms = (await reports()).map(({ report }) => report.alarms.map(({ kind, field }) => `${kind}/${field}`));
    expect(alarms.slice(0, 2)).toEqual([['missing/distance'], ['missing/distance']]);
    expect(alarms.slice(-2)).toEqual([[], []]);
    expect(said).toEqual([expect.stringMatching(/^drift alarm \(missing\) on 2024-11-\d\d of m1: distance: missing in/)]);
    // Features alone ask for no training run.
    expect(asked).toEqual([]);
  });

  it('two that look at once store and tell a day once', async () => {
    await trained();
    await serve(FIRST + 28, 'm1');
    await watchDrift(watch(), FIRST + 28);
    for (let day = FIRST + 29; day <= FIRST + 30; day += 1) await serve(day, 'm1', { lostDistance: true });
    await Promise.all([watchDrift(watch(), FIRST + 30), watchDrift(watch(), FIRST + 30)]);
    expect(await reports()).toHaveLength(3);
    expect(said).toHaveLength(1);
  });

  it('scores that change are told once, and ask for a training run again while the alarm lasts', async () => {
    await trained(14);
    await live(FIRST + 14, FIRST + 34);
    expect(asked).toEqual([]);
    const lastDay = FIRST + 40;
    await live(FIRST + 35, lastDay, { power: 4 });
    expect(said.filter((line) => line.includes('(scores)'))).toHaveLength(1);
    const why = /^drift of m1 on 2024-11-\d\d: days are not alike any more/;
    expect(asked[0]).toMatch(why);

    const schedule: RetrainingSchedule = {
      schema: WATCHED,
      settings: { ...loadConfig(undefined, {}).training.schedule, hoursBetween: 6 },
      coldStart: { rowsMin: 10 },
      stores,
      now: Date.now,
      say: () => undefined,
    };
    const look = (): Promise<void> => watchDrift({ ...watch(), retrain: (reason) => askForDrift(schedule, reason) }, lastDay);
    const runs = async () => (await stores.runs.list({ limit: 9 })).items.map(({ trigger, state }) => `${trigger} ${state}`);
    const pass = (hours: number): Promise<unknown> =>
      source.query(
        `UPDATE training_runs SET requested_at = requested_at - $1 * interval '1 hour', finished_at = finished_at - $1 * interval '1 hour'`,
        [hours],
      );
    const carryOut = async (): Promise<void> => {
      const { claim } = (await stores.runs.claim(WATCHED.name, 'trainer'))!;
      await pass(7);
      await look();
      await stores.runs.finish(claim, { state: 'succeeded', report: { verdict: 'reject' } });
    };
    // Another run is under way when the alarm is there: it is asked for when that one has ended, and so many hours have passed.
    await stores.runs.enqueue({ schema: WATCHED.name, trigger: 'manual', by: 'ana', why: '' });
    await carryOut();
    await look();
    await pass(5.9);
    await look();
    expect(await runs()).toEqual(['manual succeeded']);
    await pass(0.2);
    await look();
    await look();
    expect(await runs()).toEqual(['drift queued', 'manual succeeded']);
    await carryOut();
    await pass(6.1);
    await look();
    expect(await runs()).toEqual(['drift queued', 'drift succeeded', 'manual succeeded']);
    await carryOut();
    await pass(6.1);
    // The alarm was of the champion before.
    await promote('m2');
    await look();
    expect(await runs()).toHaveLength(3);
  });

  it('a model without a reference gets one of the first four weeks that it served, and says so', async () => {
    await promote('m1');
    await live(FIRST, FIRST + 27);
    expect(await reports()).toEqual([]);
    await live(FIRST + 28, FIRST + 30);
    expect((await reports()).map(({ day }) => day - FIRST)).toEqual([30, 29, 28]);
    expect(await stores.drift.state('m1')).toMatchObject({ madeFrom: 'served rows', day: FIRST + 30 });
    expect(said).toEqual([
      'drift: m1 came without a reference of its training rows: one is made when it has served 4 whole weeks',
      'drift: m1 came without a reference of its training rows: it is held against the first 4 weeks that it served',
    ]);
  });

  it('a reference of another build judges nothing, and the day says why', async () => {
    await trained();
    await stores.dataSource.query(`UPDATE drift_states SET reference = reference - 'fraudRate' || '{"baseRate": null}'`);
    await live(FIRST + 28, FIRST + 28);
    expect(await reports()).toEqual([]);
    expect(said).toEqual([expect.stringContaining('the reference kept of m1 is not of this build (drift reference: fraudRate')]);
  });

  it('the share of frauds is of days whose label delay has passed, as counted by hand', async () => {
    await trained();
    const labels = Array.from({ length: 4 }, (_, i) => ({
      transactionId: `${FIRST + 20}-${i}-0`,
      isFraud: i !== 3,
      type: null,
      source: 'x',
      knownAtMs: (FIRST + 22) * DAY_MS,
    }));
    // Not matured by then, and one that is known too late.
    const later = [
      { ...labels[0]!, transactionId: `${FIRST + 27}-5-0`, knownAtMs: (FIRST + 28) * DAY_MS },
      { ...labels[0]!, transactionId: `${FIRST + 20}-6-0`, knownAtMs: (FIRST + 60) * DAY_MS },
    ];
    await stores.labels.append([...labels, ...later]);
    await live(FIRST + 28, FIRST + 28);
    const [found] = await reports();
    expect(found!.report.fraudRate).toMatchObject({ frauds: 3, toDay: FIRST + 25 });
  });

  it('no champion, no rows: nothing happens', async () => {
    await watchDrift(watch(), FIRST);
    await promote('m1');
    await watchDrift(watch(), FIRST);
    expect(await reports()).toEqual([]);
  });
});

describe('what people see of it', () => {
  const view = () => stores.drift.view(WATCHED.name, 30);

  it('over HTTP and on the command line: alarms with their first day, the newest report, the days before', async () => {
    expect(driftText(await view())).toBe('there is no champion: nothing is watched');
    await trained();
    await live(FIRST + 28, FIRST + 28);
    await live(FIRST + 29, FIRST + 30, { lostDistance: true });
    const service = await startHttp({ ...memoryService(), drift: stores.drift }, { schema: WATCHED });
    const get = (query: string) => fetch(`${service.url}/v1/drift${query}`, { headers: { Authorization: `Bearer ${KEY}` } });
    try {
      const response = await get('?days=2');
      const body = DriftAnswer.parse(await response.json());
      expect(body).toMatchObject({
        champion: 'm1',
        reference: { madeFrom: 'training rows', from: '2024-10-04', to: '2024-10-31' },
        alarms: [{ since: '2024-11-02', kind: 'missing', field: 'distance' }],
        days: [
          { date: '2024-11-03', alarms: 1 },
          { date: '2024-11-02', alarms: 1 },
        ],
      });
      expect(body.report).toMatchObject({ day: FIRST + 30 });
      expect((await fetch(`${service.url}/v1/drift`)).status).toBe(401);
      expect((await get('?days=0')).status).toBe(400);
      expect((await get('?day=3')).status).toBe(400);
    } finally {
      await service.app.close();
    }
    const text = driftText(await view());
    expect(text).toMatch(/^m1: held against training rows of 2024-10-04 to 2024-10-31\nnewest day 2024-11-03: 1 alarms/);
    expect(text).toMatch(/alarm since 2024-11-02 \(missing\): distance: missing in/);
    expect(text).toMatch(/2024-11-01 +m1 +0 +0/);
  });
});

test('a thread holds the rows of one task: neither those before it nor those of one that was given up', async () => {
  const served = dayRows(createRandom(1), FIRST, 'm1').map(({ scored }): ServedRow => {
    const { transaction, channels, fused, features } = scored;
    const minusLog10P = { D: channels.D.minusLog10P!, fused: fused.minusLog10P! };
    return { ...transaction, features, minusLog10P, label: 0 };
  });
  const task = { kind: 'day', schema: WATCHED, columns: featureSet.columns, day: FIRST, reference: null, scoresMin: 1 } as const;
  const parts = async function* (...pieces: ServedRow[][]): AsyncGenerator<ServedRow[]> {
    for (const piece of pieces) yield await Promise.resolve(piece);
  };
  const never = new AbortController().signal;
  const before = threadsMade.length;
  const made = (): number => threadsMade.length - before;
  const own = new DriftThread();
  try {
    const [first, second] = [served.slice(0, 100), served.slice(100)];
    expect(await own.run(task, parts(first.slice(0, 30), first.slice(30)), never)).toEqual(driftResult(task, first));
    expect(await own.run(task, parts(second), never)).toEqual(driftResult(task, second));
    expect(made()).toBe(1);
    const stop = new AbortController();
    const halted = async function* (): AsyncGenerator<ServedRow[]> {
      yield* parts(first);
      stop.abort(new Error('stopped by hand'));
      yield second;
    };
    await expect(own.run(task, halted(), stop.signal)).rejects.toThrow('stopped by hand');
    expect(await own.run(task, parts(second), never)).toEqual(driftResult(task, second));
    await expect(own.run({ ...task, kind: 'reference', id: 'm1', settings }, parts(first), never)).rejects.toThrow(
      /rows of 0 whole weeks/,
    );
    expect(await own.run(task, parts(first), never)).toEqual(driftResult(task, first));
    expect(made()).toBe(2);
    await threadsMade.at(-1)!.terminate();
    expect(await own.run(task, parts(second), never)).toEqual(driftResult(task, second));
    const killed = async function* (): AsyncGenerator<ServedRow[]> {
      yield* parts(first);
      await threadsMade.at(-1)!.terminate();
    };
    await expect(own.run(task, killed(), never)).rejects.toThrow('the thread of drift ended without an answer');
    expect(await own.run(task, parts(second), never)).toEqual(driftResult(task, second));
    expect(made()).toBe(4);
  } finally {
    await own.close();
  }
});
