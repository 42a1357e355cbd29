import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareModelFolder, writeModelFolder } from './model-folder.js';
import { UsageError } from '../usage-error.js';

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

if (process.platform === 'linux')
  describe('on a full disk', () => {
    const parts = (of: string): Parts => ({
      artifact: Buffer.from(of),
      calibration: { model: of } as Parts['calibration'],
      policy: {} as Parts['policy'],
      memory: { lastMs: 0, states: [], evidence: [], pendingLabels: [], fraudCells: [] },
      report: {} as Parts['report'],
    });
    test.each(['calibration.json', 'policy.json', 'memory.json.gz', 'report.json', 'model.surprisal'])(
      'nothing half-written is left, and the model before stays: %s',
      async (name) => {
        const out = await mkdtemp(join(tmpdir(), 'surprisal-model-'));
        await writeModelFolder(out, parts('before'));
        const before = await readdir(out);
        await symlink('/dev/full', join(out, `.${name}.unfinished`));
        await expect(writeModelFolder(out, parts('after'))).rejects.toThrow(
          new UsageError(`the model cannot be written to ${out}: the disk is full`),
        );
        expect(await readdir(out)).toEqual(before);
        expect(await readFile(join(out, 'model.surprisal'), 'utf8')).toBe('before');
        expect(await readFile(join(out, 'calibration.json'), 'utf8')).toBe('{"model":"before"}');
        await rm(out, { recursive: true });
      },
    );
  });
