/**
 * How long a transaction takes: from produced to committed and to its alert on the topic, at shares of the maximum rate of one
 * worker, and by HTTP. Run: npm run bench:latency -- [--rows N] [--seconds N] [--max-rate N] [--stored N] [--customers N]
 * [--shares 25,50,80] [--http-rate N]. The maximum is measured by a backlog of --rows first, unless --max-rate says it.
 */
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer } from 'kafkajs';
import type pg from 'pg';
import { textTable } from '../src/cli/command-io.js';
import { createKafka } from '../src/stream/kafka-client.js';
import { COMMIT_TIMESTAMPS, committedAtMs, walFlushMs } from './commit-latency.js';
import { LINE_POSITION, measureConsumption, reached } from './consumption.js';
import { type HttpLatency, measureHttp } from './http-latency.js';
import { readOptions } from './options.js';
import { producePaced } from './paced-producer.js';
import { createLineTemplate } from './prefill.js';
import { Program } from './program.js';
import { alertsOf, Stage } from './stage.js';
import { type Spread, spreadOf } from './statistics.js';

const PARTITIONS = 6;
const TEMPLATE = 'filled_line';
const HTTP_BATCH = 100;
/** For the relay and the topic, behind the last commit. */
const ALERTS_SETTLE_MS = 3_000;

const options = readOptions({
  numbers: {
    rows: [100_000, 5_000, 5_000_000],
    seconds: [60, 1, 3_600],
    'max-rate': [0, 0, 1_000_000],
    stored: [100_000, 0, 100_000_000],
    customers: [2_000, 100, 100_000],
    'http-rate': [20, 1, 1_000],
  },
  lists: { shares: [25, 50, 80] },
});

interface Level {
  readonly share: number;
  /** Asked for, and sent. */
  readonly rate: number;
  readonly reachedRate: number;
  readonly sent: number;
  readonly committed: Spread;
  readonly alerted: Spread;
  readonly walFlushMs: number | null;
  readonly load: number;
}

/** When each transaction's alert came, for those that come while somebody listens. */
const listenForAlerts = async (stage: Stage, topic: string): Promise<{ seen: Map<string, number>; consumer: Consumer }> => {
  const seen = new Map<string, number>();
  const consumer = createKafka({ brokers: stage.brokers, clientId: 'bench-alerts' }).consumer({
    groupId: `${topic}-listener`,
    maxWaitTimeInMs: 100,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [alertsOf(topic)], fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => {
      const { transactionId } = JSON.parse(message.value!.toString()) as { transactionId: string };
      if (!seen.has(transactionId)) seen.set(transactionId, Date.now());
      return Promise.resolve();
    },
  });
  return { seen, consumer };
};

interface Running {
  readonly stage: Stage;
  readonly topic: string;
  readonly database: pg.Client;
  readonly worker: Program;
  readonly alerts: ReadonlyMap<string, number>;
}

const measureLevel = async (running: Running, share: number, maxRate: number, before: number): Promise<Level> => {
  const { stage, topic, database, worker, alerts } = running;
  const rate = (maxRate * share) / 100;
  const produced = new Map<string, number>();
  await database.query(`SELECT pg_stat_reset_shared('io')`);
  const { sent, rate: reachedRate } = await producePaced({
    ...{ brokers: stage.brokers, topic, rate, seconds: options.seconds },
    records: stage.records(Infinity),
    onSend: ({ value }, atMs) => void produced.set((JSON.parse(value as string) as { id: string }).id, atMs),
  });
  const flushMs = await walFlushMs(database);
  await reached({ database, position: LINE_POSITION, topic }, [worker], before + sent);
  await sleep(ALERTS_SETTLE_MS);
  const commits = await committedAtMs(database, [...produced.keys()]);
  if (commits.size !== sent) throw new Error(`${commits.size} rows are committed of ${sent}`);
  const since = (times: ReadonlyMap<string, number>): Spread =>
    spreadOf([...produced].flatMap(([id, atMs]) => (times.has(id) ? [times.get(id)! - atMs] : [])));
  const level = { share, rate, reachedRate, sent, committed: since(commits), alerted: since(alerts), walFlushMs: flushMs };
  process.stderr.write(`${share} %: ${reachedRate.toFixed(0)} rows/s, p50 ${level.committed.p50.toFixed(0)} ms\n`);
  return { ...level, load: loadavg()[0]! };
};

const measureKafka = (stage: Stage): Promise<{ maxRate: number; levels: readonly Level[] }> =>
  stage.inDatabase('line_kafka', TEMPLATE, async (url, database) => {
    const topic = await stage.createTopic('transactions', PARTITIONS);
    await stage.createTopic('transactions-alerts', PARTITIONS);
    await stage.send(topic, stage.records(options.rows));
    const startedMs = performance.now();
    const worker = new Program(stage.serve('worker', { url, topic, isPaced: true }));
    const backlog = await measureConsumption(
      {
        ...{ database, topic, position: LINE_POSITION, postmaster: stage.postmaster, rows: options.rows },
        warmUpRows: Math.floor(options.rows / 3),
      },
      [worker],
      startedMs,
    );
    const maxRate = options['max-rate'] || backlog.rowsPerSecond;
    process.stderr.write(`backlog: ${backlog.rowsPerSecond.toFixed(0)} rows/s at load ${backlog.load.toFixed(1)}\n`);
    const { seen, consumer } = await listenForAlerts(stage, topic);
    const levels: Level[] = [];
    try {
      let before = options.rows;
      for (const share of options.shares) {
        const level = await measureLevel({ stage, topic, database, worker, alerts: seen }, share, maxRate, before);
        levels.push(level);
        before += level.sent;
      }
    } finally {
      await consumer.disconnect();
    }
    return { maxRate, levels };
  });

/** A service without Kafka, so that nothing else writes. */
const measureHttpService = (stage: Stage): Promise<readonly HttpLatency[]> =>
  stage.inDatabase('line_http', TEMPLATE, (url) =>
    measureHttp(
      stage.serve('all', { url }),
      stage.records(Infinity),
      [
        { name: 'one transaction a request', size: 1, rate: options['http-rate'] },
        { name: `${HTTP_BATCH} transactions a request`, size: HTTP_BATCH, rate: Math.max(1, options['http-rate'] / 10) },
      ],
      options.seconds,
    ),
  );

const cells = (name: string, rate: number, { count, p50, p99, p999, max }: Spread): string[] => [
  name,
  rate.toFixed(0),
  String(count),
  ...[p50, p99, p999, max].map((ms) => (Number.isNaN(ms) ? '-' : ms.toFixed(1))),
];

const report = (kafka: { maxRate: number; levels: readonly Level[] }, http: readonly HttpLatency[]): void => {
  const rows = [
    ...kafka.levels.map((level) => cells(`${level.share} %, produced to committed`, level.reachedRate, level.committed)),
    ...kafka.levels.map((level) => cells(`${level.share} %, produced to alert on the topic`, level.reachedRate, level.alerted)),
    ...http.map((load) => cells(`HTTP, ${load.name}`, load.rate * load.size, load)),
  ];
  const flush = kafka.levels.map((level) => level.walFlushMs?.toFixed(1) ?? '-').join(', ');
  process.stdout.write(
    textTable(['latency in ms', 'rows/s', 'measured', 'p50', 'p99', 'p99.9', 'max'], rows) +
      `maximum ${kafka.maxRate.toFixed(0)} rows/s (${options['max-rate'] > 0 ? 'given' : 'a backlog, this run'}), ` +
      `${options.stored} rows stored before, ${PARTITIONS} partitions, ${cpus().length} cores that the producer shares; ` +
      `commit times are before the flush of the log, which took ${flush} ms on average\n` +
      `${JSON.stringify({ ...options, cores: cpus().length, ...kafka, http })}\n`,
  );
};

const stageOptions = { name: 'bench-latency', customers: options.customers, postgres: COMMIT_TIMESTAMPS };
await Stage.with(stageOptions, async (stage) => {
  await createLineTemplate(stage, TEMPLATE, options.stored);
  report(await measureKafka(stage), await measureHttpService(stage));
});
