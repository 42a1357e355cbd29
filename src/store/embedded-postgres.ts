import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { claim, connect, dataOf, findRunning, isAlive, isDamage, readPassword, type Running, urlOf } from './embedded-owner.js';
import { damaged, EmbeddedPostgresError, type EmbeddedPlace, fileSentence, findPlace, isErrno } from './embedded-place.js';

export interface EmbeddedOptions {
  /** SURPRISAL_HOME. */
  readonly home: string;
  readonly log: (line: string) => void;
  /** Where the data goes when the server's user cannot reach home. */
  readonly stateDirectory?: string;
}

export interface EmbeddedPostgres {
  /** Database `surprisal` as its owner, who is no superuser. */
  readonly url: string;
  /** Database `postgres` as the superuser: for tests and maintenance. */
  readonly adminUrl: string;
  /** Folder of the data; to be printed when `elsewhere`. */
  readonly folder: string;
  readonly elsewhere: boolean;
  /** True when the server of an earlier, killed process was taken over. */
  readonly takenOver: boolean;
  /** Fast shutdown: open transactions are rolled back; at most 20 s, then an immediate one. */
  stop(): Promise<void>;
}

const START_LIMIT_MS = 120_000;
const LOG_LIMIT_BYTES = 10_000_000;

/**
 * Starts PostgreSQL under `home`, or takes over the one that a killed process left behind.
 *
 * The server is a process group of its own (Ctrl-C must not stop it before the last commit), so it survives a `kill -9`
 * of its owner. The next start finds it by `postmaster.pid` and asks for the owner's lock in it: got, the owner is dead
 * and the server is ours, to be stopped when we stop; not got, another Surprisal is running in this home.
 * @throws EmbeddedPostgresError in one sentence
 */
export const startEmbeddedPostgres = async (options: EmbeddedOptions): Promise<EmbeddedPostgres> => {
  const home = resolve(options.home);
  const place = await findPlace(home, options.stateDirectory);
  try {
    const running = await findRunning(place, home);
    if (running) options.log('took over the PostgreSQL that an earlier run left behind');
    else await initialise(place, options.log);
    const { port, owner } = running ?? (await start(place, home));
    owner.on('error', (error) => options.log(`the embedded PostgreSQL ended: ${error.message}`));
    const password = await readPassword(place);
    const close = async (): Promise<void> => {
      owner.removeAllListeners('error').on('error', () => undefined);
      await owner.end().catch(() => undefined);
      await stop(place);
    };
    await createDatabase(place, owner, password).catch(async (error: unknown) => {
      await close().catch(() => undefined);
      throw error;
    });
    // Holding the lock must not keep the process alive. (pg has ref and unref, its types don't.)
    const handle = owner as unknown as { ref(): void; unref(): void };
    handle.unref();
    return {
      url: urlOf('surprisal', password, port, 'surprisal'),
      adminUrl: urlOf('postgres', password, port, 'postgres'),
      folder: place.folder,
      elsewhere: place.elsewhere,
      takenOver: running !== null,
      stop: async () => {
        handle.ref();
        await close();
      },
    };
  } catch (error) {
    throw isDamage(error) ? damaged(place.folder) : (fileSentence(error, place.folder) ?? error);
  }
};

const run = (place: EmbeddedPlace, program: string, args: readonly string[], output: number): ChildProcess =>
  spawn(join(place.binaries, program), args, {
    ...place.user,
    cwd: place.folder,
    stdio: ['ignore', output, output],
    // The server must outlive a Ctrl-C until the last commit; initdb must not, it tidies up behind itself.
    detached: program === 'postgres',
    windowsHide: true,
    // The server needs nothing of our environment, which may hold keys. Windows programs don't start without theirs.
    ...(process.platform !== 'win32' && { env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' } }),
  });

const exitOf = (child: ChildProcess): Promise<number> =>
  new Promise((done, failed) => {
    // No such loader (musl), no right to change the user, …: never a matter of the folder.
    child.once('error', ({ message }) =>
      failed(
        new EmbeddedPostgresError(`the PostgreSQL of this package does not run here (${message}): set DATABASE_URL to another`),
      ),
    );
    child.once('exit', (code) => done(code ?? 1));
  });

/** Without one of these the server does not start, or nobody can log in; a part deeper down it names itself. */
const DATA_PARTS = ['global/pg_control', 'base', 'pg_wal', 'pg_xact', 'postgresql.conf', 'pg_hba.conf'];

/** Null: the file is gone or holds no version. */
const majorOf = async (data: string): Promise<string | null> => {
  try {
    return /^\d+$/.exec((await readFile(join(data, 'PG_VERSION'), 'utf8')).trim())?.[0] ?? null;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return null;
    throw error;
  }
};

/** Creates the data folder under another name and renames it: an interrupted first start leaves nothing half done. */
const initialise = async (place: EmbeddedPlace, log: (line: string) => void): Promise<void> => {
  const data = dataOf(place);
  if (existsSync(data)) {
    const major = await majorOf(data);
    const parts = major === place.major ? DATA_PARTS : [];
    if (major === null || parts.some((part) => !existsSync(join(data, part)))) throw damaged(place.folder);
    if (major === place.major) return;
    throw new EmbeddedPostgresError(
      `the data in ${data} is of PostgreSQL ${major}, this program brings ${place.major}: dump it with that version, or move the folder away to start afresh`,
    );
  }
  log('creating the embedded database (first start only)');
  for (const name of await readdir(place.folder)) {
    const pid = /^data\.new-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(place.folder, name), { recursive: true });
  }
  const fresh = `${data}.new-${process.pid}`;
  const passwordFile = join(place.folder, 'password');
  await writeFile(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600, flag: 'wx' }).catch(
    async (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return;
      // What a full disk left of it would be the password from then on.
      await rm(passwordFile, { force: true });
      throw error;
    },
  );
  if (place.user) await chown(passwordFile, place.user.uid, place.user.gid);
  await withLog(place, async (output, tail) => {
    const args = ['-D', fresh, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8'];
    const code = await exitOf(run(place, 'initdb', [...args, '--locale=C', '--no-instructions'], output));
    if (code !== 0) throw await failure(place, 'initdb', tail);
  });
  await rename(fresh, data).catch(async (error: unknown) => {
    if (!existsSync(data)) throw error;
    // Another start of this home was faster; its server will answer.
    await rm(fresh, { recursive: true });
  });
};

/** The server's own output goes to `server.log`; `tail` reads what was added since. */
const withLog = async <T>(
  place: EmbeddedPlace,
  work: (output: number, tail: () => Promise<string>) => Promise<T>,
): Promise<T> => {
  const path = join(place.folder, 'server.log');
  const from = await stat(path).then(
    (found) => (found.size > LOG_LIMIT_BYTES ? 0 : found.size),
    () => 0,
  );
  const file = await open(path, from === 0 ? 'w' : 'a', 0o600);
  try {
    return await work(file.fd, async () => (await readFile(path)).subarray(from).toString('utf8'));
  } finally {
    await file.close();
  }
};

/** What the server says of data that it cannot start on. */
const DAMAGED_DATA =
  /(FATAL|PANIC): (?!.*(Permission denied|shared memory)).*(could not (open|read|access|locate|find)|is not a valid|invalid data|invalid checkpoint|incorrect checksum)|could not find the database system/;

const failure = async (place: EmbeddedPlace, program: string, tail: () => Promise<string>): Promise<Error> => {
  const text = await tail();
  const sentence = /No space left on device|Disk quota exceeded/.test(text)
    ? fileSentence(Object.assign(new Error(text), { code: 'ENOSPC' }), place.folder)
    : null;
  // initdb works on a new folder: only the server meets old data.
  if (sentence === null && program === 'postgres' && DAMAGED_DATA.test(text)) return damaged(place.folder);
  const cause = text.split('\n').findLast((line) => /error|FATAL|PANIC/i.test(line)) ?? text.trim().split('\n').at(-1);
  return sentence ?? new EmbeddedPostgresError(`${program} failed: ${cause} (see ${join(place.folder, 'server.log')})`);
};

const start = async (place: EmbeddedPlace, home: string): Promise<Running> => {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const running = await withLog(place, async (output, tail) => {
      const settings = [
        'listen_addresses=127.0.0.1',
        'unix_socket_directories=',
        'timezone=UTC',
        'log_timezone=UTC',
        'log_checkpoints=off',
      ];
      const args = ['-D', dataOf(place), '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
      const child = run(place, 'postgres', args, output);
      const ended = exitOf(child);
      child.unref();
      let code: number | undefined;
      let refused: Error | undefined;
      ended.then(
        (value) => (code = value),
        (error: Error) => {
          code = -1;
          refused = error;
        },
      );
      const giveUp = async (error: unknown): Promise<never> => {
        child.kill('SIGINT');
        await ended.catch(() => undefined);
        throw error;
      };
      for (const deadline = Date.now() + START_LIMIT_MS; Date.now() < deadline; await sleep(40)) {
        const owner = code === undefined ? await connect(place, port).catch(giveUp) : null;
        if (owner) return { port, owner: await claim(owner, home) };
        if (code === undefined) continue;
        if (refused) throw refused;
        // Another process took the port in between: try the next one.
        if (attempt < 5 && (await tail()).includes('Address already in use')) return null;
        // Or another start of this home was faster: say so.
        await findRunning(place, home).then((other) => other?.owner.end());
        throw await failure(place, 'postgres', tail);
      }
      return giveUp(
        new EmbeddedPostgresError(`PostgreSQL did not become ready within ${START_LIMIT_MS / 1000} s: see ${place.folder}`),
      );
    });
    if (running) return running;
  }
};

const freePort = (): Promise<number> =>
  new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** Role and database of the service; the service itself never is a superuser. */
const createDatabase = async (place: EmbeddedPlace, owner: pg.Client, password: string): Promise<void> => {
  const { rows } = await owner.query<{ role: boolean; database: boolean; gone: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'surprisal') AS role,
            EXISTS (SELECT FROM pg_database WHERE datname = 'surprisal') AS database,
            EXISTS (SELECT FROM pg_database WHERE (pg_stat_file('base/' || oid, true)).size IS NULL) AS gone`,
  );
  if (rows[0]?.gone) throw damaged(place.folder);
  if (!rows[0]?.role) await owner.query(`CREATE ROLE surprisal LOGIN PASSWORD '${password}'`);
  if (!rows[0]?.database) await owner.query('CREATE DATABASE surprisal OWNER surprisal');
};

/** `pg_ctl stop -m fast` sends SIGINT (an event on Windows) and waits for the end. */
const stop = async (place: EmbeddedPlace): Promise<void> => {
  await withLog(place, async (output, tail) => {
    const ask = (mode: string, seconds: number): Promise<number> =>
      exitOf(run(place, 'pg_ctl', ['stop', '-D', dataOf(place), '-m', mode, '-w', '-t', String(seconds)], output));
    if ((await ask('fast', 20)) === 0 || !existsSync(join(dataOf(place), 'postmaster.pid'))) return;
    if ((await ask('immediate', 10)) !== 0) throw await failure(place, 'pg_ctl stop', tail);
  });
};
