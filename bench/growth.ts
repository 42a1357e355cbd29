/**
 * Does it get slower as it fills? Throughput and the API's main queries with more known entities and more stored
 * transactions, as factors of the smallest. Run: npm run bench:growth -- [--entities 1000,100000,1000000]
 * [--stored 1000000,10000000] [--rows N] [--queries N]
 * Entities grow at the smallest number of stored transactions, those grow at the smallest number of entities. 10 million rows
 * and a million states need some 30 GB of disk.
 */
import { cpus, loadavg } from 'node:os';
import { createRandom } from '../src/domain/random.js';
import { textTable } from '../src/cli/command-io.js';
import { loadSchema } from '../src/config.js';
import { createStores } from '../src/service-stores.js';
import { createDataSource } from '../src/store/data-source.js';
import type { Queries } from '../src/store/queries.js';
import type { ReplayRecord } from '../src/stream/replay.js';
import { consume, type Consumption, LINE_POSITION } from './consumption.js';
import { readOptions } from './options.js';
import { createSampleDatabase, fill, twinOf } from './prefill.js';
import { Stage } from './stage.js';
import { type Spread, spreadOf } from './statistics.js';

const PARTITIONS = 6;
const SAMPLE = 'sample_line';
/** Of the world, whose customers' twins are the known entities. */
const CUSTOMERS = 1_000;
const PAGE = 50;

const options = readOptions({
  numbers: { rows: [60_000, 2_000, 1_000_000], queries: [200, 10, 10_000] },
  lists: { entities: [1_000, 100_000, 1_000_000], stored: [1_000_000, 10_000_000] },
});
const random = createRandom(1);
const below = (n: number): number => Math.floor(random.uniform() * n);

interface Size {
  readonly entities: number;
  readonly stored: number;
}

interface Measured extends Size {
  readonly line: Consumption;
  readonly queries: Readonly<Record<string, Spread>>;
  readonly databaseMb: number;
}

/** Each transaction, of one of its customer's twins. */
// eslint-disable-next-line @typescript-eslint/require-await -- the producer reads any source, most of which wait
async function* ofTwins(records: readonly ReplayRecord[], twins: number): AsyncGenerator<ReplayRecord> {
  for (const record of records) {
    if (twins === 1) yield record;
    else {
      const customer = twinOf(record.key!, below(twins));
      yield { key: customer, value: JSON.stringify({ ...(JSON.parse(record.value as string) as object), customer }) };
    }
  }
}

/** The queries behind the page and the API, each with arguments that change from call to call. */
const workloads = (queries: Queries, known: Known): Readonly<Record<string, () => Promise<unknown>>> => ({
  'newest transactions': () => queries.listTransactions({ limit: PAGE }),
  'newest alerted': () => queries.listTransactions({ outcome: 'review', limit: PAGE }),
  'of a customer': () => queries.listTransactions({ entity: { type: 'customer', id: pick(known.customers) }, limit: PAGE }),
  'of a merchant': () => queries.listTransactions({ entity: { type: 'merchant', id: pick(known.merchants) }, limit: PAGE }),
  'one transaction': () => queries.transaction(pick(known.transactions)),
  'newest alerts': () => queries.listAlerts({ limit: PAGE }),
  'alerts of a customer': () => queries.listAlerts({ entity: { type: 'customer', id: pick(known.customers) }, limit: PAGE }),
  status: () => queries.status(),
});

interface Known {
  readonly customers: readonly string[];
  readonly merchants: readonly string[];
  readonly transactions: readonly string[];
}

const pick = (ids: readonly string[]): string => ids[below(ids.length)]!;

const measureQueries = async (url: string): Promise<Readonly<Record<string, Spread>>> => {
  const dataSource = await createDataSource({ url, poolSize: 2 }).initialize();
  try {
    const rows = await dataSource.query<{ id: string; customer: string; merchant: string }[]>(
      `SELECT id, entities[1] AS customer, entities[2] AS merchant FROM transactions TABLESAMPLE SYSTEM (10) LIMIT 10000`,
    );
    const known = {
      customers: rows.map(({ customer }) => customer),
      merchants: rows.map(({ merchant }) => merchant),
      transactions: rows.map(({ id }) => id),
    };
    const { queries } = createStores(dataSource, loadSchema('demo'), false);
    const measured: Record<string, Spread> = {};
    for (const [name, ask] of Object.entries(workloads(queries, known))) {
      const times: number[] = [];
      await ask();
      for (let i = 0; i < options.queries; i += 1) {
        const startedMs = performance.now();
        await ask();
        times.push(performance.now() - startedMs);
      }
      measured[name] = spreadOf(times);
    }
    return measured;
  } finally {
    await dataSource.destroy();
  }
};

const measure = async (stage: Stage, records: readonly ReplayRecord[], { entities, stored }: Size): Promise<Measured> => {
  const name = `growth_${entities}_${stored}`;
  const twins = Math.max(1, Math.round(entities / CUSTOMERS));
  return stage.inDatabase(name, SAMPLE, async (url, database) => {
    await fill(stage, name, stored, twins);
    const topic = await stage.createTopic(`${entities}-${stored}`, PARTITIONS);
    await stage.send(topic, ofTwins(records, twins));
    const queries = await measureQueries(url);
    const line = await consume({
      programs: [stage.serve('worker', { url, topic })],
      ...{ database, topic, position: LINE_POSITION, postmaster: stage.postmaster, rows: options.rows },
      warmUpRows: Math.floor(options.rows / 4),
    });
    const size = await database.query<{ mb: number }>('SELECT pg_database_size(current_database())::float8 / 1048576 AS mb');
    process.stderr.write(`${entities} entities, ${stored} stored: ${line.rowsPerSecond.toFixed(0)} rows/s\n`);
    return { entities, stored, line, queries, databaseMb: size.rows[0]!.mb };
  });
};

const short = (n: number): string => (n >= 1e6 ? `${n / 1e6}M` : `${n / 1e3}k`);

const report = (measured: readonly Measured[]): void => {
  const [first] = measured;
  const names = Object.keys(first!.queries);
  const header = ['', ...measured.map(({ entities, stored }) => `${short(entities)} / ${short(stored)}`)];
  const of = (name: string, value: (each: Measured) => number, digits: number): string[] => [
    name,
    ...measured.map((each) => `${value(each).toFixed(digits)} (${(value(each) / value(first!)).toFixed(2)})`),
  ];
  const rows = [
    of('rows/s', ({ line }) => line.rowsPerSecond, 0),
    of('Node us/row', ({ line }) => line.nodeUsPerRow ?? NaN, 1),
    of('Postgres us/row', ({ line }) => line.postgresUsPerRow ?? NaN, 1),
    of('database MB', ({ databaseMb }) => databaseMb, 0),
    ...names.flatMap((name) => [
      of(`${name}, p50 ms`, ({ queries }) => queries[name]!.p50, 2),
      of(`${name}, p99 ms`, ({ queries }) => queries[name]!.p99, 2),
    ]),
  ];
  process.stdout.write(
    textTable(header, rows) +
      `known entities / stored transactions; in brackets the factor of the first; ${options.rows} transactions a column after ` +
      `a quarter of warm-up, ${options.queries} queries of a kind, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}\n` +
      `${JSON.stringify({ ...options, cores: cpus().length, measured })}\n`,
  );
};

const [fewest, ...moreEntities] = options.entities;
const [least, ...moreStored] = options.stored;
const sizes: Size[] = [
  { entities: fewest!, stored: least! },
  ...moreEntities.map((entities) => ({ entities, stored: least! })),
  ...moreStored.map((stored) => ({ entities: fewest!, stored })),
];
await Stage.with({ name: 'bench-growth', customers: CUSTOMERS }, async (stage) => {
  await createSampleDatabase(stage, SAMPLE);
  const measured: Measured[] = [];
  // The same for every size: later days would find less evidence before them.
  const records: ReplayRecord[] = [];
  for await (const record of stage.records(options.rows)) records.push(record);
  for (const size of sizes) measured.push(await measure(stage, records, size));
  report(measured);
});
