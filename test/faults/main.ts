/**
 * The fault suite: kills, freezes and starves a running service, then compares what it left behind, column by column, with
 * an uninterrupted run of the same records; and three planted bugs that have to be caught. docs/faults.md says more.
 * Run: npm run test:faults -- [--kills N] [--records N] [--seed S] [--keep]
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Logger } from '@nestjs/common';
import { createRandom } from '../../src/domain/random.js';
import { textTable } from '../../src/cli/command-io.js';
import { planFaults } from './faults.js';
import { catchPlantedBugs } from './planted-scenes.js';
import { createRecords } from './records.js';
import { type RunResult, runRecords } from './run.js';
import { HISTORY_DAYS, setUpStage, type Stage } from './stage.js';
import { judge, type Verdict } from './verdict.js';

const CUSTOMERS = 1_000;
const WORKERS = 3;
/** Of what is wrong with one check. */
const LINES_MAX = 60;

interface Options {
  readonly kills: number;
  readonly records: number;
  readonly seed: number;
}

const readOptions = (): Options & { readonly keep: boolean } => {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '40' },
      records: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      keep: { type: 'boolean', default: false },
    },
  });
  const whole = (name: 'kills' | 'records' | 'seed', low: number, high: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw new RangeError(`--${name} ${values[name]}: expected a whole number from ${low} to ${high}`);
  };
  return {
    kills: whole('kills', 3, 10_000),
    records: whole('records', 2_000, 10_000_000),
    seed: whole('seed', 0, 2 ** 32 - 1),
    keep: values.keep,
  };
};

const total = { passed: 0, failed: 0 };
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const count = (what: string, problems: readonly string[]): void => {
  total[problems.length === 0 ? 'passed' : 'failed'] += 1;
  say(`${problems.length === 0 ? 'passed' : 'FAILED'}  ${what}`);
  for (const problem of problems.slice(0, LINES_MAX)) say(`          ${problem}`);
  if (problems.length > LINES_MAX) say(`          … and ${problems.length - LINES_MAX} more`);
};

const runAll = async (stage: Stage, { kills, records: recordCount, seed }: Options): Promise<void> => {
  const random = createRandom(seed);
  const records = createRecords(stage.world, HISTORY_DAYS, recordCount, random.fork('records'));
  const faults = planFaults(random.fork('faults'), kills, recordCount);
  const [planted, reference] = await Promise.all([
    catchPlantedBugs(stage),
    // Other batch borders than under faults: they must not show.
    runRecords(stage, records, { name: 'uninterrupted', workers: 1, batchSizeMax: 500 }),
  ]);
  for (const { what, problems } of planted) count(what, problems);
  say(`uninterrupted: ${recordCount} records in ${reference.seconds.toFixed(0)} s`);
  const run = await runRecords(stage, records, {
    ...{ name: 'interrupted', workers: WORKERS, batchSizeMax: 100, faults, seed, clocksJump: true },
    onFault: (fault, committed, seconds) =>
      say(`  ${seconds.toFixed(0).padStart(4)} s ${String(committed).padStart(8)} records: ${fault}`),
  });
  const verdict = await judge(stage.broker.brokers, records, reference, run);
  report(run, recordCount, records.expected, verdict);
  for (const { what, problems } of verdict.checks) count(what, problems);
};

const report = (
  run: RunResult,
  records: number,
  expected: { readonly scored: number; readonly repeats: number; readonly deadLetters: number; readonly labels: number },
  { tables, duplicates, differences }: Verdict,
): void => {
  say(
    textTable(
      ['fault', 'times'],
      [...run.faults].map(([name, times]) => [name, String(times)]),
    ),
  );
  say(
    textTable(
      ['table', 'columns', 'rows', 'differences'],
      tables.map((each) => [each.table, String(each.columns.length), String(each.rows), String(each.differences)]),
    ),
  );
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  say(
    `kills ${run.kills}, records ${records} (scored ${expected.scored}, repeats ${expected.repeats}, dead letters ${expected.deadLetters}), labels ${expected.labels}, rows compared ${rows}`,
  );
  say(`duplicates on the topics: alerts ${duplicates.alerts}, dead letters ${duplicates.deadLetters}`);
  say(
    `differences ${differences}; ${run.seconds.toFixed(0)} s; workers that ended by themselves and were started again: ${run.workersSelfEnded}`,
  );
};

/** What the workers printed last, by run. */
const lastWords = async (folder: string): Promise<readonly string[]> => {
  const logs = join(folder, 'logs');
  const names = await readdir(logs).catch(() => []);
  const tails = names.map(async (name) => {
    const lines = (await readFile(join(logs, name), 'utf8')).trim().split('\n');
    return [`${name}:`, ...lines.slice(-4).map((line) => `  ${line.slice(0, 300)}`)];
  });
  return (await Promise.all(tails)).flat();
};

const main = async (): Promise<void> => {
  const options = readOptions();
  say(`fault suite: --kills ${options.kills} --records ${options.records} --seed ${options.seed}`);
  const stage = await setUpStage(CUSTOMERS);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void stage.tearDown(options.keep).finally(() => process.exit(1)));
  try {
    await runAll(stage, options);
  } catch (error) {
    count('the suite came to its end', [(error as Error).stack!, ...(await lastWords(stage.folder))]);
  } finally {
    if (options.keep) say(`kept: ${stage.folder}`);
    await stage.tearDown(options.keep);
  }
  say(`\n${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
};

Logger.overrideLogger(false);
await main().catch((error: unknown) => {
  process.stderr.write(`fault suite: ${(error as Error).message}\n`);
  process.exitCode = 2;
});
