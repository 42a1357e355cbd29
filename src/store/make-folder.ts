import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A folder that cannot be made. The message is the reason alone: who asked for the folder says what it was for. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
  constructor(
    reason: string,
    /** Of the file system: EACCES, ENOTDIR, … */
    readonly code: string,
  ) {
    super(reason);
  }
}

/**
 * Makes a folder and the parents that are missing, one by one. Node's own recursive mkdir never returns where a parent
 * exists and still answers ENOENT (/proc, some network file systems).
 *
 * @throws FolderError with the reason
 */
export const makeFolder = (folder: string): void => {
  const missing: string[] = [];
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (isFolder(at)) break;
    missing.push(at);
    if (at === dirname(at)) break;
  }
  for (const at of missing.reverse()) {
    try {
      mkdirSync(at);
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      // Another start was faster.
      if (code === 'EEXIST' && isFolder(at)) continue;
      throw new FolderError(reasonOf(code, at) ?? message, code);
    }
  }
};

/** @returns false where nothing is. @throws FolderError where something else is, or nobody may look */
const isFolder = (path: string): boolean => {
  try {
    if (statSync(path).isDirectory()) return true;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    // ENOTDIR: a parent is a file, which its own turn will tell.
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new FolderError(code === 'EACCES' ? `no permission to enter the folders of ${path}` : message, code);
  }
  throw new FolderError(`${path} is a file`, 'ENOTDIR');
};

const reasonOf = (code: string, folder: string): string | undefined => {
  const parent = dirname(folder);
  return {
    EACCES: `no permission to make a folder in ${parent}`,
    EPERM: `no permission to make a folder in ${parent}`,
    EROFS: `${parent} is read-only`,
    EEXIST: `${folder} is not a folder`,
    ENOENT: `no folder can be made in ${parent}`,
    ENOSPC: `the disk of ${parent} is full`,
    EDQUOT: `the disk of ${parent} is full`,
  }[code];
};
