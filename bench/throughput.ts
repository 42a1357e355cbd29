/**
 * Kafka to committed rows per second of the full online line, beside a bare loop that only inserts; both from one topic,
 * into one embedded PostgreSQL. Run: npm run bench:throughput -- [--rows N] [--customers N] [--rounds N] [--cpu-prof DIR]
 * Environment variables of the service (SURPRISAL__SERVICE__SCORING__BATCH_SIZE_MAX=2000) reach the line.
 * The broker is KAFKA_BROKERS, or scripts/kafka-local.sh, which is left running.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import pg from 'pg';
import { textTable } from '../src/command-io.js';
import { loadConfig, packageRoot } from '../src/config.js';
import { startEmbeddedPostgres } from '../src/store/embedded-postgres.js';
import { createKafka, withAdmin } from '../src/stream/kafka-client.js';
import { replayToKafka } from '../src/stream/replay.js';
import { BARE_TABLES } from './bare-tables.js';
import { consume, type Consumption } from './consumption.js';
import { benchWorld, nextRecords, writeHistory } from './throughput-world.js';

const run = promisify(execFile);
const PARTITIONS = 6;
const HISTORY_DAYS = 16;
const VARIANTS = [
  { batchSize: 500, concurrency: 1 },
  { batchSize: 1000, concurrency: 1 },
  { batchSize: 500, concurrency: 2 },
  { batchSize: 1000, concurrency: 2 },
] as const;
const COMMAND = join(packageRoot, 'bin', 'surprisal.js');

interface Options {
  readonly rows: number;
  readonly customers: number;
  readonly rounds: number;
  readonly profile: string | null;
}

const readOptions = (): Options => {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '60000' },
      customers: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '2' },
      'cpu-prof': { type: 'string' },
    },
  });
  const whole = (name: 'rows' | 'customers' | 'rounds', low: number, high: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw new RangeError(`--${name} ${values[name]}: expected a whole number from ${low} to ${high}`);
  };
  return {
    rows: whole('rows', 1000, 5_000_000),
    customers: whole('customers', 100, 100_000),
    rounds: whole('rounds', 1, 20),
    profile: values['cpu-prof'] ?? null,
  };
};

/** Everything that both consumers share. */
interface Stage {
  readonly home: string;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly server: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
  readonly admin: pg.Client;
  readonly postmaster: number;
  readonly options: Options;
}

const findBrokers = async (): Promise<readonly string[]> => {
  const given = process.env['KAFKA_BROKERS'];
  if (given) return given.split(',');
  const script = join(packageRoot, 'scripts', 'kafka-local.sh');
  await run(script, ['up']).catch((error: { readonly stderr?: string }) => {
    throw new Error(`no Kafka to measure with: ${error.stderr?.trim().split('\n').at(-1) ?? 'the script failed'}`);
  });
  return (await run(script, ['env'])).stdout.trim().replace('KAFKA_BROKERS=', '').split(',');
};

/** A database of its own for each consumption, dropped behind it. */
const inDatabase = async (stage: Stage, name: string, work: (url: string, database: pg.Client) => Promise<Consumption>) => {
  await stage.admin.query(`CREATE DATABASE ${name}`);
  const url = new URL(stage.server.adminUrl);
  url.pathname = `/${name}`;
  const database = new pg.Client({ connectionString: url.href });
  await database.connect();
  try {
    return await work(url.href, database);
  } finally {
    await database.end();
    await stage.admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  }
};

const serviceVariables = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      name.startsWith('SURPRISAL__') && value !== undefined ? [[name, value]] : [],
    ),
  );

const runLine = (stage: Stage, model: string, round: number): Promise<Consumption> =>
  inDatabase(stage, `line_${round}`, async (url, database) => {
    const { topic, postmaster, brokers, options, home } = stage;
    const topics = { TRANSACTIONS: topic, LABELS: `${topic}-labels`, ALERTS: `${topic}-alerts`, DEAD: `${topic}-dead` };
    const env: Record<string, string> = {
      ...serviceVariables(),
      DATABASE_URL: url,
      SURPRISAL_HOME: home,
      PORT: '0',
      LOG_LEVEL: 'warn',
    };
    await run(process.execPath, [COMMAND, 'models', 'promote', '--model', model], { env: { ...process.env, ...env } });
    env['KAFKA_BROKERS'] = brokers.join(',');
    env['SURPRISAL__SERVICE__KAFKA__GROUP_ID'] = `${topic}-${round}`;
    for (const [purpose, name] of Object.entries(topics)) env[`SURPRISAL__SERVICE__KAFKA__TOPICS__${purpose}`] = name;
    const profile = options.profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`];
    const consumption = await consume({
      program: { args: [...profile, COMMAND, 'serve', '--role', 'worker', '--schema', 'demo'], env },
      position: 'SELECT sum(next_offset) AS position FROM consumer_offsets WHERE topic = $1',
      rows: options.rows,
      ...{ database, postmaster, topic },
    });
    const { rows } = await database.query<{ count: number; alerts: number }>(
      'SELECT (SELECT count(*)::int FROM scores) AS count, (SELECT count(*)::int FROM alerts) AS alerts',
    );
    if (rows[0]?.count !== options.rows) throw new Error(`${rows[0]?.count} rows are committed of ${options.rows}`);
    process.stderr.write(`  ${rows[0].alerts} alerts\n`);
    return consumption;
  });

const runBare = (stage: Stage, variant: (typeof VARIANTS)[number], name: string): Promise<Consumption> =>
  inDatabase(stage, name, async (url, database) => {
    const { topic, postmaster, brokers, options } = stage;
    await database.query(BARE_TABLES);
    const program = join(import.meta.dirname, 'bare-loop.js');
    const consumption = await consume({
      program: {
        args: [program, brokers.join(','), topic, url, String(variant.batchSize), String(variant.concurrency)],
        env: {},
      },
      position: 'SELECT sum(next_offset) AS position FROM bare_positions WHERE topic = $1',
      rows: options.rows,
      ...{ database, postmaster, topic },
    });
    const { rows } = await database.query<{ count: number }>('SELECT count(*)::int AS count FROM bare_rows');
    if (rows[0]?.count !== options.rows) throw new Error(`${rows[0]?.count} rows are committed of ${options.rows}`);
    return consumption;
  });

type Measured = Consumption & { readonly name: string };

const measure = async (stage: Stage, model: string): Promise<readonly Measured[]> => {
  const measured: Measured[] = [];
  const note = (name: string, consumption: Consumption): void => {
    measured.push({ name, ...consumption });
    process.stderr.write(`${name}: ${Math.round(consumption.rowsPerSecond)} rows/s at load ${consumption.load.toFixed(1)}\n`);
  };
  const { scoring, kafka } = loadConfig().service;
  const line = `full line, ${kafka.concurrency} x ${scoring.batchSizeMax}`;
  for (let round = 0; round < stage.options.rounds; round += 1) {
    note(line, await runLine(stage, model, round));
    for (const [i, variant] of VARIANTS.entries())
      note(`bare loop, ${variant.concurrency} x ${variant.batchSize}`, await runBare(stage, variant, `bare_${round}_${i}`));
  }
  return measured;
};

const setUp = async (options: Options, home: string): Promise<Stage> => {
  const brokers = await findBrokers();
  const topic = `bench-throughput-${process.pid}-${options.rows}`;
  const server = await startEmbeddedPostgres({ home, log: () => undefined });
  const admin = new pg.Client({ connectionString: server.adminUrl });
  await admin.connect();
  const postmaster = Number((await readFile(join(server.folder, 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  return { home, brokers, topic, server, admin, postmaster, options };
};

/** The model of the world's first days; the following ones wait in the topic. Answers the model's folder. */
const prepare = async ({ home, brokers, topic, options }: Stage): Promise<string> => {
  const kafka = createKafka({ brokers, clientId: 'bench' });
  await withAdmin(kafka, (admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }], waitForLeaders: true }),
  );
  const world = benchWorld(options.customers);
  const history = join(home, 'history.csv');
  const model = join(home, 'model');
  const historyRows = await writeHistory(world, HISTORY_DAYS, history);
  process.stderr.write(`fitting on ${historyRows} transactions of ${HISTORY_DAYS} days …\n`);
  await run(process.execPath, [COMMAND, 'fit', '--schema', 'demo', '--data', history, '--out', model], { maxBuffer: 1 << 26 });
  await replayToKafka({ brokers, topic, records: nextRecords(world, HISTORY_DAYS, options.rows), rate: 'max' });
  return model;
};

/** The server first: a broker that has gone must not leave it running. */
const tearDown = async ({ brokers, topic, admin, server }: Stage): Promise<void> => {
  await admin.end();
  await server.stop();
  await withAdmin(createKafka({ brokers, clientId: 'bench' }), async (kafka) => {
    const topics = (await kafka.listTopics()).filter((name) => name.startsWith(topic));
    if (topics.length > 0) await kafka.deleteTopics({ topics });
  });
};

const bestOf = (measured: readonly Measured[]): Measured =>
  measured.reduce((best, next) => (next.rowsPerSecond > best.rowsPerSecond ? next : best));

const report = (measured: readonly Measured[], options: Options): void => {
  const names = [...new Set(measured.map(({ name }) => name))];
  const best = names.map((name) => bestOf(measured.filter((each) => each.name === name)));
  const us = (value: number | null): string => (value === null ? '-' : value.toFixed(1));
  const rows = best.map((each) => [
    each.name,
    Math.round(each.rowsPerSecond).toString(),
    us(each.nodeUsPerRow),
    us(each.postgresUsPerRow),
    each.seconds.toFixed(1),
    each.load.toFixed(1),
  ]);
  const [line, bare] = [best[0]!, bestOf(best.slice(1))];
  const ratio = line.rowsPerSecond / bare.rowsPerSecond;
  process.stdout.write(
    textTable(['best of each', 'rows/s', 'Node us/row', 'Postgres us/row', 'seconds', 'load'], rows) +
      `the full line commits ${ratio.toFixed(3)} of the rows of the best bare loop ` +
      `(${options.rows} transactions of ${options.customers} customers in ${PARTITIONS} partitions, ${cpus().length} cores, ` +
      `best of ${options.rounds} rounds, cold start of each process included)\n` +
      `${JSON.stringify({ ...options, cores: cpus().length, line, bare, ratio, measured })}\n`,
  );
};

const main = async (): Promise<void> => {
  const options = readOptions();
  const home = await mkdtemp(join(tmpdir(), 'surprisal-bench-'));
  // As root the server runs as another user, who must be able to pass.
  await chmod(home, 0o755);
  try {
    const stage = await setUp(options, home);
    try {
      report(await measure(stage, await prepare(stage)), options);
    } finally {
      await tearDown(stage);
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
};

await main();
