/**
 * What a training run costs the scoring beside it: latency from produced to committed at half of one service's maximum rate,
 * without a run and while one is under way in the same process, again and again over the same history.
 * Run: npm run bench:training-load -- [--rows N] [--seconds N] [--share 50] [--max-rate N] [--customers N]
 */
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { textTable } from '../src/cli/command-io.js';
import { COMMIT_TIMESTAMPS, committedAtMs } from './commit-latency.js';
import { LINE_POSITION, measureConsumption, reached } from './consumption.js';
import { readOptions } from './options.js';
import { producePaced } from './paced-producer.js';
import { Program } from './program.js';
import { HISTORY_DAYS, Stage } from './stage.js';
import { type Spread, spreadOf } from './statistics.js';
import { benchWorld, labelRecords } from './throughput-world.js';

const PARTITIONS = 6;
const POLL_MS = 250;
const START_LIMIT_MS = 60_000;

const options = readOptions({
  numbers: {
    // 1,000 customers make some 2,850 transactions a day: 30 days to fit on, 7 to judge by, and labels for all of them.
    rows: [130_000, 5_000, 5_000_000],
    seconds: [40, 5, 3_600],
    share: [50, 1, 100],
    'max-rate': [0, 0, 1_000_000],
    customers: [1_000, 100, 100_000],
  },
});

interface Line {
  readonly stage: Stage;
  readonly url: string;
  readonly topic: string;
  readonly database: pg.Client;
  readonly service: Program;
}

/** Times of sending and latencies of the rows sent at a steady rate for some seconds. */
const sendPaced = async ({ stage, topic, database, service }: Line, rate: number, before: number) => {
  const produced = new Map<string, number>();
  const { sent } = await producePaced({
    ...{ brokers: stage.brokers, topic, rate, seconds: options.seconds },
    records: stage.records(Infinity),
    onSend: ({ value }, atMs) => void produced.set((JSON.parse(value as string) as { id: string }).id, atMs),
  });
  await reached({ database, position: LINE_POSITION, topic }, [service], before + sent);
  const commits = await committedAtMs(database, [...produced.keys()]);
  if (commits.size !== sent) throw new Error(`${commits.size} rows are committed of ${sent}`);
  return { sent, rows: [...produced].map(([id, atMs]) => ({ atMs, latencyMs: commits.get(id)! - atMs })) };
};

const stateOf = async (database: pg.Client, id: string) => {
  const { rows } = await database.query<{ state: string; from: number | null; to: number | null }>(
    `SELECT state, (extract(epoch FROM started_at) * 1000)::float8 AS from, (extract(epoch FROM finished_at) * 1000)::float8 AS to
     FROM training_runs WHERE id = $1`,
    [id],
  );
  return rows[0]!;
};

const startRun = async ({ stage, url, database, service }: Line): Promise<string> => {
  await stage.command(url, ['retrain', '--schema', 'demo']);
  const { rows } = await database.query<{ id: string }>('SELECT max(id)::text AS id FROM training_runs');
  const { id } = rows[0]!;
  for (const deadline = performance.now() + START_LIMIT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    service.requireRunning();
    if ((await stateOf(database, id)).state !== 'queued') return id;
  }
  throw new Error(`run ${id} was not begun in ${START_LIMIT_MS / 1000} s:\n${service.output}`);
};

interface Measured {
  readonly name: string;
  readonly latency: Spread;
  readonly load: number;
}

/** Only rows that were sent while a run was under way count; the run is over by the time it has to be. */
const measureDuringRuns = async (line: Line, rate: number, before: number) => {
  const latencies: number[] = [];
  const states: string[] = [];
  let sentBefore = before;
  // A short run leaves few rows: another begins.
  for (let runs = 0; runs < 5 && latencies.length < rate * options.seconds * 0.5; runs += 1) {
    const id = await startRun(line);
    const spans: { sent: number; rows: readonly { atMs: number; latencyMs: number }[] }[] = [];
    do {
      spans.push(await sendPaced(line, rate, sentBefore));
      sentBefore += spans.at(-1)!.sent;
    } while ((await stateOf(line.database, id)).to === null);
    const { state, from, to } = await stateOf(line.database, id);
    states.push(state);
    for (const { atMs, latencyMs } of spans.flatMap(({ rows }) => rows))
      if (atMs >= from! && atMs < to!) latencies.push(latencyMs);
  }
  return { latency: spreadOf(latencies), states };
};

const cells = ({ name, latency: { count, p50, p99, p999, max }, load }: Measured): string[] => [
  name,
  String(count),
  ...[p50, p99, p999, max].map((ms) => ms.toFixed(1)),
  load.toFixed(1),
];

const measure = (stage: Stage): Promise<void> =>
  stage.inDatabase('line_training', undefined, async (url, database) => {
    await stage.promote(url);
    const topic = await stage.createTopic('transactions', PARTITIONS);
    for (const purpose of ['alerts', 'labels']) await stage.createTopic(`transactions-${purpose}`, PARTITIONS);
    await stage.send(topic, stage.records(options.rows));
    const startedMs = performance.now();
    const { args, env } = stage.serve('all', { url, topic, isPaced: true });
    const byHand = { SURPRISAL__TRAINING__SCHEDULE__ENABLED: 'false', SURPRISAL_API_KEY: 'a-key-for-the-bench' };
    const service = new Program({ args, env: { ...env, ...byHand } });
    const { postmaster } = stage;
    const backlog = await measureConsumption(
      { database, topic, position: LINE_POSITION, postmaster, rows: options.rows, warmUpRows: Math.floor(options.rows / 3) },
      [service],
      startedMs,
    );
    await stage.send(`${topic}-labels`, labelRecords(benchWorld(options.customers), HISTORY_DAYS, options.rows));
    const rate = ((options['max-rate'] || backlog.rowsPerSecond) * options.share) / 100;
    process.stderr.write(`maximum ${backlog.rowsPerSecond.toFixed(0)} rows/s; measuring at ${rate.toFixed(0)}\n`);
    const line = { stage, url, topic, database, service };
    const warm = await sendPaced(line, rate, options.rows);
    const quiet = await sendPaced(line, rate, options.rows + warm.sent);
    const without: Measured = {
      name: 'no run',
      latency: spreadOf(quiet.rows.map(({ latencyMs }) => latencyMs)),
      load: loadavg()[0]!,
    };
    const { latency, states } = await measureDuringRuns(line, rate, options.rows + warm.sent + quiet.sent);
    const during: Measured = { name: `${states.length} runs (${states.join(', ')})`, latency, load: loadavg()[0]! };
    const ratio = latency.p99 / without.latency.p99;
    process.stdout.write(
      textTable(['produced to committed, ms', 'measured', 'p50', 'p99', 'p99.9', 'max', 'load'], [without, during].map(cells)) +
        `p99 during a run is ${ratio.toFixed(2)} times that without, at ${rate.toFixed(0)} rows/s, ${options.share} % of the maximum; ` +
        `${cpus().length} cores that the producer, the broker and the database share\n` +
        `${JSON.stringify({ ...options, cores: cpus().length, maxRate: backlog.rowsPerSecond, rate, without, during, ratio })}\n`,
    );
  });

await Stage.with({ name: 'bench-training', customers: options.customers, postgres: COMMIT_TIMESTAMPS }, measure);
