import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderError, makeFolder } from './make-folder.js';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'surprisal-folder-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const refusal = (folder: string): { code: string; message: string } => {
  try {
    makeFolder(folder);
  } catch (error) {
    if (error instanceof FolderError) return error;
    throw error;
  }
  throw new Error(`${folder} was made`);
};

test('makes every missing parent, and leaves a folder that is there alone', () => {
  const folder = join(root, 'a', 'b', 'c');
  makeFolder(folder);
  writeFileSync(join(folder, 'kept'), '');
  makeFolder(folder);
  expect(existsSync(join(folder, 'kept'))).toBe(true);
});

test('names the file that is in the way', () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  expect(refusal(file)).toMatchObject({ code: 'ENOTDIR', message: `${file} is a file` });
  expect(refusal(join(file, 'a', 'b'))).toMatchObject({ code: 'ENOTDIR', message: `${file} is a file` });
});

test('names a link that leads nowhere', () => {
  const link = join(root, 'link');
  symlinkSync(join(root, 'nowhere'), link);
  expect(refusal(join(link, 'a'))).toMatchObject({ code: 'EEXIST', message: `${link} is not a folder` });
});

if (process.platform === 'linux')
  test('gives up where a parent exists and still says that it does not', () => {
    expect(refusal('/proc/surprisal/a')).toMatchObject({ code: 'ENOENT', message: 'no folder can be made in /proc' });
  });
