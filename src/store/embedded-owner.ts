import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { damaged, EmbeddedPostgresError, type EmbeddedPlace, isErrno } from './embedded-place.js';

/** Session lock in database `postgres` that whoever owns the server holds: it falls when that process dies. */
const OWNER_LOCK = 7_305_808_869;

export interface Running {
  readonly port: number;
  /** Connection that holds the owner's lock. */
  readonly owner: pg.Client;
}

export const urlOf = (user: string, password: string, port: number, database: string): string =>
  `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
export const dataOf = (place: EmbeddedPlace): string => join(place.folder, 'data');
export const readPassword = (place: EmbeddedPlace): Promise<string> =>
  readFile(join(place.folder, 'password'), 'utf8').catch((error: unknown) => {
    throw isErrno(error, 'ENOENT') ? damaged(place.folder) : error;
  });

/** A server that runs says so when a file of its data is gone: invalid_catalog_name (after log-in), undefined_file, corrupted. */
const DAMAGE = ['3D000', '58P01', 'XX001', 'XX002'];
export const isDamage = (error: unknown): boolean => isErrno(error, ...DAMAGE);

/** A superuser's connection, or null while nobody or somebody else answers. It does not keep the process alive. */
export const connect = async (place: EmbeddedPlace, port: number): Promise<pg.Client | null> => {
  const client = new pg.Client({
    connectionString: urlOf('postgres', await readPassword(place), port, 'postgres'),
    application_name: 'surprisal owner',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
    if (resolve(rows[0]?.data_directory ?? '') !== dataOf(place)) throw new Error('another server');
    client.removeAllListeners('error');
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    if (isDamage(error)) throw damaged(place.folder);
    return null;
  }
};

export const claim = async (owner: pg.Client, home: string): Promise<pg.Client> => {
  const { rows } = await owner.query<{ claimed: boolean }>('SELECT pg_try_advisory_lock($1) AS claimed', [OWNER_LOCK]);
  if (rows[0]?.claimed) return owner;
  await owner.end();
  throw new EmbeddedPostgresError(`another Surprisal is running in ${home}: stop it, or set SURPRISAL_HOME to another folder`);
};

/** Whether a living process holds the owner's lock. The one who asks must end the connection. */
export const isOwned = async (guest: pg.Client): Promise<boolean> => {
  const { rows } = await guest.query<{ free: boolean }>('SELECT pg_try_advisory_lock_shared($1) AS free', [OWNER_LOCK]);
  return rows[0]?.free !== true;
};

/** The server that `postmaster.pid` names, if it is still there. */
export const findRunning = async (place: EmbeddedPlace, home: string): Promise<Running | null> => {
  const pidFile = join(dataOf(place), 'postmaster.pid');
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(100)) {
    const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n');
    const [pid, port] = [Number(lines[0]), Number(lines[3])];
    if (!pid || !isAlive(pid)) return null;
    if (!(await isPostgres(pid))) {
      // The machine gave the dead server's pid to another program; PostgreSQL itself would refuse to start.
      await rm(pidFile, { force: true });
      return null;
    }
    const owner = port ? await connect(place, port) : null;
    if (owner) return { port, owner: await claim(owner, home) };
  }
  throw new EmbeddedPostgresError(
    `a PostgreSQL in ${place.folder} neither answers nor ends: stop the process named in ${pidFile}`,
  );
};

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrno(error, 'EPERM');
  }
};

/** Unknown (no /proc) counts as yes: never remove the lock file of a server that may live. */
const isPostgres = async (pid: number): Promise<boolean> =>
  readFile(`/proc/${pid}/cmdline`, 'utf8').then(
    (line) => line.includes('postgres'),
    () => true,
  );
