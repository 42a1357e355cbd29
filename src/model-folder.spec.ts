import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareModelFolder, writeModelFolder } from './model-folder.js';
import { UsageError } from './usage-error.js';

type Parts = Parameters<typeof writeModelFolder>[1];
/** Refused before anything is written. */
const nothing = {} as Parts;

test('a folder that cannot be made is refused by its name, with the reason', async () => {
  const root = await mkdtemp(join(tmpdir(), 'surprisal-model-'));
  const file = join(root, 'file');
  await writeFile(file, '');
  const out = join(file, 'model');
  await expect(writeModelFolder(out, nothing)).rejects.toThrow(
    new UsageError(`the model cannot be written to ${out}: ${file} is a file`),
  );
  await rm(root, { recursive: true });
});

test('preparing makes an empty folder, and finds a file that cannot be replaced', async () => {
  const root = await mkdtemp(join(tmpdir(), 'surprisal-model-'));
  const out = join(root, 'new', 'model');
  await prepareModelFolder(out);
  expect(await readdir(out)).toEqual([]);
  await mkdir(join(out, 'report.json'));
  await expect(prepareModelFolder(out)).rejects.toThrow(
    new UsageError(`the model cannot be written to ${out}: report.json is a folder`),
  );
  await rm(root, { recursive: true });
});

if (process.platform === 'linux')
  test('a parent that says it is not there ends the attempt', async () => {
    await expect(writeModelFolder('/proc/surprisal/model', nothing)).rejects.toThrow('no folder can be made in /proc');
  }, 5_000);
