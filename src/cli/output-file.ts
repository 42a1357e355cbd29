import { constants } from 'node:fs';
import { access, open, realpath, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UsageError } from '../usage-error.js';

/**
 * Finds out before the long work whether its result can be written. A file that is there stays as it is, and where none is
 * none is left.
 *
 * @throws Error of the file system with the reason
 */
export const tryToWrite = async (path: string): Promise<void> => {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory()) throw new Error(`${basename(path)} is a folder`);
  if (found) return access(path, constants.W_OK);
  await (await open(path, 'wx')).close();
  await rm(path);
};

/**
 * @param input a file that is read: writing over it would destroy it
 * @throws UsageError when the file cannot be written, or is the input
 */
export const requireWritable = async (path: string, input: string): Promise<void> => {
  const [from, to] = await Promise.all([input, path].map((name) => realpath(name).catch(() => null)));
  if (from !== null && from === to) throw new UsageError(`${path} is the file that is read: name another one to write`);
  try {
    await tryToWrite(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
  }
};
