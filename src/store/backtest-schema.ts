import type { DataSource, QueryRunner } from 'typeorm';
import { backtestName, backtestNumber } from './backtest-name.js';
import { createDataSource, migrate } from './data-source.js';

/** Of a session: who holds the lock of a number is at work in the schema of that number. A class of its own beside the single keys. */
const BACKTESTS = 808_876;
const BACKTESTS_MAX = 1_000;
const KEPT = 'kept';
/** One statement compares weeks of two tables. */
const STATEMENT_TIMEOUT_MS = 600_000;
const INSUFFICIENT_PRIVILEGE = '42501';

/** Tables of a backtest's own, made by the migrations that made the service's. */
export interface BacktestSchema {
  readonly name: string;
  readonly dataSource: DataSource;
  /** @param isKept false: it is dropped */
  close(isKept: boolean): Promise<void>;
}

/**
 * Makes an empty database schema, after dropping what killed backtests have left behind.
 *
 * @param live a database whose own tables are not touched
 * @param say told of each one that was left behind
 */
export const openBacktestSchema = async (live: DataSource, say: (line: string) => void): Promise<BacktestSchema> => {
  const holder = live.createQueryRunner();
  await holder.connect();
  try {
    await dropAbandoned(holder, say);
    const number = await makeSchema(holder);
    try {
      return await opened(live, holder, number);
    } catch (error) {
      await dropSchema(holder, number);
      await unlock(holder, number);
      throw error;
    }
  } catch (error) {
    await holder.release();
    throw error;
  }
};

const opened = async (live: DataSource, holder: QueryRunner, number: number): Promise<BacktestSchema> => {
  const name = backtestName(number);
  const { url } = live.options as { readonly url: string };
  const dataSource = createDataSource({ url, poolSize: 4, statementTimeoutMs: STATEMENT_TIMEOUT_MS, backtestSchema: name });
  await dataSource.initialize();
  try {
    const [found] = await dataSource.query<{ schemas: string[] }[]>('SELECT current_schemas(false)::text[] AS schemas');
    // "options" of DATABASE_URL, or a pooler that drops them: without a search path of its own it would write to live tables.
    if (found?.schemas.join() !== name)
      throw new Error(
        `the connection sees the database schemas ${found?.schemas.join(', ') ?? ''} instead of ${name} alone: ` +
          'leave "options" out of DATABASE_URL, and name the server itself instead of a pooler',
      );
    await migrate(dataSource);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
  return {
    name,
    dataSource,
    close: async (isKept) => {
      try {
        await dataSource.destroy();
        if (isKept) await holder.query(`COMMENT ON SCHEMA ${name} IS '${KEPT}'`);
        else await dropSchema(holder, number);
        await unlock(holder, number);
      } finally {
        await holder.release();
      }
    },
  };
};

const dropAbandoned = async (holder: QueryRunner, say: (line: string) => void): Promise<void> => {
  const schemas = (await holder.query(
    `SELECT nspname AS name FROM pg_namespace
     WHERE nspname LIKE 'surprisal\\_backtest\\_%' AND obj_description(oid, 'pg_namespace') IS DISTINCT FROM $1 ORDER BY oid`,
    [KEPT],
  )) as { name: string }[];
  for (const { name } of schemas) {
    const number = backtestNumber(name);
    if (number === null || !(await tryLock(holder, number))) continue;
    // Another may have dropped it meanwhile.
    await dropSchema(holder, number);
    await unlock(holder, number);
    say(`the database schema ${name}, which a backtest that was killed had left behind, was dropped`);
  }
};

/** The first number that is nobody's; its lock is held until the end. */
const makeSchema = async (holder: QueryRunner): Promise<number> => {
  for (let number = 1; number <= BACKTESTS_MAX; number += 1) {
    if (!(await tryLock(holder, number))) continue;
    const [found] = (await holder.query('SELECT to_regnamespace($1) IS NOT NULL AS taken', [backtestName(number)])) as {
      taken: boolean;
    }[];
    if (!found?.taken) {
      await createSchema(holder, number);
      return number;
    }
    await unlock(holder, number);
  }
  throw new Error(`there are ${BACKTESTS_MAX} database schemas of backtests: drop those that were kept`);
};

const createSchema = async (holder: QueryRunner, number: number): Promise<void> => {
  try {
    await holder.query(`CREATE SCHEMA ${backtestName(number)}`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === INSUFFICIENT_PRIVILEGE)) throw error;
    const [of] = (await holder.query('SELECT quote_ident(current_database()) AS database, current_user AS "user"')) as {
      database: string;
      user: string;
    }[];
    throw new Error(
      `a backtest needs a database schema of its own, which ${of?.user ?? 'this user'} may not make: ` +
        `GRANT CREATE ON DATABASE ${of?.database ?? ''}`,
      { cause: error },
    );
  }
};

const dropSchema = async (holder: QueryRunner, number: number): Promise<void> => {
  await holder.startTransaction();
  try {
    await holder.query('SET LOCAL statement_timeout = 0');
    await holder.query('SET LOCAL client_min_messages = warning');
    await holder.query(`DROP SCHEMA IF EXISTS ${backtestName(number)} CASCADE`);
    await holder.commitTransaction();
  } catch (error) {
    await holder.rollbackTransaction();
    throw error;
  }
};

const tryLock = async (holder: QueryRunner, number: number): Promise<boolean> => {
  const [lock] = (await holder.query('SELECT pg_try_advisory_lock($1, $2) AS held', [BACKTESTS, number])) as {
    held: boolean;
  }[];
  return lock?.held === true;
};

const unlock = (holder: QueryRunner, number: number): Promise<unknown> =>
  holder.query('SELECT pg_advisory_unlock($1, $2)', [BACKTESTS, number]);
