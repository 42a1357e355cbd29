import type { DataSource } from 'typeorm';
import { Champion } from '../../src/champion.js';
import { loadConfig } from '../../src/config.js';
import { decodeArtifacts, encodeArtifacts } from '../../src/models/artifact.js';
import { createStores, type Stores } from '../../src/service-stores.js';
import type { WorkerPool } from '../../src/threads/worker-pool.js';
import { ORACLE_FEATURES } from '../support/feature-oracle.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

const KEY = 'signing-key-of-the-tests';
const BY = { by: 'ana', why: 'a test' };
const { schema, priors, id: featureSet, columns } = ORACLE_FEATURES;
const { policy } = loadConfig(undefined, {});

let postgres: TestPostgres;
let source: DataSource;
let stores: Stores;
/** Versions that the scoring threads were given, in order. */
let used: string[];
beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  stores = createStores(source, schema, false, KEY);
  used = [];
});
afterAll(() => postgres.stop());

const pool = {
  useModel: (artifact: Uint8Array) => Promise.resolve(void used.push(String(decodeArtifacts(artifact).meta['version']))),
  useTerms: () => undefined,
} as unknown as WorkerPool;
const championOf = (given: Stores): Champion => new Champion(schema.name, given, pool, policy);

const save = async (version: string, over: Record<string, unknown> = {}): Promise<void> => {
  const names = columns.map((column) => column.name);
  const artifact = encodeArtifacts({}, { version, schema, priors, featureSet, columns: names, ...over });
  const { checksum } = decodeArtifacts(artifact);
  await stores.models.save({ version, schema: schema.name, featureSet, checksum, trainedAtMs: 0, report: {} }, artifact);
};
const promote = (version: string) => stores.registry.promote(schema.name, version, BY);
/** After the promotion, on the disk: no door lets it through. */
const damage = async (set: string): Promise<void> => {
  await source.query('ALTER TABLE model_versions DISABLE TRIGGER USER');
  await source.query(`UPDATE model_versions SET ${set} WHERE version = 'm2'`);
  await source.query('ALTER TABLE model_versions ENABLE TRIGGER USER');
};

test.each([
  [
    'a flipped byte',
    'artifact = set_byte(artifact, 90, get_byte(artifact, 90) # 1)',
    'model m2 cannot be used: the model.s checksum',
  ],
  ['a missing signature', 'signature = NULL', 'model m2 is not signed'],
  ['a wrong signature', `signature = repeat('ab', 32)`, 'model m2 has a signature of other bytes'],
  ['a missing artifact', 'artifact = NULL', 'model m2 is retired, and its artifact was dropped'],
])('%s is refused by name, and the champion before goes on', async (_, set, sentence) => {
  for (const version of ['m1', 'm2']) await save(version);
  await promote('m1');
  const champion = championOf(stores);
  expect(await champion.refresh()).toBe(true);
  await promote('m2');
  await damage(set);
  for (let turn = 0; turn < 2; turn += 1) {
    expect(await champion.refresh()).toBe(true);
    expect(champion.problem).toMatch(new RegExp(`^champion m2 cannot be loaded, m1 goes on: ${sentence}`));
  }
  expect(used).toEqual(['m1']);
  await stores.registry.rollback(schema.name, BY);
  await champion.refresh();
  expect(champion.problem).toBeNull();
  expect(used).toEqual(['m1']);
  // A start has nothing to go on with.
  await source.query(`UPDATE model_roles SET version = 'm2'`);
  await expect(championOf(stores).refresh()).rejects.toThrow(new RegExp(sentence));
});

test('a model of other features never becomes the champion, and the sentence names them', async () => {
  await save('m1');
  await promote('m1');
  await save('m2', { featureSet: 'full-0badcafe', columns: ['moon_phase', ...columns.slice(1).map((column) => column.name)] });
  await expect(promote('m2')).rejects.toThrow(
    `it reads moon_phase, which this build does not compute, and it does not know ${columns[0]!.name}`,
  );
  expect(await stores.models.championVersion(schema.name)).toBe('m1');
});

test('a service with another key refuses all, one without a key takes them', async () => {
  await save('m1');
  await promote('m1');
  const other = createStores(source, schema, false, 'another-key-of-the-tests');
  await expect(championOf(other).refresh()).rejects.toThrow('model m1 has a signature of other bytes or of another key');
  expect(await championOf(createStores(source, schema, false)).refresh()).toBe(true);
  expect(used).toEqual(['m1']);
});
