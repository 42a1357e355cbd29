import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { Option } from 'commander';
import type { CommandIo } from './command-io.js';
import { loadSchema, type Config } from '../config.js';
import { openDatabase, type ServiceDatabase } from '../service-database.js';
import { hasEmbeddedData } from '../store/embedded-place.js';
import { InvalidQueryError } from '../store/paging.js';
import { NotStoredError } from '../store/state-conflict.js';
import { UsageError } from '../usage-error.js';

/**
 * Runs a command on the service's database: of DATABASE_URL, or the embedded one, also while a service runs on it. It makes no
 * embedded one: there would be nothing in it.
 *
 * @throws UsageError where there is none, and for what the database cannot find or does not understand
 */
export const withDatabase = async <T>(
  config: Config,
  io: CommandIo,
  work: (dataSource: ServiceDatabase['dataSource']) => Promise<T>,
): Promise<T> => {
  if (config.databaseUrl === null && !(await hasEmbeddedData(resolve(config.home))))
    throw new UsageError(`there is no database under ${config.home} yet: npm start or surprisal serve makes one`);
  const database = await openDatabase(config, (line) => io.progress.note(line), true);
  try {
    return await work(database.dataSource);
  } catch (error) {
    if (error instanceof InvalidQueryError) throw new UsageError(`--${error.message}`);
    throw error instanceof NotStoredError ? new UsageError(error.message) : error;
  } finally {
    await database.close();
  }
};

/** The transaction schema that a command is about: the named one, or the only one that the database knows. */
export const schemaNameOf = async (
  dataSource: ServiceDatabase['dataSource'],
  { schema, config }: { readonly schema?: string; readonly config?: string },
): Promise<string> => {
  if (schema !== undefined) return loadSchema(schema, config).name;
  const rows = await dataSource.query<{ schema: string }[]>(
    `SELECT DISTINCT schema FROM model_versions UNION SELECT DISTINCT schema FROM training_runs ORDER BY schema LIMIT 10`,
  );
  if (rows.length === 1) return rows[0]!.schema;
  const names = rows.map((row) => row.schema).join(', ');
  throw new UsageError(
    rows.length === 0
      ? 'this database holds no model yet: say --schema'
      : `this database knows the schemas ${names}: say --schema`,
  );
};

export const schemaOption = (): Option =>
  new Option('--schema <name>', 'shipped transaction schema or the path of one; default: the only one of the database');

/** For the log: who asks is who is logged in. */
export const byOption = (): Option => new Option('--by <name>', 'who does it, for the log').default(userName(), 'your login');
export const whyOption = (): Option => new Option('--why <text>', 'a reason, for the log').default('asked for by hand');

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    // A container's user without a name.
    return 'command line';
  }
};
