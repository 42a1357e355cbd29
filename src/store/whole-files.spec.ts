import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contents, writeWholeFiles } from './whole-files.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-whole-'));
  await writeFile(join(folder, 'a'), 'old a');
  await writeFile(join(folder, 'b'), 'old b');
});
afterEach(() => rm(folder, { recursive: true }));

const texts = async (): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  for (const name of await readdir(folder)) found[name] = await readFile(join(folder, name), 'utf8');
  return found;
};

test('all take their places, in the order in which they are given', async () => {
  await writeWholeFiles(folder, { b: contents('new b'), a: contents(Buffer.from('new a')), c: contents('new c') });
  expect(await texts()).toEqual({ a: 'new a', b: 'new b', c: 'new c' });
});

test('where one fails none takes its place, and nothing is left of the others', async () => {
  const failing = writeWholeFiles(folder, { a: contents('new a'), b: () => Promise.reject(new Error('no data')) });
  await expect(failing).rejects.toThrow(/^no data$/);
  expect(await texts()).toEqual({ a: 'old a', b: 'old b' });
});

test('those that had no turn yet are not left either', async () => {
  await mkdir(join(folder, 'c'));
  await expect(writeWholeFiles(folder, { c: contents('x'), a: contents('new a') })).rejects.toThrow('EISDIR');
  await rm(join(folder, 'c'), { recursive: true });
  expect(await texts()).toEqual({ a: 'old a', b: 'old b' });
});

if (process.platform === 'linux')
  test('a full disk is said in words', async () => {
    // Every write to it is refused by the kernel as one to a full disk is.
    await symlink('/dev/full', join(folder, '.b.unfinished'));
    await expect(writeWholeFiles(folder, { a: contents('new a'), b: contents('new b') })).rejects.toThrow(/^the disk is full$/);
    expect(await texts()).toEqual({ a: 'old a', b: 'old b' });
  });
