import type { DataSource } from 'typeorm';
import { loadConfig } from '../../src/config.js';
import type { Calibration } from '../../src/domain/calibration.js';
import { createFeatureSet } from '../../src/features/catalog.js';
import { fitPriors } from '../../src/features/priors.js';
import { createLog } from '../../src/log.js';
import { encodeArtifacts } from '../../src/models/artifact.js';
import { createStores, installChampion, type Stores, type TrainedModel } from '../../src/service-stores.js';
import { startTrainer } from '../../src/trainer.js';
import { endRun, keepResult, RunCancelled, RunLost, type TrainingResult } from '../../src/training-outcome.js';
import type { TrainingClaim } from '../../src/training/ports.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { SCHEMA } from '../support/store-samples.js';

const BY = { by: 'ana', why: 'the first' };
const featureSet = createFeatureSet(SCHEMA, fitPriors(SCHEMA, [], [], 0));

let postgres: TestPostgres;
let source: DataSource;
let stores: Stores;
let claim: TrainingClaim;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  stores = createStores(source, SCHEMA, false);
  await installChampion(stores, modelOf('m0'), BY);
  await stores.runs.enqueue({ schema: SCHEMA.name, trigger: 'manual', by: 'ana', why: 'a try' });
  claim = (await stores.runs.claim(SCHEMA.name, 'trainer'))!.claim;
});
afterAll(() => postgres.stop());

const modelOf = (version: string): TrainedModel => ({
  version,
  artifact: encodeArtifacts({}, { version, schema: SCHEMA, priors: featureSet.priors, featureSet: featureSet.id }),
  calibration: { id: `${version}-c`, model: version, validFromDay: 1 } as Calibration,
  trainedAtMs: 0,
  report: {},
});
const keep = (verdict: TrainingResult['verdict'], over: Partial<TrainingResult> = {}): Promise<string | null> =>
  keepResult(stores, SCHEMA, claim, { model: modelOf('m1'), verdict, report: { verdict }, championEpoch: 1, ...over });
/** As the trainer does: what fails is written down. */
const carryOut = async (verdict: TrainingResult['verdict']): Promise<void> => {
  await keep(verdict).catch((error: unknown) => endRun(stores.runs, claim, error as Error, false));
};
/** The next row of the table finds the database's disk full: what PostgreSQL then answers, by a trigger of the test. */
const refuseRows = async (table: string, code: string, sentence: string): Promise<void> => {
  await source.query(`CREATE FUNCTION refuse_row() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '${sentence}' USING ERRCODE = '${code}'; END $$`);
  await source.query(`CREATE TRIGGER refuse BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse_row()`);
};
const run = () => stores.runs.run(claim.id);
const roles = async (): Promise<string[]> =>
  (await source.query<{ role: string; version: string }[]>('SELECT role, version FROM model_roles ORDER BY version')).map(
    ({ role, version }) => `${role} ${version}`,
  );
const nothingIsKept = async (): Promise<void> => {
  expect(await stores.registry.one('m1')).toBeNull();
  expect(await stores.calibrations.latestId('m1')).toBeNull();
  expect(await roles()).toEqual(['champion m0']);
  expect(await stores.registry.changes(SCHEMA.name)).toHaveLength(1);
  expect((await stores.models.champion(SCHEMA.name))!.version.version).toBe('m0');
};

describe('a verdict and its role are one change', () => {
  it.each([
    ['promote', ['champion m1']],
    ['shadow', ['champion m0', 'challenger m1']],
    ['await-approval', ['champion m0', 'challenger m1']],
    ['reject', ['champion m0']],
  ] as const)('%s', async (verdict, expected) => {
    expect(await keep(verdict)).toBeNull();
    expect(await run()).toMatchObject({ state: 'succeeded', version: 'm1', report: { verdict } });
    expect(await roles()).toEqual(expected);
    expect(await stores.calibrations.latestId('m1')).toBe('m1-c');
    if (verdict !== 'reject')
      expect((await stores.registry.changes(SCHEMA.name))[0]).toMatchObject({ version: 'm1', by: `training run ${claim.id}` });
  });

  const challengeTwo = async (): Promise<void> => {
    for (const version of ['c1', 'c2']) {
      await stores.models.save(
        { version, schema: SCHEMA.name, featureSet: 'f', checksum: 'x', trainedAtMs: 0, report: {} },
        modelOf(version).artifact,
      );
      await source.query(`INSERT INTO model_roles (schema, version, role, epoch) VALUES ($1, $2, 'challenger', 1)`, [
        SCHEMA.name,
        version,
      ]);
    }
  };

  it('the oldest challenger makes room for the newest', async () => {
    await challengeTwo();
    expect(await keep('shadow')).toBeNull();
    expect(await roles()).toEqual(['challenger c2', 'champion m0', 'challenger m1']);
  });

  it('the oldest challenger stays where the newest cannot take its place', async () => {
    await challengeTwo();
    await source.query(`INSERT INTO entity_states (feature_set, entity_id, version, state) VALUES ('other', 'e', 1, '')`);
    expect(await keep('shadow')).toMatch(/model m1 reads the features \S+, this database remembers by other/);
    expect(await roles()).toEqual(['challenger c1', 'challenger c2', 'champion m0']);
    expect(await stores.registry.changes(SCHEMA.name)).toHaveLength(1);
    expect(await run()).toMatchObject({ state: 'succeeded', version: 'm1' });
    expect(await stores.registry.one('m1')).toMatchObject({ state: 'candidate' });
  });

  it('where the promotion fails there is no verdict either', async () => {
    await refuseRows('role_changes', 'P0001', 'no change today');
    await expect(keep('promote')).rejects.toThrow('no change today');
    expect(await run()).toMatchObject({ state: 'running', version: null, report: null });
    await nothingIsKept();
    await carryOut('promote');
    expect(await run()).toMatchObject({ state: 'failed', version: null, error: 'no change today' });
  });

  it('where another decides by now it stays a candidate, and its run has succeeded', async () => {
    expect(await keep('promote', { championEpoch: 7 })).toMatch(/the champion of \S+ has changed since/);
    expect(await run()).toMatchObject({ state: 'succeeded', version: 'm1' });
    expect(await roles()).toEqual(['champion m0']);
    expect(await stores.registry.one('m1')).toMatchObject({ state: 'candidate' });
  });

  it('of a run that was cancelled or lost meanwhile nothing is kept', async () => {
    await stores.runs.cancel(claim.id, 'bo');
    await expect(keep('promote')).rejects.toThrow(RunCancelled);
    await nothingIsKept();
    expect(await endRun(stores.runs, claim, new RunCancelled('cancelled while it ran'), false)).toContain('is cancelled');
    expect(await run()).toMatchObject({ state: 'cancelled', error: 'cancelled by bo' });
    claim = { ...claim, epoch: '99' };
    await expect(keep('promote')).rejects.toThrow(RunLost);
    await nothingIsKept();
  });
});

it('a run that failed keeps one line of why', async () => {
  await endRun(stores.runs, claim, new Error('a fault\n    at some.file:1'), false);
  expect(await run()).toMatchObject({ state: 'failed', error: 'a fault' });
});

describe('a full disk of the database', () => {
  const FULL = 'could not extend file "base/5/16400": No space left on device';

  it.each(['model_versions', 'calibrations', 'role_changes'])(
    'while %s is written: the run has failed and says why, the champion goes on',
    async (table) => {
      await refuseRows(table, '53100', FULL);
      await carryOut('promote');
      expect(await run()).toMatchObject({
        state: 'failed',
        version: null,
        error: `the disk of the database is full, nothing of the version is kept: ${FULL}`,
      });
      await nothingIsKept();
      expect(await stores.runs.retry(claim.id, 'bo')).toMatchObject({ isNew: true });
    },
  );
});

it('a trainer that is stopped hands its run back, and another takes it up without the loss of an attempt', async () => {
  await stores.runs.handBack(claim);
  let begun = (): void => undefined;
  let goOn = (): void => undefined;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
  const champion = async (): Promise<never> => {
    begun();
    await mayGoOn;
    throw new Error('the thread was stopped');
  };
  const said: string[] = [];
  const trainer = startTrainer({
    config: loadConfig(undefined, {}),
    schema: SCHEMA,
    stores: { ...stores, registry: Object.assign(Object.create(stores.registry) as Stores['registry'], { champion }) },
    holder: 'first',
    log: { ...createLog('silent', false), say: (line) => void said.push(line) },
    signal: new AbortController().signal,
  });
  await isBegun;
  expect(await run()).toMatchObject({ state: 'running', holder: 'first' });
  const stopped = trainer.stop();
  goOn();
  await stopped;
  expect(said.at(-1)).toBe(`training run ${claim.id} is handed back: the next trainer takes it up`);
  expect(await run()).toMatchObject({ state: 'queued', holder: null, attempt: 1, error: null });
  expect((await stores.runs.eventsAfter(claim.id, 0, 9)).at(-1)).toMatchObject({ message: 'handed back: first stops' });
  expect((await stores.runs.claim(SCHEMA.name, 'second'))!.run).toMatchObject({ id: claim.id, attempt: 1 });
});
