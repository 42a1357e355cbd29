import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type QueryRunner } from 'typeorm';
import { Initial1763712000000 } from '../../migrations/0001-initial.js';
import { RetriedDeadLetters1763715600000 } from '../../migrations/0002-retried-dead-letters.js';
import { FrozenEvidence1763719200000 } from '../../migrations/0003-frozen-evidence.js';
import { OneRowATransaction1763722800000 } from '../../migrations/0004-one-row-a-transaction.js';
import { AlertPatterns1763726400000 } from '../../migrations/0005-alert-patterns.js';
import { TrainingRuns1763730000000 } from '../../migrations/0006-training-runs.js';
import { ShadowScores1763733600000 } from '../../migrations/0007-shadow-scores.js';
import { Drift1763737200000 } from '../../migrations/0008-drift.js';
import { AlertPatternIndex1763740800000 } from '../../migrations/0009-alert-pattern-index.js';
import { TABLES } from './tables.js';

export interface DatabaseOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  /** Connections at most: 2 or more, because a migration needs one beside the one that holds its lock. */
  readonly poolSize: number;
  /** A statement that takes longer is cancelled; default 30 s. */
  readonly statementTimeoutMs?: number;
  /** Database schema of a backtest, whose tables can be made again: it alone is seen, and a commit does not wait for the disk. */
  readonly backtestSchema?: string;
}

/**
 * A process that stands still in an open transaction keeps its locks, and whoever took over its partition waits for them
 * so long. A batch writes for milliseconds and never pauses.
 */
const IDLE_IN_TRANSACTION_MS = 10_000;

/** Not yet connected: `await createDataSource(…).initialize()`. */
export const createDataSource = ({ url, poolSize, statementTimeoutMs = 30_000, backtestSchema }: DatabaseOptions): DataSource => {
  if (!Number.isInteger(poolSize) || poolSize < 2 || poolSize > 200)
    throw new RangeError(`poolSize: ${poolSize} is not an integer from 2 to 200`);
  return new DataSource({
    type: 'postgres',
    url,
    applicationName: 'surprisal',
    poolSize,
    connectTimeoutMS: 10_000,
    extra: {
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      ...(backtestSchema !== undefined && { options: `-c search_path=${backtestSchema} -c synchronous_commit=off` }),
    },
    // A broken idle connection is replaced by the pool; without a handler it would end the process.
    poolErrorHandler: () => undefined,
    entities: TABLES,
    migrations: MIGRATIONS,
    migrationsTableName: 'migrations',
    synchronize: false,
    installExtensions: false,
  });
};

const MIGRATIONS = [
  Initial1763712000000,
  RetriedDeadLetters1763715600000,
  FrozenEvidence1763719200000,
  OneRowATransaction1763722800000,
  AlertPatterns1763726400000,
  TrainingRuns1763730000000,
  ShadowScores1763733600000,
  Drift1763737200000,
  AlertPatternIndex1763740800000,
];
const MIGRATION_LOCK = 7_305_808_870;
const LOCK_LIMIT_MS = 120_000;

/**
 * Brings the tables up to date; several instances may start at once, one of them migrates.
 * @returns names of the migrations that ran
 * @throws Error when the database was migrated by a newer program, or another instance holds the lock for two minutes
 */
export const migrate = async (dataSource: DataSource): Promise<readonly string[]> => {
  const runner = dataSource.createQueryRunner();
  await runner.connect();
  try {
    for (const deadline = Date.now() + LOCK_LIMIT_MS; !(await tryLock(runner)); await sleep(100))
      if (Date.now() > deadline) throw new Error('another instance has been migrating this database for two minutes');
    const ran = await dataSource.runMigrations({ transaction: 'each' });
    const stored = (await runner.query('SELECT name FROM migrations ORDER BY id')) as { name: string }[];
    const unknown = stored.filter(({ name }) => !MIGRATIONS.some((migration) => migration.name === name));
    if (unknown.length > 0)
      throw new Error(`this database was migrated by a newer Surprisal (${unknown.map((m) => m.name).join(', ')})`);
    return ran.map(({ name }) => name);
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    await runner.release();
  }
};

const tryLock = async (runner: QueryRunner): Promise<boolean> => {
  const rows = (await runner.query('SELECT pg_try_advisory_lock($1) AS locked', [MIGRATION_LOCK])) as { locked: boolean }[];
  return rows[0]?.locked === true;
};
