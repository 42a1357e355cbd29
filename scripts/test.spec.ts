import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const CHECKS = {
  prettier: 'prettier/bin/prettier.cjs',
  eslint: 'eslint/bin/eslint.js',
  tsc: 'typescript/bin/tsc',
  depcruise: 'dependency-cruiser/bin/dependency-cruise.mjs',
};
/** Writes down its name; fails when FAILS names it. */
const checkProgram = (name: string): string =>
  `import { appendFileSync } from 'node:fs';
   appendFileSync('calls', '${name} ' + process.argv.slice(2).join(' ') + '\\n');
   if (process.env.FAILS === '${name}') { console.log('the words of ${name}'); process.exit(1); }`;
/** Reports the statuses that STATUSES gives its project; none: crashes without a report. */
const JEST = `import { appendFileSync, writeFileSync } from 'node:fs';
  const [, project, , output] = process.argv.slice(2);
  appendFileSync('calls', 'jest ' + project + ' broker ' + process.env.KAFKA_BROKERS + (process.env.TEST_DATABASE_URL && ' on ' + process.env.TEST_DATABASE_URL) + '\\n');
  const statuses = JSON.parse(process.env.STATUSES)[project];
  if (!statuses) process.exit(1);
  const assertionResults = statuses.map((status, i) => ({ fullName: 'test ' + i, status }));
  const suite = { name: process.cwd() + '/' + project + '.spec.ts', message: 'cannot be read', assertionResults };
  writeFileSync(output.slice('--outputFile='.length), JSON.stringify({ testResults: [suite] }));`;
const BROKER = `#!/bin/sh
  echo "kafka $1" >> calls
  case $1 in status) test "$BROKER" = up ;; up) test "$BROKER" != broken ;; env) echo KAFKA_BROKERS=127.0.0.1:19092 ;; esac`;

/** Prints what the fault suite would, or crashes where there is nothing to print. */
const FAULTS = `import { appendFileSync } from 'node:fs';
  appendFileSync('calls', 'faults\\n');
  console.log(process.env.FAULTS || 'passed  kills\\n\\n1 passed, 0 failed');`;

let clone: string;
const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
};
const PASSING = { unit: ['passed', 'passed'], contract: ['passed'], integration: ['passed'], e2e: ['passed'] };
const runTests = (environment: Record<string, string> = {}): { status: number | null; lines: string[]; calls: string[] } => {
  const { status, stdout } = spawnSync(process.execPath, [join(clone, 'scripts/test.mjs')], {
    cwd: clone,
    encoding: 'utf8',
    env: { ...process.env, KAFKA_BROKERS: '', STATUSES: JSON.stringify(PASSING), BROKER: 'down', ...environment },
  });
  const calls = existsSync(join(clone, 'calls')) ? readFileSync(join(clone, 'calls'), 'utf8').trim().split('\n') : [];
  return { status, lines: stdout.trim().split('\n'), calls };
};

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'surprisal-npm-test-'));
  cpSync('scripts/test.mjs', join(clone, 'scripts/test.mjs'));
  put('package.json', '{ "type": "module" }');
  for (const [name, path] of Object.entries(CHECKS)) {
    // A .cjs program may not import; a dynamic import is the same in both kinds.
    const program = checkProgram(name).replace(/import (\{.*\}) from ('.*');/, 'const $1 = process.getBuiltinModule($2);');
    put(`node_modules/${path}`, program);
  }
  put('node_modules/jest/bin/jest.js', JEST);
  for (const folder of ['jest', 'eslint', 'typescript']) put(`node_modules/${folder}/package.json`, '{ "type": "module" }');
  put('dist/test/faults/main.js', FAULTS);
  put('scripts/kafka-local.sh', BROKER);
  chmodSync(join(clone, 'scripts/kafka-local.sh'), 0o755);
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

describe('npm test', () => {
  it('runs all checks and projects in order, with one broker for those that need it, and counts them', () => {
    put('web/tsconfig.json', '{}');
    const { status, lines, calls } = runTests();
    expect(calls).toEqual([
      'prettier --check .',
      'eslint .',
      'tsc --noEmit',
      'tsc --noEmit -p web',
      'depcruise src migrations',
      'jest unit broker ',
      'jest contract broker ',
      'kafka status',
      'kafka up',
      'kafka env',
      'jest integration broker 127.0.0.1:19092',
      'jest e2e broker 127.0.0.1:19092',
      'kafka down',
      'faults',
    ]);
    expect(lines.at(-1)).toBe('11 passed, 0 failed');
    expect(status).toBe(0);
  });

  it('leaves a broker alone that it did not start', () => {
    expect(runTests({ BROKER: 'up' }).calls.filter((call) => call.startsWith('kafka'))).toEqual(['kafka status', 'kafka env']);
    rmSync(join(clone, 'calls'));
    const given = runTests({ KAFKA_BROKERS: 'given:9092' }).calls;
    expect(given.filter((call) => call.startsWith('kafka'))).toEqual([]);
    expect(given).toContain('jest e2e broker given:9092');
  });

  it('runs the integration tests a second time on the server of TEST_DATABASE_URL, and nothing else', () => {
    const { lines, calls } = runTests({ TEST_DATABASE_URL: 'postgres://other' });
    expect(calls.filter((call) => call.includes('postgres://other'))).toEqual([
      'jest integration broker 127.0.0.1:19092 on postgres://other',
    ]);
    expect(calls).toContain('jest integration broker 127.0.0.1:19092');
    expect(lines.at(-1)).toBe('11 passed, 0 failed');
  });

  it('goes on after a failed check, shows its words and ends with exit code 1', () => {
    const { status, lines } = runTests({ FAILS: 'eslint' });
    expect(lines).toContain('the words of eslint');
    expect(lines.at(-1)).toBe('9 passed, 1 failed');
    expect(status).toBe(1);
  });

  it.each([
    ['a failed test', { ...PASSING, unit: ['passed', 'failed'] }, '9 passed, 1 failed', 'unit.spec.ts: test 1'],
    ['a skipped test', { ...PASSING, unit: ['passed', 'pending'] }, '9 passed, 1 failed', 'unit.spec.ts: test 1 (pending)'],
    ['a todo', { ...PASSING, unit: ['passed', 'todo'] }, '9 passed, 1 failed', 'unit.spec.ts: test 1 (todo)'],
    ['a suite that cannot be read', { ...PASSING, unit: [] }, '8 passed, 1 failed', 'unit.spec.ts: cannot be read'],
    ['a project without a report', { ...PASSING, e2e: undefined }, '9 passed, 1 failed', 'e2e tests: no result'],
  ])('counts %s as failed', (_what, statuses, last, failure) => {
    const { status, lines } = runTests({ STATUSES: JSON.stringify(statuses) });
    expect(lines.at(-1)).toBe(last);
    expect(lines.slice(lines.indexOf('Failed:')).join('\n')).toContain(failure);
    expect(status).toBe(1);
  });

  it('adds what the fault suite counted, by name where it failed', () => {
    const found = 'FAILED  every record ended once\n          scored: 1\npassed  alerts\n\n1 passed, 1 failed';
    const { status, lines } = runTests({ FAULTS: found });
    expect(lines.slice(lines.indexOf('Failed:'))).toContain('  fault suite: every record ended once');
    expect(lines.at(-1)).toBe('10 passed, 1 failed');
    expect(status).toBe(1);
    expect(runTests({ FAULTS: 'it crashed' }).lines.at(-1)).toBe('9 passed, 1 failed');
  });

  it('fails when no broker starts', () => {
    const { status, lines } = runTests({ BROKER: 'broken' });
    expect(lines.at(-1)).toBe('8 passed, 1 failed');
    expect(status).toBe(1);
  });
});
