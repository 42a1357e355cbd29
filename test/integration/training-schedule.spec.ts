import type { DataSource } from 'typeorm';
import { TransactionSchemaDefinition } from '../../src/domain/transaction-schema.js';
import { askForDrift, retrainIfDue, type RetrainingSchedule } from '../../src/retraining-schedule.js';
import { createStores, type Stores } from '../../src/service-stores.js';
import type { ScheduleSettings } from '../../src/training/schedule-settings.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { batch, row, SCHEMA } from '../support/store-samples.js';

const DAY = 86_400_000;
const T0 = Date.UTC(2026, 0, 5, 12);
const LABELLED = TransactionSchemaDefinition.parse({
  ...SCHEMA,
  label: { column: 'label', delayDays: 3 },
});

let postgres: TestPostgres;
let source: DataSource;
let stores: Stores;
let said: string[];
let nowMs: number;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  stores = createStores(source, LABELLED, false);
  said = [];
  nowMs = T0;
});
afterAll(() => postgres.stop());

const SETTINGS: ScheduleSettings = {
  enabled: true,
  cron: '0 3 * * *',
  newLabelsMin: 0,
  hoursBetween: 6,
  lostAfterSeconds: 60,
  attemptsMax: 2,
};
const schedule = (over: Partial<ScheduleSettings> = {}): RetrainingSchedule => ({
  schema: LABELLED,
  settings: { ...SETTINGS, ...over },
  coldStart: { rowsMin: 10 },
  stores,
  now: () => nowMs,
  say: (line) => void said.push(line),
});
const runs = async () => (await stores.runs.list({ limit: 100 })).items;
const carryOut = async (data?: { fromMs: number; toMs: number }): Promise<void> => {
  const { claim } = (await stores.runs.claim(SCHEMA.name, 'trainer'))!;
  if (data) await stores.runs.data(claim, { ...data, hash: 'h' });
  await stores.runs.finish(claim, { state: 'succeeded' });
};

describe('the nightly run', () => {
  it('comes once for each due time, whoever looks and however often', async () => {
    await retrainIfDue(schedule());
    expect(await runs()).toEqual([]);
    nowMs = Date.UTC(2026, 0, 6, 2, 59);
    await retrainIfDue(schedule());
    expect(await runs()).toEqual([]);
    for (const minute of [0, 1, 30]) {
      nowMs = Date.UTC(2026, 0, 6, 3, minute);
      await Promise.all([retrainIfDue(schedule()), retrainIfDue(schedule())]);
      if (minute === 0) await carryOut();
    }
    expect(await runs()).toMatchObject([{ trigger: 'schedule', dueAt: '2026-01-06T03:00:00.000Z', requestedBy: 'schedule' }]);
    expect(said).toEqual([expect.stringContaining('due at 2026-01-06T03:00:00.000Z by "0 3 * * *"')]);
    nowMs = Date.UTC(2026, 0, 7, 3);
    await retrainIfDue(schedule());
    expect(await runs()).toHaveLength(2);
  });

  it('that was missed for a week is made up for once', async () => {
    await retrainIfDue(schedule());
    nowMs = T0 + 7 * DAY;
    await retrainIfDue(schedule());
    await carryOut();
    await retrainIfDue(schedule());
    expect(await runs()).toMatchObject([{ dueAt: '2026-01-12T03:00:00.000Z' }]);
  });

  it('does not come twice when the clock goes back', async () => {
    await retrainIfDue(schedule());
    nowMs = T0 + 2 * DAY;
    await retrainIfDue(schedule());
    await carryOut();
    nowMs = T0 + DAY;
    await retrainIfDue(schedule());
    expect(await runs()).toHaveLength(1);
  });

  it('does not come where retraining is by hand, but a lost run is found there too', async () => {
    await retrainIfDue(schedule({ enabled: false }));
    nowMs = T0 + 7 * DAY;
    await stores.runs.enqueue({ schema: SCHEMA.name, trigger: 'manual', by: 'ana', why: '' });
    await stores.runs.claim(SCHEMA.name, 'frozen');
    await source.query(`UPDATE training_runs SET heartbeat_at = heartbeat_at - interval '61 seconds'`);
    await retrainIfDue(schedule({ enabled: false }));
    expect(await runs()).toMatchObject([
      { trigger: 'manual', state: 'queued', attempt: 2 },
      { trigger: 'manual', state: 'lost' },
    ]);
    expect(said).toEqual([expect.stringMatching(/run 1 is lost: no sign of life from frozen .*; run 2 takes its place/)]);
  });
});

describe('new labels', () => {
  const label = (id: string, knownAtMs: number) => ({ transactionId: id, isFraud: true, type: null, source: 'x', knownAtMs });
  /** Ten transactions, one a day from T0 on. */
  const history = async (): Promise<void> => {
    await stores.scoring.commit(batch(Array.from({ length: 10 }, (_, i) => row(`t${i}`, { atMs: T0 + i * DAY }))));
  };
  const count = () => stores.triggers.newMaturedLabels(SCHEMA.name, T0 + 9 * DAY, 3 * DAY, 100);

  it('count once a transaction, when its label delay has passed, and only what the last run could not know', async () => {
    await history();
    expect(await count()).toBe(0);
    // t6 matures at the newest event, t7 later; a label from the future of the stream is not known yet.
    const labels = ['t0', 't1', 't6', 't7', 't0'].map((id, i) => label(id, T0 + 8 * DAY + i));
    await stores.labels.append([...labels, label('unknown', T0 + 8 * DAY), label('t2', T0 + 10 * DAY)]);
    expect(await count()).toBe(3);
    expect(await stores.triggers.newMaturedLabels(SCHEMA.name, T0 + 9 * DAY, 3 * DAY, 2)).toBe(2);
    // As of T0 + 8.5 days a run knew t0 and t1; t6 had not matured.
    await stores.runs.enqueue({ schema: SCHEMA.name, trigger: 'manual', by: 'ana', why: '' });
    await carryOut({ fromMs: T0, toMs: T0 + 8.5 * DAY });
    expect(await count()).toBe(1);
    await stores.labels.append([label('t3', T0 + 9 * DAY)]);
    expect(await count()).toBe(2);
  });

  it('ask for a run when they are enough, and not again at once', async () => {
    await history();
    await stores.labels.append(['t0', 't1', 't2'].map((id) => label(id, T0 + 9 * DAY)));
    await retrainIfDue(schedule({ newLabelsMin: 4 }));
    expect(await runs()).toEqual([]);
    await retrainIfDue(schedule({ newLabelsMin: 3 }));
    expect(await runs()).toMatchObject([{ trigger: 'labels', state: 'queued' }]);
    // It failed before it read anything: no loop of failures.
    const { claim } = (await stores.runs.claim(SCHEMA.name, 'trainer'))!;
    await stores.runs.finish(claim, { state: 'failed', error: 'disk full' });
    await retrainIfDue(schedule({ newLabelsMin: 3 }));
    expect(await askForDrift(schedule(), 'D drifts')).toBe(false);
    expect(await runs()).toHaveLength(1);
    await source.query(
      `UPDATE training_runs SET requested_at = requested_at - interval '7 hours', finished_at = finished_at - interval '7 hours'`,
    );
    await retrainIfDue(schedule({ newLabelsMin: 3 }));
    expect(await runs()).toHaveLength(2);
  });
});

it('drift asks for a run, and not while one waits', async () => {
  expect(await askForDrift(schedule({ enabled: false }), 'D drifts')).toBe(false);
  expect(await askForDrift(schedule(), 'D drifts')).toBe(true);
  expect(await askForDrift(schedule(), 'D drifts')).toBe(false);
  expect(await runs()).toMatchObject([{ trigger: 'drift', why: 'D drifts' }]);
});
