// `npm test`: every check, then every jest project, then the fault suite. Nothing is skipped in silence: a skipped or todo test, a project
// without tests and a broker that does not start all count as failed. The last line is "N passed, N failed".
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), 'surprisal-test-'));
const bin = (...parts) => join(root, 'node_modules', ...parts);
const JEST_LIMIT_MS = 30 * 60_000;
const FAULTS_LIMIT_MS = 30 * 60_000;

const total = { passed: 0, failed: 0 };
const failures = [];
const count = (name, isPassed) => {
  total[isPassed ? 'passed' : 'failed'] += 1;
  if (!isPassed) failures.push(name);
};

const check = (name, args) => {
  const startedAt = Date.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  console.log(`${status === 0 ? 'passed' : 'FAILED'}  ${name} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
  if (status !== 0) console.log(`${stdout ?? ''}${stderr ?? ''}`.trimEnd());
  count(name, status === 0);
};

/** The running child, so that Ctrl-C ends it and what was started here is still stopped. */
let child;
let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    isInterrupted = true;
    child?.kill(signal);
  });

/** Resolves when it ends, whatever its exit code, with what it printed meanwhile. */
const run = (args, limitMs, options) =>
  new Promise((resolve) => {
    child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', ...options });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      process.stdout.write(chunk);
      output += chunk;
    });
    const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.on('close', () => {
      clearTimeout(limit);
      child = undefined;
      resolve(output);
    });
  });

/** The report file tells what happened. */
const runJest = (args, environment) => {
  const jest = ['--experimental-vm-modules', '--no-warnings', bin('jest', 'bin', 'jest.js'), ...args];
  return run(jest, JEST_LIMIT_MS, { env: { ...process.env, ...environment } });
};

const countSuites = (report) => {
  for (const suite of report.testResults) {
    const name = suite.name.slice(root.length + 1);
    if (suite.assertionResults.length === 0) count(`${name}: ${suite.message || 'holds no test'}`, false);
    for (const { fullName, status } of suite.assertionResults)
      count(
        status === 'failed' || status === 'passed' ? `${name}: ${fullName}` : `${name}: ${fullName} (${status})`,
        status === 'passed',
      );
  }
};

/** `TEST_DATABASE_URL` is for the second integration run alone; every other one makes an embedded PostgreSQL of its own. */
const jestProject = async (project, environment, ...more) => {
  const file = join(scratch, `${project}.json`);
  rmSync(file, { force: true });
  await runJest(['--selectProjects', project, '--json', `--outputFile=${file}`, ...more], {
    TEST_DATABASE_URL: '',
    ...environment,
  });
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    if (report.testResults.length === 0) throw new Error('no tests');
    countSuites(report);
  } catch {
    count(`${project} tests: no result (none found, crashed, or longer than ${JEST_LIMIT_MS / 60_000} minutes)`, false);
  }
};

const kafka = (command) =>
  spawnSync('bash', [join(root, 'scripts', 'kafka-local.sh'), command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** One broker for all tests: a given one, a running one, or one that is started here and stopped at the end. */
const startBroker = () => {
  if (process.env.KAFKA_BROKERS) return { environment: {}, stop: () => {} };
  const isUp = kafka('status').status === 0;
  if (!isUp && kafka('up').status !== 0) return undefined;
  const [, brokers] = /KAFKA_BROKERS=(\S+)/.exec(kafka('env').stdout) ?? [];
  return { environment: { KAFKA_BROKERS: brokers }, stop: () => (isUp ? undefined : kafka('down')) };
};

const testWithBroker = async () => {
  const broker = startBroker();
  if (broker === undefined) return count('integration and e2e tests: the Kafka broker did not start', false);
  try {
    // One after another: they share the broker, and two cores give no more than one of them needs.
    for (const project of ['integration', 'e2e'])
      if (!isInterrupted) await jestProject(project, broker.environment, '--runInBand');
    const { TEST_DATABASE_URL } = process.env;
    if (TEST_DATABASE_URL && !isInterrupted)
      await jestProject('integration', { ...broker.environment, TEST_DATABASE_URL }, '--runInBand');
  } finally {
    broker.stop();
  }
};

/** It kills a broker and a server of its own. Each of its checks is a line, and its last line counts them. */
const testFaults = async () => {
  const program = join(root, 'dist', 'test', 'faults', 'main.js');
  const output = await run([program], FAULTS_LIMIT_MS, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [, passed, failed] = /^(\d+) passed, (\d+) failed\n$/m.exec(output) ?? [];
  if (passed === undefined) return count('fault suite: no result (crashed, or too long)', false);
  total.passed += Number(passed);
  total.failed += Number(failed);
  failures.push(...[...output.matchAll(/^FAILED {2}(.*)$/gm)].map(([, what]) => `fault suite: ${what}`));
};

const staticChecks = () => {
  check('format (prettier)', [bin('prettier', 'bin', 'prettier.cjs'), '--check', '.']);
  check('lint (eslint)', [bin('eslint', 'bin', 'eslint.js'), '.']);
  check('types (tsc)', [bin('typescript', 'bin', 'tsc'), '--noEmit']);
  if (existsSync(join(root, 'web', 'tsconfig.json')))
    check('types of the page (tsc)', [bin('typescript', 'bin', 'tsc'), '--noEmit', '-p', 'web']);
  check('arrows (dependency-cruiser)', [bin('dependency-cruiser', 'bin', 'dependency-cruise.mjs'), 'src', 'migrations']);
  if (existsSync(join(root, 'scripts', 'build-kernels.mjs')))
    check('WebAssembly kernels', [join(root, 'scripts', 'build-kernels.mjs'), '--check']);
};

staticChecks();
for (const project of ['unit', 'contract']) if (!isInterrupted) await jestProject(project, {});
if (!isInterrupted) await testWithBroker();
if (!isInterrupted) await testFaults();
if (isInterrupted) count('interrupted before the end', false);
rmSync(scratch, { recursive: true, force: true });

if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
