import type pg from 'pg';
import { LINE_POSITION, consume } from './consumption.js';
import { type Stage, withClient } from './stage.js';

/** Rows that the line itself writes, to be copied. */
const SAMPLE_ROWS = 5_000;

/** A database with the champion, what it remembers, and the first rows that the line wrote: all others are copies of it. */
export const createSampleDatabase = async (stage: Stage, name: string): Promise<void> => {
  const url = await stage.createDatabase(name);
  await stage.promote(url);
  const topic = await stage.createTopic(`${name}-sample`, 1);
  await stage.send(topic, stage.records(SAMPLE_ROWS));
  const { postmaster } = stage;
  await withClient(url, (database) =>
    consume({
      programs: [stage.serve('worker', { url, topic })],
      position: LINE_POSITION,
      ...{ rows: SAMPLE_ROWS, warmUpRows: 0, database, postmaster, topic },
    }),
  );
  await withClient(url, leaveDriftToOthers);
};

/**
 * One process looks at drift once a day of event time. Where a day goes by in a second it would read every row again, and the
 * copies with them: that is not what is measured.
 */
const leaveDriftToOthers = (database: pg.Client): Promise<unknown> =>
  database.query(`INSERT INTO leases (name, holder, epoch, expires_at) VALUES ('drift', 'another process', 1, 'infinity')
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at`);

/** The same with at least so many stored transactions and `twins` states for each one, ready to be copied. */
export const createLineTemplate = async (stage: Stage, name: string, stored: number, twins = 1): Promise<void> => {
  await createSampleDatabase(stage, name);
  await fill(stage, name, stored, twins);
};

/** Fills a copy of the sample database, and leaves it vacuumed and checkpointed. */
export const fill = async (stage: Stage, name: string, stored: number, twins: number): Promise<void> => {
  const startedMs = performance.now();
  const url = new URL(stage.server.adminUrl);
  url.pathname = `/${name}`;
  await withClient(url.href, async (database) => {
    await multiplyStates(database, twins);
    await multiplyTransactions(database, Math.ceil(stored / SAMPLE_ROWS) - 1, twins);
    await database.query('VACUUM ANALYZE');
    await database.query('CHECKPOINT');
  });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  process.stderr.write(`${name}: ${stored} stored transactions and ${twins} states a customer in ${seconds} s\n`);
};

/** The id of a customer's twin: SQL that `twinOf` says the same as. */
const twinId = (id: string, twin: string): string => `${id} || '-' || (${twin})`;
export const twinOf = (id: string, twin: number): string => `${id}-${twin}`;

/** Each customer's state under the ids of its twins. */
const multiplyStates = async (database: pg.Client, twins: number): Promise<void> => {
  if (twins === 1) return;
  await database.query(
    `INSERT INTO entity_states (feature_set, entity_id, version, state)
     SELECT feature_set, ${twinId('entity_id', 'twin')}, version, state FROM entity_states, generate_series(0, $1::int - 1) AS twin
     ORDER BY 1, 2`,
    [twins],
  );
};

/**
 * Copies lie in the months, days and customers (or their twins) of the rows that they are copies of, a few seconds later: so what is measured
 * adds to full partitions and indexes. Their model is another one, since the champion's calibration is not made of copies.
 */
const multiplyTransactions = async (database: pg.Client, copies: number, twins: number): Promise<void> => {
  if (copies < 1) return;
  const entities = twins === 1 ? 'entities' : `ARRAY[${twinId('entities[1]', `copy % ${twins}`)}] || entities[2:6]`;
  const changed = {
    id: `'copy-' || copy || '-' || id`,
    transaction_id: `'copy-' || copy || '-' || transaction_id`,
    occurred_at: `occurred_at + copy * interval '7 ms'`,
    model: `'earlier-' || model`,
    entities,
  };
  for (const table of ['transaction_ids', 'transactions']) await copyRows(database, table, changed, copies);
  await copyRows(database, 'alerts', { ...changed, id: 'gen_random_uuid()', sequence: `nextval('alerts_sequence_seq')` }, copies);
  await database.query('UPDATE day_counts SET transactions = transactions * $1, decided = decided * $1, alerts = alerts * $1', [
    copies + 1,
  ]);
};

const copyRows = async (
  database: pg.Client,
  table: string,
  changed: Readonly<Record<string, string>>,
  copies: number,
): Promise<void> => {
  const { rows } = await database.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [table],
  );
  const names = rows.map(({ name }) => name);
  await database.query(
    `INSERT INTO ${table} (${names.join(', ')})
     SELECT ${names.map((name) => changed[name] ?? name).join(', ')} FROM ${table}, generate_series(1, $1::int) AS copy`,
    [copies],
  );
};
