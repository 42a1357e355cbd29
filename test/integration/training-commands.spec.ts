import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { list, promote, show, sign } from '../../src/cli/models.js';
import { cancelRun, listRuns, retryRun, showRun, startRun } from '../../src/cli/retrain.js';
import type { CommandIo } from '../../src/cli/command-io.js';
import { loadConfig, type Config } from '../../src/config.js';
import { createDataSource, migrate } from '../../src/store/data-source.js';
import { runningEmbeddedUrl } from '../../src/store/embedded-guest.js';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.js';
import { PostgresModelStore } from '../../src/store/model.store.js';
import { PostgresTrainingRunStore } from '../../src/store/training-run.store.js';
import { UsageError } from '../../src/usage-error.js';
import { eventually } from '../support/kafka.js';
import { startTestPostgres, temporaryHome, type TestPostgres } from '../support/postgres.js';

let postgres: TestPostgres;
let source: DataSource;
let config: Config;
let said: string[];
let shown: string[];
beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  const { url } = source.options as { readonly url: string };
  config = loadConfig(undefined, { DATABASE_URL: url });
  said = [];
  shown = [];
});
afterAll(() => postgres.stop());

const io: CommandIo = {
  write: (text) => Promise.resolve(void said.push(text)),
  progress: {
    report: (step, share, message = '') => void shown.push(`${step} ${share} ${message}`),
    note: (text) => void shown.push(text),
    stop: () => undefined,
  },
};
const output = (): string => said.splice(0).join('');
const json = <T>(): T => JSON.parse(output()) as T;
const BY = { by: 'ana', why: 'a test' };
const save = async (...names: string[]): Promise<void> => {
  for (const [i, version] of names.entries())
    await new PostgresModelStore(source).save(
      { version, schema: 'demo', featureSet: 'f', checksum: version, trainedAtMs: i, report: {} },
      Buffer.from(version),
    );
};

describe('models', () => {
  it('are listed and shown', async () => {
    await list({ limit: 5 }, config, io);
    expect(output()).toBe('there is none\n');
    await save('m1', 'm2');
    await list({ limit: 1 }, config, io);
    const [header, row, more] = output().split('\n');
    expect(header).toMatch(/^version +state +epoch +trained +data to +run +signed +bytes$/);
    expect(row).toMatch(/^m2 +candidate +- +1970-01-01T00:00:00 +- +- +no +2$/);
    await list({ limit: 1, cursor: more!.replace('more: --cursor ', ''), json: true, schema: 'demo' }, config, io);
    expect(json()).toMatchObject({ items: [{ version: 'm1' }], nextCursor: null });
    await expect(list({ limit: 1, cursor: 'x' }, config, io)).rejects.toThrow('--cursor: x is not');
    await show('m1', {}, config, io);
    expect(output()).toContain('version: m1\nschema: demo\nstate: candidate\n');
    await expect(show('m9', {}, config, io)).rejects.toMatchObject({ name: 'UsageError' });
    await save('prior-0a1b2c3d');
    await list({ limit: 5 }, config, io);
    expect(output()).toMatch(/^prior-0a1b2c3d +candidate +- +\S+ +no history +- +no +14$/m);
  });

  it('are promoted by one name or one folder', async () => {
    for (const wrong of [promote(undefined, BY, config, io), promote('m1', { ...BY, model: 'x' }, config, io)])
      await expect(wrong).rejects.toThrow('needs either a stored version or --model');
    await expect(promote(undefined, { ...BY, model: 'x', expectEpoch: 1 }, config, io)).rejects.toThrow('--expect-epoch');
    await expect(promote('m1', BY, config, io)).rejects.toMatchObject({ name: 'UsageError' });
    await expect(sign('m1', {}, config, io)).rejects.toThrow('needs SURPRISAL_SIGNING_KEY');
  });

  it('that no build can read are refused by name', async () => {
    await save('m1');
    await expect(promote('m1', BY, config, io)).rejects.toThrow('model m1 cannot be used: not a Surprisal model');
    const signing = { ...config, signingKey: 'a-key-of-sixteen-or-more' };
    await expect(sign('m1', {}, signing, io)).rejects.toThrow('model m1 cannot be used');
  });
});

describe('runs', () => {
  it('are asked for once, listed, shown, cancelled and retried', async () => {
    await expect(startRun(BY, config, io)).rejects.toThrow('this database holds no model yet: say --schema');
    await startRun({ ...BY, schema: 'demo', seed: 4 }, config, io);
    expect(output()).toBe('run 1 waits for a trainer\n');
    await startRun({ ...BY, json: true }, config, io);
    expect(json()).toMatchObject({ id: '1', seed: 4, schema: 'demo' });
    expect(shown).toEqual(['run 1, which ana asked for, waits already']);
    await cancelRun('1', BY, config, io);
    expect(output()).toBe('run 1 is cancelled\n');
    await expect(cancelRun('1', BY, config, io)).rejects.toThrow('was cancelled');
    await expect(cancelRun('x', BY, config, io)).rejects.toThrow('"x" is not the number of a training run');
    await expect(showRun('7', {}, config, io)).rejects.toMatchObject({ name: 'UsageError' });
    await retryRun('1', { ...BY, json: true }, config, io);
    const { id } = json<{ id: string }>();
    await listRuns({ limit: 9 }, config, io);
    const rows = output().split('\n');
    expect(rows[1]).toMatch(new RegExp(`^${id} +queued +manual +20\\S+ +ana +- +-$`));
    expect(rows[2]).toMatch(/^1 +cancelled +manual +20\S+ +ana +- +cancelled by ana$/);
    await showRun(id, {}, config, io);
    expect(output()).toContain('state: queued\n');
    await startRun({ ...BY, schema: 'handbook' }, config, io);
    await expect(startRun(BY, config, io)).rejects.toThrow('knows the schemas demo, handbook: say --schema');
  });

  it('are followed to their end', async () => {
    const store = new PostgresTrainingRunStore(source);
    const claimed = () => eventually('a run', async () => (await store.claim('demo', 'trainer'))?.claim);
    const good = startRun({ ...BY, schema: 'demo', wait: true }, config, io);
    const first = await claimed();
    await store.event(first, { step: 'fit', share: 0.5, message: 'half' });
    await store.event(first, { step: 'fit', share: 1, message: 'all' });
    await store.finish(first, { state: 'succeeded', version: 'v7' });
    await good;
    expect(shown).toEqual(['fit 0.5 half', 'fit 1 all']);
    expect(output()).toBe(`run ${first.id} succeeded: v7\n`);
    const bad = startRun({ ...BY, wait: true }, config, io);
    await store.finish(await claimed(), { state: 'failed', error: 'no labels at all' });
    await expect(bad).rejects.toThrow('training run 2 failed: no labels at all');
  });
});

test('a command works beside the embedded database of a running service, and takes over that of a dead one', async () => {
  const home = await temporaryHome();
  const empty = await mkdtemp(join(tmpdir(), 'surprisal-test-'));
  const server = await startEmbeddedPostgres({ home, log: () => undefined });
  try {
    const url = await runningEmbeddedUrl(home);
    expect(url).toBe(server.url);
    const guest = await createDataSource({ url: url!, poolSize: 2 }).initialize();
    await migrate(guest);
    await guest.destroy();
    expect(await runningEmbeddedUrl(empty)).toBeNull();
  } finally {
    await server.stop();
  }
  expect(await runningEmbeddedUrl(home)).toBeNull();
  for (const folder of [home, empty]) await rm(folder, { recursive: true, force: true });
});

test('a command makes no database where there is none, and says what makes one', async () => {
  const home = await mkdtemp(join(tmpdir(), 'surprisal-test-'));
  const nowhere = loadConfig(undefined, { SURPRISAL_HOME: home });
  const refusal = `there is no database under ${home} yet: npm start or surprisal serve makes one`;
  await expect(list({ limit: 50 }, nowhere, io)).rejects.toThrow(new UsageError(refusal));
  await expect(listRuns({ limit: 50 }, nowhere, io)).rejects.toThrow(refusal);
  await expect(list({ limit: 50 }, loadConfig(undefined, { SURPRISAL_HOME: join(home, 'below') }), io)).rejects.toThrow(
    'no database',
  );
  expect(await readdir(home)).toEqual([]);
  await rm(home, { recursive: true });
});
