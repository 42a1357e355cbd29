import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiKeyOf } from './api-key.js';
import { loadConfig } from './config.js';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'surprisal-key-'));
});
afterEach(() => rm(home, { recursive: true }));
const keyOf = (): string => apiKeyOf(loadConfig(undefined, { SURPRISAL_HOME: home }));

test('a key is made once, and is for its owner alone', async () => {
  const key = keyOf();
  expect(key).toMatch(/^[\w-]{32}$/);
  expect(keyOf()).toBe(key);
  expect(await readdir(home)).toEqual(['api-key']);
  expect((await stat(join(home, 'api-key'))).mode & 0o777).toBe(0o600);
});

test('an empty file holds no key', async () => {
  await writeFile(join(home, 'api-key'), '');
  expect(keyOf()).toMatch(/^[\w-]{32}$/);
  expect(await readFile(join(home, 'api-key'), 'utf8')).toBe(`${keyOf()}\n`);
});

if (process.platform === 'linux')
  test('a full disk keeps no empty key', async () => {
    await symlink('/dev/full', join(home, `api-key.${process.pid}`));
    expect(keyOf).toThrow(`SURPRISAL_HOME=${home} cannot hold the API key: ENOSPC`);
    expect(await readdir(home)).toEqual([]);
  });
