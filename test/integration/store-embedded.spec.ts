import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded-postgres.js';
import { temporaryHome } from '../support/postgres.js';

/** A pid that no process has: Linux gives at most 4,194,304. */
const DEAD_PID = 4_999_999;

let home: string;
let running: EmbeddedPostgres[] = [];
beforeEach(async () => {
  home = await temporaryHome();
});
afterEach(async () => {
  for (const server of running) await server.stop();
  running = [];
  await rm(home, { recursive: true, force: true });
});

const start = async (stateDirectory?: string): Promise<EmbeddedPostgres> => {
  const server = await startEmbeddedPostgres({ home, log: () => undefined, ...(stateDirectory && { stateDirectory }) });
  running.push(server);
  return server;
};
const stop = async (server: EmbeddedPostgres): Promise<void> => {
  running = running.filter((other) => other !== server);
  await server.stop();
};
const ask = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
};

it('starts, keeps its data, and serves an owner who is no superuser', async () => {
  const first = await start();
  await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  expect(
    await ask(
      first.url,
      `SELECT current_setting('TimeZone') AS zone, current_setting('server_encoding') AS encoding,
              (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super`,
    ),
  ).toEqual([{ zone: 'UTC', encoding: 'UTF8', super: false }]);
  expect((await stat(join(first.folder, 'password'))).mode & 0o777).toBe(0o600);
  await expect(ask(first.url.replace(/:[0-9a-f]{48}@/, ':wrong@'), 'SELECT 1')).rejects.toThrow('password');
  await stop(first);
  const second = await start();
  expect(second.takenOver).toBe(false);
  expect(await ask(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
});

it('takes over the server of a killed owner, and refuses a second one while the owner lives', async () => {
  const first = await start();
  await expect(startEmbeddedPostgres({ home, log: () => undefined })).rejects.toThrow(`another Surprisal is running in ${home}`);
  // What a kill -9 of the owner does, as the server sees it: the owner's connection ends.
  await ask(
    first.adminUrl,
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'surprisal owner'`,
  );
  const second = await start();
  expect(second.takenOver).toBe(true);
  expect(new URL(second.url).port).toBe(new URL(first.url).port);
  running = [second];
  await stop(second);
  expect(existsSync(join(second.folder, 'data', 'postmaster.pid'))).toBe(false);
});

it('repeats an interrupted first start and ignores the lock file of a dead server', async () => {
  const leftover = join(home, 'postgres', `data.new-${DEAD_PID}`);
  await mkdir(leftover, { recursive: true });
  const first = await start();
  expect(await readdir(first.folder)).not.toContain(`data.new-${DEAD_PID}`);
  await stop(first);
  // Our own process has the dead server's pid by now.
  await writeFile(join(first.folder, 'data', 'postmaster.pid'), `${process.pid}\n${first.folder}/data\n0\n1\n\n127.0.0.1\n`);
  expect((await start()).takenOver).toBe(false);
});

it('says in one sentence what is wrong', async () => {
  await mkdir(join(home, 'postgres', 'data'), { recursive: true });
  await writeFile(join(home, 'postgres', 'data', 'PG_VERSION'), '14\n');
  await expect(start()).rejects.toThrow(/is of PostgreSQL 14, this program brings 18/);
  await rm(home, { recursive: true });
  await writeFile(home, 'a file');
  await expect(start()).rejects.toThrow(`SURPRISAL_HOME=${home} cannot be used: ${home} is a file`);
  await expect(startEmbeddedPostgres({ home: join(home, 'below'), log: () => undefined })).rejects.toThrow(`${home} is a file`);
});

it('says that data with a part gone is damaged, whichever part', async () => {
  const { folder } = await start();
  await stop(running[0]!);
  const sentence = /^the data in \S+ is incomplete or damaged: move the folder away to start afresh$/;
  for (const part of [
    'data/PG_VERSION',
    'data/global',
    'data/base',
    'data/base/1',
    'data/pg_multixact',
    'data/base/5',
    'password',
  ]) {
    await rename(join(folder, part), join(home, 'aside'));
    await expect(start()).rejects.toThrow(sentence);
    await rename(join(home, 'aside'), join(folder, part));
    expect([part, existsSync(join(folder, 'data', 'postmaster.pid'))]).toEqual([part, false]);
  }
  await start();
});

// Root may write everywhere, and nobody else has the problem of a home that `nobody` cannot enter.
if (process.getuid?.() === 0)
  it('as root with a home that nobody else may enter, works elsewhere and remembers where', async () => {
    await chmod(home, 0o700);
    const elsewhere = await temporaryHome(0o755);
    try {
      const first = await start(elsewhere);
      expect(first.elsewhere).toBe(true);
      expect(first.folder.startsWith(elsewhere)).toBe(true);
      expect(JSON.parse(await readFile(join(home, 'postgres-place.json'), 'utf8'))).toEqual({ home, folder: first.folder });
      await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
      await stop(first);
      await chmod(home, 0o755);
      const second = await start();
      expect(await ask(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      await stop(second);
    } finally {
      await rm(elsewhere, { recursive: true, force: true });
    }
  });
else
  it('says that a read-only home is not writable', async () => {
    await chmod(home, 0o555);
    await expect(start()).rejects.toThrow(/is not writable: set SURPRISAL_HOME/);
    await chmod(home, 0o755);
  });
