/**
 * Kafka to committed rows per second of the full online line, beside a bare loop that only inserts; both from one topic,
 * into tables that hold rows already, and beside the bare insert from memory.
 * Run: npm run bench:throughput -- [--rows N] [--stored N] [--customers N] [--rounds N] [--warm-up SHARE] [--cpu-prof DIR]
 * Environment variables of the service (SURPRISAL__SERVICE__SCORING__BATCH_SIZE_MAX=2000) reach the line.
 * The broker is KAFKA_BROKERS, or scripts/kafka-local.sh, which is left running.
 */
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { textTable } from '../src/cli/command-io.js';
import { loadConfig } from '../src/config.js';
import { BARE_TABLES, FILL_BARE_ROWS } from './bare-tables.js';
import { CONSUMPTION_COLUMNS, consumptionCells, type MeasuredConsumption } from './consumption-table.js';
import { consume, LINE_POSITION, type Consumption } from './consumption.js';
import { readOptions } from './options.js';
import { createLineTemplate } from './prefill.js';
import type { ProgramOf } from './program.js';
import { run, Stage, withClient } from './stage.js';

const PARTITIONS = 6;
const BATCH_SIZES = [500, 1000, 2000];
const CONCURRENCIES = [1, 2, 3];
const VARIANTS = BATCH_SIZES.flatMap((batchSize) => CONCURRENCIES.map((concurrency) => ({ batchSize, concurrency })));
const RAW_VARIANTS = VARIANTS.filter(({ batchSize }) => batchSize === 1000);
type Variant = (typeof VARIANTS)[number];

const options = readOptions({
  numbers: {
    rows: [300_000, 20_000, 5_000_000],
    stored: [1_000_000, 0, 100_000_000],
    customers: [2_000, 100, 100_000],
    rounds: [2, 1, 20],
    'warm-up': [0.2, 0.01, 0.7],
  },
  texts: ['cpu-prof'],
});

/** Databases to be copied: tables that hold rows already. */
const [LINE, BARE] = ['filled_line', 'filled_bare'];

type Measured = MeasuredConsumption & { readonly kind: 'line' | 'bare' | 'raw' };

/** Consumes the topic into a copy of a template. @throws Error when more or fewer rows are stored than the topic has */
const consumeInto = (
  stage: Stage,
  topic: string,
  into: { readonly name: string; readonly template: string; readonly table: string; readonly position: string },
  programOf: (url: string) => ProgramOf,
): Promise<Consumption> =>
  stage.inDatabase(into.name, into.template, async (url, database) => {
    const before = await count(database, into.table);
    const consumption = await consume({
      programs: [programOf(url)],
      ...{ database, topic, position: into.position, postmaster: stage.postmaster, rows: options.rows },
      warmUpRows: Math.floor(options['warm-up'] * options.rows),
    });
    const stored = (await count(database, into.table)) - before;
    if (stored !== options.rows) throw new Error(`${stored} rows are committed of ${options.rows}`);
    return consumption;
  });

const count = async (database: pg.Client, table: string): Promise<number> =>
  (await database.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`)).rows[0]!.count;

const runLine = async (stage: Stage, topic: string, round: number): Promise<Measured> => {
  const { scoring, kafka } = loadConfig().service;
  const profile = options['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options['cpu-prof']}`];
  const into = { name: `line_${round}`, template: LINE, table: 'transactions', position: LINE_POSITION };
  const consumption = await consumeInto(stage, topic, into, (url) =>
    stage.serve('worker', { url, topic, group: `${topic}-${round}`, nodeOptions: profile }),
  );
  return { kind: 'line', name: `full line, ${kafka.concurrency} x ${scoring.batchSizeMax}`, ...consumption };
};

const BARE_POSITION = 'SELECT sum(next_offset) AS position FROM bare_positions WHERE topic = $1';

const runBare = async (stage: Stage, topic: string, variant: Variant, name: string): Promise<Measured> => {
  const into = { name, template: BARE, table: 'bare_rows', position: BARE_POSITION };
  const consumption = await consumeInto(stage, topic, into, (url) => {
    const settings = [stage.brokers.join(','), topic, url, String(variant.batchSize), String(variant.concurrency)];
    return { args: [join(import.meta.dirname, 'bare-loop.js'), ...settings], env: {} };
  });
  return { kind: 'bare', name: `bare loop, ${variant.concurrency} x ${variant.batchSize}`, ...consumption };
};

/** Of the same number of rows and connections as the best bare loop. */
const runRaw = (stage: Stage, { batchSize, concurrency }: Variant, name: string): Promise<Measured> =>
  stage.inDatabase(name, BARE, async (url) => {
    const sizes = [batchSize, concurrency, options.rows, stage.postmaster].map(String);
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'raw-insert.js'), url, ...sizes]);
    const raw = JSON.parse(stdout.trim().split('\n').at(-1)!) as Omit<Measured, 'name' | 'kind' | 'load'>;
    return { ...raw, kind: 'raw', name: `insert from memory, ${concurrency} x ${batchSize}`, load: loadavg()[0]! };
  });

const measure = async (stage: Stage, topic: string): Promise<readonly Measured[]> => {
  const measured: Measured[] = [];
  const note = (each: Measured): void => {
    measured.push(each);
    process.stderr.write(`${each.name}: ${Math.round(each.rowsPerSecond)} rows/s at load ${each.load.toFixed(1)}\n`);
  };
  for (let round = 0; round < options.rounds; round += 1) {
    note(await runLine(stage, topic, round));
    for (const [i, variant] of VARIANTS.entries()) note(await runBare(stage, topic, variant, `bare_${round}_${i}`));
    for (const [i, variant] of RAW_VARIANTS.entries()) note(await runRaw(stage, variant, `raw_${round}_${i}`));
  }
  return measured;
};

const prepare = async (stage: Stage): Promise<string> => {
  await createLineTemplate(stage, LINE, options.stored);
  await withClient(await stage.createDatabase(BARE), async (database) => {
    await database.query(BARE_TABLES);
    await database.query(FILL_BARE_ROWS, [options.stored]);
    await database.query('VACUUM ANALYZE');
    await database.query('CHECKPOINT');
  });
  const topic = await stage.createTopic('transactions', PARTITIONS);
  await stage.send(topic, stage.records(options.rows));
  return topic;
};

const bestOf = (measured: readonly Measured[]): Measured =>
  measured.reduce((best, next) => (next.rowsPerSecond > best.rowsPerSecond ? next : best));

const report = (measured: readonly Measured[]): void => {
  const names = [...new Set(measured.map(({ name }) => name))];
  const bestByName = names.map((name) => bestOf(measured.filter((each) => each.name === name)));
  const [line, bare, raw] = (['line', 'bare', 'raw'] as const).map((kind) =>
    bestOf(measured.filter((each) => each.kind === kind)),
  );
  const ratio = line!.rowsPerSecond / bare!.rowsPerSecond;
  process.stdout.write(
    textTable(CONSUMPTION_COLUMNS, bestByName.map(consumptionCells)) +
      `the full line commits ${ratio.toFixed(3)} of the rows of the best bare loop (${options.rows} transactions of ` +
      `${options.customers} customers in ${PARTITIONS} partitions, ${options.stored} rows stored before, ${cpus().length} cores, ` +
      `best of ${options.rounds} rounds, after a warm-up of ${100 * options['warm-up']} % of the rows)\n` +
      `${JSON.stringify({ ...options, cores: cpus().length, ratio, line, bare, raw, measured })}\n`,
  );
};

report(
  await Stage.with({ name: 'bench-throughput', customers: options.customers }, async (stage) =>
    measure(stage, await prepare(stage)),
  ),
);
