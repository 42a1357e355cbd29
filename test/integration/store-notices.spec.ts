import type { DataSource } from 'typeorm';
import { PostgresModelStore } from '../../src/store/model.store.js';
import { ModelRegistry } from '../../src/store/model-registry.js';
import { listenToNotices } from '../../src/store/notices.js';
import { eventually } from '../support/kafka.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

let postgres: TestPostgres;
let source: DataSource;

beforeAll(async () => {
  postgres = await startTestPostgres();
  source = await postgres.createDataSource();
});
afterAll(() => postgres.stop());

test('a promotion is heard at once, also after the connection was lost', async () => {
  const models = new PostgresModelStore(source);
  const registry = new ModelRegistry(source, models);
  const by = { by: 'test', why: 'a test' };
  const version = { schema: 's', featureSet: 'f', checksum: 'c', trainedAtMs: 0, report: {} };
  await models.saveFeatureSet('f', ['a']);
  await models.save({ ...version, version: 'v1' }, Buffer.from('one'));
  await models.save({ ...version, version: 'v2' }, Buffer.from('two'));
  let heard = 0;
  const errors: string[] = [];
  const notices = listenToNotices(
    source,
    () => (heard += 1),
    (error) => errors.push(error.message),
  );
  const backends = (): Promise<{ pid: number }[]> =>
    source.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'surprisal notices' AND query LIKE 'LISTEN%' AND datname = current_database()`,
    );
  const [first] = await eventually('a listener', async () => {
    const found = await backends();
    return found.length === 1 && found;
  });
  await registry.promote('s', 'v1', by);
  await eventually('the first notice', () => heard === 1);
  await source.query('SELECT pg_terminate_backend($1)', [first!.pid]);
  await eventually('another listener', async () => (await backends()).some(({ pid }) => pid !== first!.pid));
  expect(errors).toHaveLength(1);
  await registry.promote('s', 'v2', by);
  await eventually('the second notice', () => heard === 2);
  await notices.close();
  expect(await backends()).toEqual([]);
});
