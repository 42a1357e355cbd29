import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireWritable } from './output-file.js';
import { UsageError } from './usage-error.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-output-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a file that can be written is left as it is, one that is not there is not made', async () => {
  await writeFile(join(folder, 'old.csv'), 'kept');
  await requireWritable(join(folder, 'old.csv'));
  await requireWritable(join(folder, 'new.csv'));
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
    const refusing = requireWritable(join(folder, name));
    await expect(refusing).rejects.toThrow(UsageError);
    await expect(refusing).rejects.toThrow(`${join(folder, name)} cannot be written: ${reason}`);
  }
});
