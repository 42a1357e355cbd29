import { createHmac } from 'node:crypto';
import { DataSource } from 'typeorm';
import { Initial1763712000000 } from '../../migrations/0001-initial.js';
import { RetriedDeadLetters1763715600000 } from '../../migrations/0002-retried-dead-letters.js';
import { FrozenEvidence1763719200000 } from '../../migrations/0003-frozen-evidence.js';
import { OneRowATransaction1763722800000 } from '../../migrations/0004-one-row-a-transaction.js';
import { AlertPatterns1763726400000 } from '../../migrations/0005-alert-patterns.js';
import type { ModelVersion } from '../../src/domain/model-version.js';
import { decodeArtifacts, encodeArtifacts } from '../../src/models/artifact.js';
import { createDataSource, migrate } from '../../src/store/data-source.js';
import { ModelRegistry } from '../../src/store/model-registry.js';
import { PostgresModelStore } from '../../src/store/model.store.js';
import { NotStoredError, StateConflictError } from '../../src/store/state-conflict.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

const KEY = 'signing-key-of-the-tests';
const BY = { by: 'ana', why: 'the gate says so' };
const DAY = 86_400_000;

let postgres: TestPostgres;
let source: DataSource;
let models: PostgresModelStore;
let registry: ModelRegistry;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  [models, registry] = trusting(KEY);
});
afterAll(() => postgres.stop());

const inspect = (bytes: Uint8Array) => {
  const { meta, checksum } = decodeArtifacts(bytes);
  return { version: String(meta['version']), checksum };
};
const trusting = (signingKey: string | null): [PostgresModelStore, ModelRegistry] => {
  const store = new PostgresModelStore(source, { signingKey, inspect });
  return [store, new ModelRegistry(source, store)];
};

const weights = Float64Array.from({ length: 64 }, (_, i) => i / 7);
const artifactOf = (name: string): Uint8Array =>
  encodeArtifacts({ S: { estimator: 'x', meta: {}, arrays: { weights } } }, { version: name });
const versionOf = (name: string, over: Partial<ModelVersion> = {}): ModelVersion => ({
  version: name,
  schema: 's',
  featureSet: 'f1',
  checksum: decodeArtifacts(artifactOf(name)).checksum,
  trainedAtMs: Date.UTC(2026, 0, Number(name.slice(1))),
  report: { ap: 0.5 },
  ...over,
});
const save = async (...names: string[]): Promise<void> => {
  for (const name of names) await models.save(versionOf(name), artifactOf(name));
};
const champion = (): Promise<string | null> => models.championVersion('s');
const promote = async (...names: string[]): Promise<void> => {
  for (const name of names) await registry.promote('s', name, BY);
};
const rollback = async (): Promise<string> => (await registry.rollback('s', { by: 'bo', why: 'alerts doubled' })).version;
/** What nobody can do by mistake: bytes change in the database's own file. */
const damage = (sql: string, ...values: unknown[]): Promise<unknown> =>
  source.transaction(async (manager) => {
    await manager.query('ALTER TABLE model_versions DISABLE TRIGGER model_versions_immutable');
    await manager.query(sql, values);
    await manager.query('ALTER TABLE model_versions ENABLE TRIGGER model_versions_immutable');
  });

describe('a version', () => {
  it('says where it comes from', async () => {
    const gate = { verdict: 'promote' };
    const origin = { dataFromMs: 0, dataToMs: DAY, dataHash: 'd', schemaHash: 'h', parent: 'm0', trainingRun: null, gate };
    const stored = versionOf('m1', { origin });
    await models.save(stored, artifactOf('m1'));
    expect((await models.load('m1')).version).toEqual(stored);
    expect(await registry.one('m1')).toEqual({
      version: 'm1',
      schema: 's',
      state: 'candidate',
      since: null,
      epoch: null,
      trainedAt: '2026-01-01T00:00:00.000Z',
      featureSet: 'f1',
      schemaHash: 'h',
      checksum: stored.checksum,
      isSigned: true,
      artifactBytes: artifactOf('m1').length,
      data: { from: '1970-01-01T00:00:00.000Z', to: '1970-01-02T00:00:00.000Z', hash: 'd' },
      parent: 'm0',
      trainingRun: null,
      report: { ap: 0.5 },
      gate,
      changes: [],
    });
    expect(await registry.one('m2')).toBeNull();
    await expect(models.load('m2')).rejects.toThrow(NotStoredError);
  });

  it('never changes', async () => {
    await save('m1');
    for (const change of [`report = '{}'`, `artifact = '\\x00'`, `gate = '{}'`, `parent = 'x'`, `checksum = 'x'`])
      await expect(source.query(`UPDATE model_versions SET ${change}`)).rejects.toThrow('never change');
  });

  it('is listed newest first, by state, in pages', async () => {
    await save('m1', 'm2', 'm3', 'm4');
    await promote('m2');
    await registry.challenge('s', 'm3', BY);
    await registry.retire('s', 'm1', BY);
    const page = await registry.list({ schema: 's', limit: 3 });
    expect(page.items.map(({ version, state }) => [version, state])).toEqual([
      ['m4', 'candidate'],
      ['m3', 'challenger'],
      ['m2', 'champion'],
    ]);
    const next = await registry.list({ schema: 's', limit: 3, cursor: page.nextCursor! });
    expect(next.items.map(({ version, state }) => [version, state])).toEqual([['m1', 'retired']]);
    expect((await registry.list({ state: 'challenger', limit: 9 })).items.map(({ version }) => version)).toEqual(['m3']);
    expect((await registry.list({ schema: 'other', limit: 9 })).items).toEqual([]);
  });
});

describe('promotion and rollback', () => {
  it('go back once for each rollback, and a promotion after it starts from there', async () => {
    await save('m1', 'm2', 'm3', 'm4');
    await expect(registry.rollback('s', BY)).rejects.toThrow('has no champion');
    await promote('m1');
    await expect(registry.rollback('s', BY)).rejects.toThrow('no champion came before m1');
    await promote('m2', 'm3');
    expect(await rollback()).toBe('m2');
    expect(await champion()).toBe('m2');
    await promote('m4');
    expect(await rollback()).toBe('m2');
    expect(await rollback()).toBe('m1');
    await expect(registry.rollback('s', BY)).rejects.toThrow(StateConflictError);
    expect(await champion()).toBe('m1');
    const log = await registry.changes('s');
    expect(log.map(({ kind, version, replaced, by }) => [kind, version, replaced, by])).toEqual([
      ['rollback', 'm1', 'm2', 'bo'],
      ['rollback', 'm2', 'm4', 'bo'],
      ['promote', 'm4', 'm2', 'ana'],
      ['rollback', 'm2', 'm3', 'bo'],
      ['promote', 'm3', 'm2', 'ana'],
      ['promote', 'm2', 'm1', 'ana'],
      ['promote', 'm1', null, 'ana'],
    ]);
    expect(log.map(({ epoch }) => epoch)).toEqual([7, 6, 5, 4, 3, 2, 1]);
    expect((await registry.one('m3'))!.changes.map(({ kind }) => kind)).toEqual(['rollback', 'promote']);
  });

  it('pass over what cannot come back', async () => {
    await save('m1', 'm2', 'm3');
    await promote('m1', 'm2', 'm3');
    await registry.retire('s', 'm2', BY);
    expect(await rollback()).toBe('m1');
  });

  it('are written down for good', async () => {
    await save('m1');
    await promote('m1');
    await expect(source.query(`UPDATE role_changes SET by = 'nobody'`)).rejects.toThrow('never change');
    await expect(source.query('DELETE FROM role_changes')).rejects.toThrow('never change');
  });

  it('a promotion decided on another champion is refused', async () => {
    await save('m1', 'm2', 'm3');
    await registry.promote('s', 'm1', BY, 0);
    await expect(registry.promote('s', 'm2', BY, 0)).rejects.toThrow('it is m1 of epoch 1, not epoch 0');
    const both = await Promise.allSettled(['m2', 'm3'].map((name) => registry.promote('s', name, BY, 1)));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await registry.changes('s')).toHaveLength(2);
    // The same champion by another way is another epoch.
    await promote('m1');
    expect(await registry.champion('s')).toEqual({ version: 'm1', epoch: 3 });
    expect(await registry.champion('other')).toBeNull();
    await expect(registry.promote('s', 'm2', BY, 2)).rejects.toThrow('of epoch 3, not epoch 2');
  });

  it('the champion is not promoted again: no line of the log, no new epoch', async () => {
    await save('m1', 'm2');
    await promote('m2', 'm1');
    const again = registry.promote('s', 'm1', BY);
    await expect(again).rejects.toThrow(StateConflictError);
    await expect(again).rejects.toThrow('model m1 is the champion already');
    expect(await registry.changes('s')).toHaveLength(2);
    expect(await registry.champion('s')).toEqual({ version: 'm1', epoch: 2 });
    expect(await rollback()).toBe('m2');
  });

  it('many at once leave one champion and a whole log', async () => {
    await save('m1', 'm2', 'm3');
    await promote('m1');
    const all = await Promise.allSettled(['m2', 'm3', 'm1', 'm2', 'm3'].map((name) => registry.promote('s', name, BY)));
    // One that is the champion already at its turn changes nothing.
    const epoch = 1 + all.filter(({ status }) => status === 'fulfilled').length;
    expect(epoch).toBeGreaterThanOrEqual(3);
    expect(await source.query(`SELECT epoch FROM model_roles WHERE role = 'champion'`)).toEqual([{ epoch: String(epoch) }]);
    const log = await registry.changes('s');
    expect(log.map((line) => line.epoch)).toEqual(Array.from({ length: epoch }, (_, i) => epoch - i));
    for (let i = 0; i + 1 < log.length; i += 1) expect(log[i]!.replaced).toBe(log[i + 1]!.version);
  });

  it('a version of another schema, or of features by which nothing is remembered, is refused by name', async () => {
    await save('m1');
    await promote('m1');
    await models.save(versionOf('m2', { schema: 'other' }), artifactOf('m2'));
    await expect(registry.promote('s', 'm2', BY)).rejects.toThrow('no model version "m2" is stored for schema "s"');
    await source.query(`INSERT INTO entity_states (feature_set, entity_id, version, state) VALUES ('f1', 'c1', 1, '')`);
    await models.save(versionOf('m3', { featureSet: 'f2' }), artifactOf('m3'));
    await expect(registry.promote('s', 'm3', BY)).rejects.toThrow('m3 reads the features f2, this database remembers by f1');
    expect(await champion()).toBe('m1');
    await save('m4');
    await promote('m4');
  });
});

describe('challengers and retirement', () => {
  it('two at most score beside the champion', async () => {
    await save('m1', 'm2', 'm3', 'm4');
    await promote('m1');
    await expect(registry.challenge('s', 'm1', BY)).rejects.toThrow('m1 is the champion');
    await Promise.allSettled(['m2', 'm3', 'm4'].map((name) => registry.challenge('s', name, BY)));
    const challengers = await models.challengerVersions('s');
    expect(challengers).toHaveLength(2);
    const left = ['m2', 'm3', 'm4'].find((name) => !challengers.includes(name))!;
    await expect(registry.challenge('s', left, BY)).rejects.toThrow('has 2 challengers');
    await registry.relieve('s', challengers[0]!, BY);
    await expect(registry.relieve('s', challengers[0]!, BY)).rejects.toThrow('is a candidate, no challenger');
    await registry.challenge('s', left, BY);
    await promote(left);
    expect(await models.challengerVersions('s')).toEqual([challengers[1]]);
    expect(await champion()).toBe(left);
  });

  it('the champion does not retire; what did stays a row, and its bytes may go', async () => {
    await save('m1', 'm2');
    await promote('m1', 'm2');
    await expect(registry.retire('s', 'm2', BY)).rejects.toThrow('is the champion');
    await registry.retire('s', 'm1', BY);
    for (const again of [registry.promote('s', 'm1', BY), registry.challenge('s', 'm1', BY), registry.retire('s', 'm1', BY)])
      await expect(again).rejects.toThrow('retired');
    expect((await models.load('m1')).artifact.length).toBeGreaterThan(0);
    await registry.retire('s', 'm1', BY, true);
    expect(await registry.one('m1')).toMatchObject({ state: 'retired', artifactBytes: null, report: { ap: 0.5 } });
    await expect(models.load('m1')).rejects.toThrow('its artifact was dropped');
    expect(await champion()).toBe('m2');
  });
});

it('candidates that nobody used for long retire without their bytes; champions of lately stay', async () => {
  const names = Array.from({ length: 9 }, (_, i) => `m${i + 1}`);
  await save(...names);
  await promote('m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7');
  await registry.challenge('s', 'm8', BY);
  expect(await registry.retireCandidates('s', 90)).toBe(0);
  await source.query('ALTER TABLE model_versions DISABLE TRIGGER USER');
  await source.query(`UPDATE model_versions SET created_at = created_at - interval '91 days'`);
  await source.query('ALTER TABLE model_versions ENABLE TRIGGER USER');
  // m1 was the champion today, m9 never.
  expect(await registry.retireCandidates('s', 90)).toBe(1);
  await source.query('ALTER TABLE role_changes DISABLE TRIGGER USER');
  await source.query(`UPDATE role_changes SET at = at - interval '91 days'`);
  await source.query('ALTER TABLE role_changes ENABLE TRIGGER USER');
  expect(await registry.retireCandidates('other', 90)).toBe(0);
  expect(await registry.retireCandidates('s', 90)).toBe(1);
  const { items } = await registry.list({ state: 'retired', limit: 9 });
  expect(items.map(({ version, artifactBytes }) => [version, artifactBytes])).toEqual([
    ['m9', null],
    ['m1', null],
  ]);
  expect((await registry.changes('s', 'm9'))[0]).toMatchObject({
    kind: 'retire',
    by: 'retention',
    why: 'had no role for 90 days',
  });
  expect(await rollback()).toBe('m6');
});

describe('an artifact', () => {
  it('is signed by HMAC-SHA256 over its name and bytes', async () => {
    await save('m1');
    const expected = createHmac('sha256', KEY)
      .update(Buffer.concat([Buffer.from('surprisal model\0m1\0'), artifactOf('m1')]))
      .digest('hex');
    expect(await source.query('SELECT signature FROM model_versions')).toEqual([{ signature: expected }]);
  });

  it.each([0, 5, 30, 45, 200, 600])('with byte %i flipped is refused by name, with and without a key', async (at) => {
    await save('m1', 'm2');
    await promote('m1');
    await damage(
      'UPDATE model_versions SET artifact = set_byte(artifact, $1::integer, get_byte(artifact, $1::integer) # 1) WHERE version = $2',
      at,
      'm2',
    );
    for (const key of [KEY, null]) {
      const [store, roles] = trusting(key);
      await expect(store.load('m2')).rejects.toThrow('model m2');
      await expect(roles.promote('s', 'm2', BY)).rejects.toThrow('model m2');
      await expect(roles.challenge('s', 'm2', BY)).rejects.toThrow('model m2');
    }
    expect(await champion()).toBe('m1');
    expect((await models.champion('s'))!.version.version).toBe('m1');
  });

  it('with a whole container of another version in its place is refused', async () => {
    await save('m1', 'm2');
    await damage(
      `UPDATE model_versions SET (artifact, checksum, signature) =
         (SELECT artifact, checksum, signature FROM model_versions WHERE version = 'm1') WHERE version = 'm2'`,
    );
    for (const key of [KEY, null]) await expect(trusting(key)[0].load('m2')).rejects.toThrow('model m2 holds the artifact of m1');
    // Nor one whose contents say that they are it.
    const forged = encodeArtifacts({}, { version: 'm2' });
    await damage(
      `UPDATE model_versions SET artifact = $1, checksum = $2 WHERE version = 'm2'`,
      Buffer.from(forged),
      decodeArtifacts(forged).checksum,
    );
    await expect(models.load('m2')).rejects.toThrow('model m2 has a signature of other bytes or of another key');
    expect((await trusting(null)[0].load('m2')).version.version).toBe('m2');
  });

  it('of another key or without a signature is refused by name, until somebody signs it', async () => {
    const [unsigned] = trusting(null);
    await unsigned.save(versionOf('m1'), artifactOf('m1'));
    await save('m2');
    expect((await unsigned.load('m2')).version.version).toBe('m2');
    await expect(registry.promote('s', 'm1', BY)).rejects.toThrow('model m1 is not signed, and SURPRISAL_SIGNING_KEY');
    const [others, otherRegistry] = trusting('another-key-of-the-tests');
    await expect(otherRegistry.promote('s', 'm2', BY)).rejects.toThrow('model m2 has a signature of other bytes');
    for (const wrong of ['', 'zz', 'ab'.repeat(31), 'ab'.repeat(32)]) {
      await source.query('UPDATE model_versions SET signature = $1', [wrong]);
      await expect(models.load('m2')).rejects.toThrow('model m2 has a signature of other bytes');
    }
    await expect(unsigned.sign('m1')).rejects.toThrow('SURPRISAL_SIGNING_KEY is not set');
    await expect(models.sign('m9')).rejects.toThrow(NotStoredError);
    await models.sign('m1');
    await promote('m1');
    await others.sign('m2');
    expect((await others.load('m2')).version.version).toBe('m2');
  });
});

it('a database of before keeps its champion, and its log begins with it', async () => {
  const url = await postgres.createDatabase();
  const before = new DataSource({
    type: 'postgres',
    url,
    migrationsTableName: 'migrations',
    migrations: [
      Initial1763712000000,
      RetriedDeadLetters1763715600000,
      FrozenEvidence1763719200000,
      OneRowATransaction1763722800000,
      AlertPatterns1763726400000,
    ],
  });
  await before.initialize();
  await before.runMigrations({ transaction: 'each' });
  for (const name of ['m1', 'm2'])
    await before.query(
      `INSERT INTO model_versions (version, schema, feature_set, checksum, trained_at, report, artifact)
       VALUES ($1, 's', 'f1', $2, now(), '{}', $3)`,
      [name, versionOf(name).checksum, Buffer.from(artifactOf(name))],
    );
  await before.query(`INSERT INTO model_roles (schema, role, version, epoch) VALUES ('s', 'champion', 'm1', 3)`);
  await before.destroy();
  const after = await createDataSource({ url, poolSize: 2 }).initialize();
  try {
    expect((await migrate(after))[0]).toBe('TrainingRuns1763730000000');
    const store = new PostgresModelStore(after);
    const roles = new ModelRegistry(after, store);
    expect((await store.champion('s'))!.version).toEqual({
      ...versionOf('m1', { report: {} }),
      trainedAtMs: expect.any(Number) as number,
    });
    expect(await roles.changes('s')).toMatchObject([{ kind: 'promote', version: 'm1', epoch: 3, by: 'migration' }]);
    await roles.promote('s', 'm2', BY, 3);
    expect((await roles.rollback('s', BY)).version).toBe('m1');
  } finally {
    await after.destroy();
  }
});
