import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Writes one file to the path that it is given. */
export type WriteFile = (path: string) => Promise<void>;

/** Through to the disk: some file systems say only then that they are full. */
export const contents =
  (data: string | Uint8Array): WriteFile =>
  (path) =>
    writeFile(path, data, { flush: true });

/**
 * Whole files under their names, or none: all are written aside first and then renamed, in the given order. Where that fails,
 * for instance on a full disk, what was there before stays, and nothing half-written is left.
 *
 * @throws Error with the reason alone: who asked for the files says what they were for
 */
export const writeWholeFiles = async (folder: string, files: Readonly<Record<string, WriteFile>>): Promise<void> => {
  const aside = (name: string): string => join(folder, `.${name}.unfinished`);
  try {
    for (const [name, write] of Object.entries(files)) await write(aside(name));
    for (const name of Object.keys(files)) await rename(aside(name), join(folder, name));
  } catch (error) {
    for (const name of Object.keys(files)) await rm(aside(name), { force: true });
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new Error(REASONS[code] ?? message, { cause: error });
  }
};

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  EFBIG: 'the file system or a limit of this process allows no file of that size',
};
