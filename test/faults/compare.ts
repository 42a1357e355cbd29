import pg from 'pg';
import { EXCEPTED_COLUMNS, EXCEPTED_TABLES, SUMMED } from './excepted-columns.js';

export interface TableComparison {
  readonly table: string;
  readonly columns: readonly string[];
  /** Rows of the left side. */
  readonly rows: number;
  /** Rows that only one side has; a row that differs counts on both. */
  readonly differences: number;
  /** The first few of them. */
  readonly examples: readonly string[];
}

/** A database and the names in it that were given to its run alone. */
export interface Side {
  readonly url: string;
  readonly names: readonly string[];
}

const EXAMPLES_MAX = 4;
const PAGE = 2_000;

/**
 * Compares every column of every row of two databases, bit by bit: tables and columns are those of the catalog, without
 * the excepted ones. Names of the run are taken as equal; rows have no order.
 */
export const compareDatabases = async (left: Side, right: Side): Promise<readonly TableComparison[]> => {
  const clients = await Promise.all([connect(left), connect(right)]);
  const [a, b] = clients;
  try {
    const [tables, others] = [await tablesOf(a), await tablesOf(b)];
    if (JSON.stringify([...tables]) !== JSON.stringify([...others])) throw new Error('the two databases have other tables');
    const comparisons: TableComparison[] = [];
    for (const [table, columns] of tables)
      comparisons.push(await compareTable(table, columns, rowsOf(a, table, columns, left), rowsOf(b, table, columns, right)));
    return comparisons;
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
};

const connect = async ({ url }: Side): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // One snapshot, and sorts that stay in memory.
  await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SET work_mem = '256MB'`);
  return client;
};

/** Tables and their compared columns. A partition's rows are those of its parent. */
const tablesOf = async (client: pg.Client): Promise<ReadonlyMap<string, readonly string[]>> => {
  const { rows } = await client.query<{ table: string; column: string }>(`
    SELECT c.table_name AS table, c.column_name AS column
    FROM information_schema.columns AS c
    JOIN pg_class AS t ON t.relname = c.table_name AND t.relnamespace = 'public'::regnamespace
    WHERE c.table_schema = 'public' AND t.relkind IN ('r', 'p') AND NOT t.relispartition
    ORDER BY c.table_name, c.column_name`);
  const tables = new Map<string, string[]>();
  for (const { table, column } of rows) {
    if (table in EXCEPTED_TABLES || `*.${column}` in EXCEPTED_COLUMNS || `${table}.${column}` in EXCEPTED_COLUMNS) continue;
    if (SUMMED[table]?.over === column) continue;
    tables.set(table, [...(tables.get(table) ?? []), column]);
  }
  return tables;
};

/** Each row as the text of its columns, in a fixed order. */
async function* rowsOf(client: pg.Client, table: string, columns: readonly string[], side: Side): AsyncGenerator<string> {
  const summed = SUMMED[table]?.columns ?? [];
  const texts = columns.map((column) => `'${column}', ${summed.includes(column) ? `sum(${column})` : `"${column}"`}::text`);
  const grouped = columns.filter((column) => !summed.includes(column)).map((column) => `"${column}"`);
  // The run's own names, each by its place in the list.
  const same = side.names.reduce(
    (text, name, i) => `replace(${text}, '${name}', '<${i}>')`,
    `jsonb_build_object(${texts.join()})::text`,
  );
  await client.query(`DECLARE rows_of_${table} CURSOR FOR
    SELECT ${same} AS row FROM ${table} ${summed.length > 0 ? `GROUP BY ${grouped.join()}` : ''} ORDER BY ${same} COLLATE "C"`);
  for (;;) {
    const { rows } = await client.query<{ row: string }>(`FETCH ${PAGE} FROM rows_of_${table}`);
    for (const { row } of rows) yield row;
    if (rows.length < PAGE) break;
  }
  await client.query(`CLOSE rows_of_${table}`);
}

/** Merges two sorted lists of rows. */
const compareTable = async (
  table: string,
  columns: readonly string[],
  left: AsyncGenerator<string>,
  right: AsyncGenerator<string>,
): Promise<TableComparison> => {
  const found = { rows: 0, differences: 0, examples: [] as string[] };
  const differ = (sign: string, row: string): void => {
    found.differences += 1;
    if (found.examples.length < EXAMPLES_MAX) found.examples.push(`${sign} ${row.slice(0, 400)}`);
  };
  let [a, b] = [await left.next(), await right.next()];
  while (!a.done || !b.done) {
    // "C" is the order of UTF-8 bytes.
    const order = a.done ? 1 : b.done ? -1 : Buffer.compare(Buffer.from(a.value), Buffer.from(b.value));
    if (order < 0) differ('-', a.value as string);
    if (order > 0) differ('+', b.value as string);
    if (order <= 0) found.rows += 1;
    [a, b] = [order <= 0 ? await left.next() : a, order >= 0 ? await right.next() : b];
  }
  return { table, columns, ...found };
};
