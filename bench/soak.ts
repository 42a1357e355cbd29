/**
 * A steady rate for minutes or hours: do memory, lag and latency stay flat?
 * Run: npm run bench:soak -- [--minutes N] [--rate N] [--sample-seconds N] [--stored N] [--customers N]
 * The world has about 2.8 transactions a customer and day from January 2025 on, and the service refuses the future: a long
 * soak at a high rate needs more customers.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type pg from 'pg';
import { textTable } from '../src/cli/command-io.js';
import { createKafka } from '../src/stream/kafka-client.js';
import { COMMIT_TIMESTAMPS, committedAtMs } from './commit-latency.js';
import { LINE_POSITION, reached } from './consumption.js';
import { readOptions } from './options.js';
import { producePaced } from './paced-producer.js';
import { createLineTemplate } from './prefill.js';
import { Program } from './program.js';
import { Stage } from './stage.js';
import { rowsUntil } from './throughput-world.js';
import { quantile, type Slope, slopeOf } from './statistics.js';

const PARTITIONS = 6;
const TEMPLATE = 'filled_line';
/** Transactions a second whose commit is looked up. */
const WATCHED_PER_SECOND = 200;
/** The first samples are of a process that still grows to its working size. */
const WARM_UP_SHARE = 0.2;

const options = readOptions({
  numbers: {
    minutes: [30, 0.1, 1_440],
    rate: [1_000, 1, 100_000],
    'sample-seconds': [5, 1, 600],
    stored: [100_000, 0, 100_000_000],
    customers: [5_000, 100, 100_000],
  },
});

interface Sample {
  readonly seconds: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly lagRows: number;
  readonly p99Ms: number;
  readonly postgresMb: number;
}

const MEASURES = [
  { key: 'rssMb', name: 'resident memory', unit: 'MB/hour', perSecond: 3_600 },
  { key: 'heapMb', name: 'heap of the main thread', unit: 'MB/hour', perSecond: 3_600 },
  { key: 'lagRows', name: 'lag', unit: 'rows/minute', perSecond: 60 },
  { key: 'p99Ms', name: 'p99 produced to committed', unit: 'ms/hour', perSecond: 3_600 },
  { key: 'postgresMb', name: 'size of the database', unit: 'MB/hour', perSecond: 3_600 },
] as const;

/** NaN where there is no /proc. */
const residentMb = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) / 1024;
};

/** Rows that are on the topic and not committed. */
const lagOf = async (admin: Admin, database: pg.Client, topic: string): Promise<number> => {
  const { rows } = await database.query<{ position: string | null }>(LINE_POSITION, [topic]);
  const ends = await admin.fetchTopicOffsets(topic);
  return ends.reduce((sum, { high }) => sum + Number(high), 0) - Number(rows[0]!.position ?? 0);
};

interface Watched {
  readonly stage: Stage;
  readonly topic: string;
  readonly database: pg.Client;
  readonly admin: Admin;
  readonly worker: Program;
  readonly heapMb: () => number;
  /** Of transactions that have not been seen committed. */
  readonly produced: Map<string, number>;
}

const takeSample = async (watched: Watched, seconds: number): Promise<Sample> => {
  const { database, admin, topic, produced, worker, heapMb } = watched;
  worker.requireRunning();
  const lagRows = await lagOf(admin, database, topic);
  const commits = await committedAtMs(database, [...produced.keys()]);
  const latencies = [...commits].map(([id, ms]) => ms - produced.get(id)!).sort((a, b) => a - b);
  for (const id of commits.keys()) produced.delete(id);
  const { rows } = await database.query<{ mb: number }>('SELECT pg_database_size(current_database())::float8 / 1048576 AS mb');
  const sample = { rssMb: await residentMb(worker.pid), heapMb: heapMb(), lagRows, postgresMb: rows[0]!.mb };
  return { seconds, ...sample, p99Ms: quantile(latencies, 0.99) };
};

const soak = (stage: Stage): Promise<{ samples: readonly Sample[]; rate: number; sent: number }> =>
  stage.inDatabase('line_soak', TEMPLATE, async (url, database) => {
    const topic = await stage.createTopic('transactions', PARTITIONS);
    let heap = NaN;
    const worker = new Program({
      ...stage.serve('worker', {
        ...{ url, topic, isPaced: true },
        nodeOptions: ['--import', pathToFileURL(join(import.meta.dirname, 'report-heap.js')).href],
      }),
      onMessage: (message) => (heap = (message as { heapUsed: number }).heapUsed / 1_048_576),
    });
    await reached({ database, position: LINE_POSITION, topic }, [worker], 0);
    const admin = createKafka({ brokers: stage.brokers, clientId: 'bench' }).admin();
    await admin.connect();
    const produced = new Map<string, number>();
    const watched = { stage, topic, database, admin, worker, heapMb: () => heap, produced };
    try {
      const { samples, produced: result } = await runFor(watched, 60 * options.minutes);
      await reached({ database, position: LINE_POSITION, topic }, [worker], result.sent);
      return { samples, ...result };
    } finally {
      await admin.disconnect();
    }
  });

const runFor = async (watched: Watched, seconds: number) => {
  const { stage, topic, produced } = watched;
  const every = Math.max(1, Math.round(options.rate / WATCHED_PER_SECOND));
  let count = 0;
  const producing = producePaced({
    ...{ brokers: stage.brokers, topic, rate: options.rate, seconds },
    records: stage.records(Infinity),
    onSend: ({ value }, atMs) => {
      count += 1;
      if (count % every === 0) produced.set((JSON.parse(value as string) as { id: string }).id, atMs);
    },
  });
  const samples: Sample[] = [];
  const startedMs = performance.now();
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  for (let next = options['sample-seconds']; next <= seconds; next += options['sample-seconds']) {
    await Promise.race([sleep(Math.max(0, 1000 * (next - elapsed()))), producing]);
    samples.push(await takeSample(watched, elapsed()));
    const { seconds: at, rssMb, heapMb, lagRows, p99Ms } = samples.at(-1)!;
    process.stderr.write(
      `${at.toFixed(0)} s: ${rssMb.toFixed(0)} MB, heap ${heapMb.toFixed(0)} MB, lag ${lagRows}, p99 ${p99Ms.toFixed(0)} ms\n`,
    );
  }
  return { samples, produced: await producing };
};

const report = ({ samples, rate, sent }: Awaited<ReturnType<typeof soak>>): void => {
  const warm = samples.filter(({ seconds }) => seconds > WARM_UP_SHARE * 60 * options.minutes);
  const measured = MEASURES.map(({ key, name, unit, perSecond }) => {
    const points = warm.filter((sample) => !Number.isNaN(sample[key]));
    const slope = slopeOf(
      points.map(({ seconds }) => seconds),
      points.map((sample) => sample[key]),
    );
    const scaled: Slope = { ...slope, perUnit: slope.perUnit * perSecond, standardError: slope.standardError * perSecond };
    const sorted = points.map((sample) => sample[key]).sort((a, b) => a - b);
    return {
      key,
      name,
      unit,
      ...scaled,
      first: points[0]?.[key] ?? NaN,
      median: quantile(sorted, 0.5),
      max: sorted.at(-1) ?? NaN,
    };
  });
  const rows = measured.map((each) => [
    each.name,
    each.median.toFixed(1),
    each.max.toFixed(1),
    `${each.perUnit.toFixed(2)} ± ${(2 * each.standardError).toFixed(2)} ${each.unit}`,
    each.isNoise ? 'within noise' : 'not noise',
  ]);
  process.stdout.write(
    textTable(['after the warm-up', 'median', 'largest', 'slope, two standard errors', ''], rows) +
      `${sent} transactions in ${options.minutes} minutes, ${rate.toFixed(0)} rows/s, ${cpus().length} cores; the database ` +
      `grows by what it is sent, everything else should not\n` +
      `${JSON.stringify({ ...options, cores: cpus().length, sent, rate, measured, samples })}\n`,
  );
};

const wanted = 60 * options.minutes * options.rate;
const there = rowsUntil(options.customers, Date.now());
if (wanted > 0.9 * there)
  throw new RangeError(
    `--customers ${options.customers}: their world has ${there} transactions until now, the soak sends ${wanted}`,
  );

const stageOptions = { name: 'bench-soak', customers: options.customers, postgres: COMMIT_TIMESTAMPS };
await Stage.with(stageOptions, async (stage) => {
  await createLineTemplate(stage, TEMPLATE, options.stored);
  report(await soak(stage));
});
