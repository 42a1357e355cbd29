import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { requireWritable } from './output-file.js';
import { UsageError } from '../usage-error.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-output-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a file that can be written is left as it is, one that is not there is not made', async () => {
  await writeFile(join(folder, 'old.csv'), 'kept');
  await requireWritable(join(folder, 'old.csv'), join(folder, 'data.csv'));
  await requireWritable(join(folder, 'new.csv'), join(folder, 'old.csv'));
  expect(await readFile(join(folder, 'old.csv'), 'utf8')).toBe('kept');
  expect(await readdir(folder)).toEqual(['old.csv']);
});

test('a folder, a file below a file and one in no folder are refused by name', async () => {
  await mkdir(join(folder, 'out'));
  await writeFile(join(folder, 'file'), '');
  for (const [name, reason] of [
    ['out', 'out is a folder'],
    ['file/x.csv', 'ENOTDIR'],
    ['none/x.csv', 'ENOENT'],
  ] as const) {
    const refusing = requireWritable(join(folder, name), join(folder, 'data.csv'));
    await expect(refusing).rejects.toThrow(UsageError);
    await expect(refusing).rejects.toThrow(`${join(folder, name)} cannot be written: ${reason}`);
  }
});

test('the file that is read is never written over, by whatever name', async () => {
  const data = join(folder, 'data.csv');
  await writeFile(data, 'read');
  await symlink(data, join(folder, 'link.csv'));
  for (const path of [data, join(folder, 'link.csv'), join(folder, '..', basename(folder), 'data.csv')])
    await expect(requireWritable(path, data)).rejects.toThrow(`${path} is the file that is read`);
  expect(await readFile(data, 'utf8')).toBe('read');
});
