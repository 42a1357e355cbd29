import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../../src/store/data-source.js';
import { TABLES } from '../../src/store/tables.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

const GOLDEN = join(import.meta.dirname, '../golden/schema.json');

let postgres: TestPostgres;
let source: DataSource;
beforeAll(async () => {
  postgres = await startTestPostgres();
  source = await postgres.createDataSource();
});
afterAll(() => postgres.stop());

interface Column {
  table: string;
  column: string;
  type: string;
  nullable: boolean;
  default: string | null;
}
const OWN = `c.relnamespace = 'public'::regnamespace AND c.relname <> 'migrations' AND NOT c.relispartition`;
const columns = (): Promise<Column[]> =>
  source.query(
    `SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type,
            NOT a.attnotnull AS nullable, pg_get_expr(d.adbin, d.adrelid) AS "default"
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
     WHERE ${OWN} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY c.relname COLLATE "C", a.attnum`,
  );

/** The catalog in words that PostgreSQL 15 and 18 share: 18 lists NOT NULL among the constraints. */
const catalog = async (): Promise<unknown> => ({
  columns: (await columns()).map(
    (c) => `${c.table}.${c.column} ${c.type}${c.nullable ? '' : ' not null'}${c.default === null ? '' : ` default ${c.default}`}`,
  ),
  indexes: await texts(
    `SELECT pg_get_indexdef(i.indexrelid) AS text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE ${OWN}`,
  ),
  constraints: await texts(
    `SELECT c.relname || ': ' || o.conname || ' ' || pg_get_constraintdef(o.oid) AS text
     FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid WHERE ${OWN} AND o.contype <> 'n'`,
  ),
  triggers: await texts(
    `SELECT pg_get_triggerdef(t.oid) AS text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE ${OWN} AND NOT t.tgisinternal`,
  ),
});
const texts = async (sql: string): Promise<string[]> =>
  (await source.query<{ text: string }[]>(sql)).map(({ text }) => text).sort();

it('is what test/golden/schema.json says (UPDATE_GOLDEN=1 renews it)', async () => {
  const found = await catalog();
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(GOLDEN, `${JSON.stringify(found, null, 2)}\n`);
  expect(existsSync(GOLDEN)).toBe(true);
  expect(found).toEqual(JSON.parse(readFileSync(GOLDEN, 'utf8')));
});

it('has every column of every entity, of its type, and no other', async () => {
  const driver = source.driver;
  const mapped = TABLES.flatMap(({ options }) => source.getMetadata(options.name).columns).map((column) => ({
    table: column.entityMetadata.tableName,
    column: column.databaseName,
    type: `${driver.normalizeType(column)}${column.isArray ? '[]' : ''}`.replace('timestamptz', 'timestamp with time zone'),
    nullable: column.isNullable,
  }));
  const stored = (await columns()).map(({ table, column, type, nullable }) => ({ table, column, type, nullable }));
  const sorted = (list: typeof mapped): string[] => list.map((entry) => JSON.stringify(entry)).sort();
  expect(sorted(mapped)).toEqual(sorted(stored));
});

it('is made once by several instances that start together', async () => {
  const url = await postgres.createDatabase();
  const instances = Array.from({ length: 3 }, () => createDataSource({ url, poolSize: 2 }));
  try {
    await Promise.all(instances.map((instance) => instance.initialize()));
    const ran = await Promise.all(instances.map(migrate));
    expect(ran.flat()).toEqual([
      'Initial1763712000000',
      'RetriedDeadLetters1763715600000',
      'FrozenEvidence1763719200000',
      'OneRowATransaction1763722800000',
      'AlertPatterns1763726400000',
      'TrainingRuns1763730000000',
      'ShadowScores1763733600000',
      'Drift1763737200000',
      'AlertPatternIndex1763740800000',
    ]);
    expect(await migrate(instances[0]!)).toEqual([]);
    await instances[0]!.query(`INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'Later9999999999999')`);
    await expect(migrate(instances[1]!)).rejects.toThrow('migrated by a newer Surprisal (Later9999999999999)');
  } finally {
    for (const instance of instances) await instance.destroy();
  }
});

it('cancels statements that take too long', async () => {
  const limited = createDataSource({ url: await postgres.createDatabase(), poolSize: 2, statementTimeoutMs: 200 });
  await limited.initialize();
  try {
    await expect(limited.query('SELECT pg_sleep(10)')).rejects.toThrow('statement timeout');
    expect(await limited.query(`SELECT current_setting('application_name') AS name`)).toEqual([{ name: 'surprisal' }]);
  } finally {
    await limited.destroy();
  }
});
