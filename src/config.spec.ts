import { mkdtempSync, cpSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, loadSchema, packageRoot } from './config.js';

const load = (environment: Record<string, string>) => loadConfig(undefined, environment);

test('the shipped files are valid and defaults hold', () => {
  const config = load({});
  expect(config.port).toBe(3000);
  expect(config.databaseUrl).toBeNull();
  expect(config.policy.budget.share).toBe(0.01);
});

test('keys of the files are overridden by the environment', () => {
  const config = load({ SURPRISAL__POLICY__BUDGET__COUNT_PER_DAY: '40', SURPRISAL__POLICY__RANKING__WEIGHTS__S: '0.5' });
  expect(config.policy.budget.countPerDay).toBe(40);
  expect(config.policy.ranking.weights.S).toBe(0.5);
});

test.each([
  [{ PORT: 'high' }, 'PORT=high'],
  [{ DATABASE_URL: 'mysql://x' }, 'DATABASE_URL=mysql://x'],
  [{ KAFKA_BROKERS: 'nowhere' }, 'KAFKA_BROKERS=nowhere'],
  [{ TENSOR_BACKEND: 'gpu' }, 'TENSOR_BACKEND=gpu'],
  [{ SURPRISAL__POLICY__BUDGET__SHARE: '2' }, 'SURPRISAL__POLICY__BUDGET__SHARE'],
  [{ SURPRISAL__COLOUR__RED: '1' }, 'SURPRISAL__COLOUR__RED'],
  [{ SURPRISAL__SERVICE__HTTP__COLOUR: 'red' }, 'SURPRISAL__SERVICE__HTTP__COLOUR'],
])('%p is refused by name', (environment, named) => {
  expect(() => load(environment as Record<string, string>)).toThrow(named);
});

test.each(['abc', '-1', '65536', '1.5', ' '])('PORT=%p is refused with what is expected', (port) => {
  expect(() => load({ PORT: port })).toThrow(`environment variable PORT=${port}: a whole number from 0 to 65535`);
});

test.each([
  ['DATABASE__POOL_SIZE', 'database.poolSize: a whole number from 2 to 100'],
  ['SCORING__THREADS', 'scoring.threads: a whole number from 1 to 32'],
  ['DEMO__CUSTOMERS', 'demo.customers: a whole number from 50 to 340'],
  ['DEMO__SECONDS_PER_DAY', 'demo.secondsPerDay: a number from 1 to 86400'],
])('a number of the service, %s, is refused with its range', (key, sentence) => {
  for (const value of ['abc', '0', '1e9']) expect(() => load({ [`SURPRISAL__SERVICE__${key}`]: value })).toThrow(sentence);
});

test('a secret is not repeated in its error', () => {
  expect(() => load({ SURPRISAL_API_KEY: 'short' })).toThrow(/SURPRISAL_API_KEY=….*16/);
});

test('a broken file is named with its key', () => {
  const dir = mkdtempSync(join(tmpdir(), 'config-'));
  cpSync(join(packageRoot, 'config'), dir, { recursive: true });
  writeFileSync(join(dir, 'policy.yaml'), 'version: x\nbudget: { share: 7 }\n');
  expect(() => loadConfig(dir, {})).toThrow(/policy\.yaml.*budget\.share/);
});

test.each(['demo', 'handbook', 'sparkov', 'ulb'])('the shipped schema %s is valid', (name) => {
  expect(loadSchema(name).name).toBe(name);
});

test('an unknown schema is refused by name', () => {
  expect(() => loadSchema('atlantis')).toThrow('"atlantis"');
});
