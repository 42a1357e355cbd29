/**
 * The same rows and the same model by what a user would assemble: stock Nest with TypeORM, and Python with confluent-kafka,
 * ONNX Runtime and psycopg. Run: npm run bench:peers -- [--rows N] [--customers N] [--venv DIR]
 * --venv names a folder with the packages of bench/peers/requirements.txt; without it one is made and removed again.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { textTable } from '../../src/cli/command-io.js';
import { packageRoot } from '../../src/config.js';
import { channelFeatures } from '../../src/scoring/scoring-model.js';
import type { ReplayRecord } from '../../src/stream/replay.js';
import { CONSUMPTION_COLUMNS, consumptionCells } from '../consumption-table.js';
import { consume, type Consumption, LINE_POSITION } from '../consumption.js';
import { readOptions } from '../options.js';
import { createLineTemplate } from '../prefill.js';
import type { ProgramOf } from '../program.js';
import { run, Stage, withClient } from '../stage.js';
import { DensityExport } from './density-export.js';
import { MemoryLine } from './memory-line.js';
import { PEER_POSITION, PEER_TABLE } from './peer-table.js';

const PARTITIONS = 6;
const [LINE, PEER] = ['filled_line', 'empty_peer'];
const PYTHON_BATCHES = [1, 500];
const SCORE_BATCH = 500;
/** float32 beside float64, and another summation order. */
const TOLERANCE_NATS = 1e-3;

const options = readOptions({
  numbers: { rows: [30_000, 2_000, 1_000_000], customers: [2_000, 100, 100_000] },
  texts: ['venv'],
});

type Measured = Consumption & { readonly name: string };

interface Prepared {
  readonly transactions: string;
  readonly carried: string;
  /** Of D, by transaction id. */
  readonly expected: ReadonlyMap<string, number>;
  readonly density: string;
  readonly python: string;
}

const makeVenv = async (stage: Stage): Promise<string> => {
  const folder = options.venv ?? join(stage.home, 'venv');
  const python = join(folder, 'bin', 'python');
  if (options.venv !== undefined) return python;
  process.stderr.write('installing the packages of the Python peer …\n');
  await run('python3', ['-m', 'venv', folder]);
  const requirements = join(packageRoot, 'bench', 'peers', 'requirements.txt');
  await run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', requirements], { maxBuffer: 1 << 26 });
  return python;
};

/** The rows as they are, and once more with what the Python peer scores. */
const prepare = async (stage: Stage): Promise<Prepared> => {
  await createLineTemplate(stage, LINE, 0);
  await withClient(await stage.createDatabase(PEER), (database) => database.query(PEER_TABLE));
  const records: ReplayRecord[] = [];
  for await (const record of stage.records(options.rows)) records.push(record);
  const line = await MemoryLine.open(stage.model);
  const { featureSet, detectors } = line.fitted.model;
  const density = new DensityExport(detectors.D!);
  const expected = new Map<string, number>();
  const carrying: ReplayRecord[] = [];
  for (let from = 0; from < records.length; from += SCORE_BATCH) {
    const batch = records.slice(from, from + SCORE_BATCH);
    const scored = await line.score(batch.map(({ value }) => value as string));
    const width = featureSet.columns.length;
    const values = new Float32Array(batch.length * width);
    scored.forEach(({ features }, i) => values.set(features, i * width));
    const all = { columns: featureSet.columns, rowCount: batch.length, values };
    const matrix = channelFeatures(featureSet, 'D', all, detectors.D!.estimator);
    density.carried(matrix).forEach((row, i) => {
      const { key, value } = batch[i]!;
      const carried = Buffer.from(row.buffer).toString('base64');
      expected.set(scored[i]!.transaction.id, scored[i]!.channels.D.score);
      carrying.push({ key, value: JSON.stringify({ ...(JSON.parse(value as string) as object), carried }) });
    });
  }
  const [transactions, carried] = [await stage.createTopic('rows', PARTITIONS), await stage.createTopic('carried', PARTITIONS)];
  await stage.send(transactions, from(records));
  await stage.send(carried, from(carrying));
  await density.write(join(stage.home, 'density'));
  return { transactions, carried, expected, density: join(stage.home, 'density'), python: await makeVenv(stage) };
};

// eslint-disable-next-line @typescript-eslint/require-await -- the producer reads any source, most of which wait
async function* from(records: readonly ReplayRecord[]): AsyncGenerator<ReplayRecord> {
  yield* records;
}

const sizes = { rows: options.rows, warmUpRows: Math.floor(options.rows / 5) };

const runLine = (stage: Stage, topic: string): Promise<Measured> =>
  stage.inDatabase('line', LINE, async (url, database) => ({
    name: 'Surprisal, one worker',
    ...(await consume({
      programs: [stage.serve('worker', { url, topic })],
      ...{ database, topic, position: LINE_POSITION, postmaster: stage.postmaster, ...sizes },
    })),
  }));

/** @param expected scores that the peer must have stored, by id; null: its own fused ones */
const runPeer = (
  stage: Stage,
  [name, database, topic]: readonly [string, string, string],
  expected: ReadonlyMap<string, number> | null,
  programOf: (url: string) => ProgramOf,
): Promise<Measured> =>
  stage.inDatabase(database, PEER, async (url, client) => {
    const consumption = await consume({
      programs: [programOf(url)],
      ...{ database: client, topic, position: PEER_POSITION, postmaster: stage.postmaster, ...sizes },
    });
    const { rows } = await client.query<{ id: string; score: number }>('SELECT id, score FROM peer_rows');
    if (rows.length !== options.rows) throw new Error(`${name}: ${rows.length} rows are committed of ${options.rows}`);
    const worst = rows.reduce((most, { id, score }) => Math.max(most, Math.abs(score - (expected?.get(id) ?? score))), 0);
    if (!(worst <= TOLERANCE_NATS)) throw new Error(`${name}: a score is ${worst} nats off, more than ${TOLERANCE_NATS}`);
    return { name, ...consumption };
  });

const measure = async (stage: Stage): Promise<readonly Measured[]> => {
  const { transactions, carried, expected, density, python } = await prepare(stage);
  const brokers = stage.brokers.join(',');
  const measured: Measured[] = [];
  const note = (each: Measured): void => {
    measured.push(each);
    process.stderr.write(`${each.name}: ${each.rowsPerSecond.toFixed(0)} rows/s at load ${each.load.toFixed(1)}\n`);
  };
  note(await runLine(stage, transactions));
  const nest = join(import.meta.dirname, 'nest-peer.js');
  note(
    await runPeer(stage, ['Nest, per message, TypeORM save', 'nest', transactions], null, (url) => ({
      ...{ args: [nest, brokers, transactions, url, stage.model], env: {} },
    })),
  );
  const script = join(packageRoot, 'bench', 'peers', 'python_peer.py');
  for (const size of PYTHON_BATCHES)
    note(
      await runPeer(stage, [`Python, D only, ${size} at a time`, `python_${size}`, carried], expected, (url) => ({
        command: python,
        args: [script, brokers, carried, url, density, String(size)],
        env: { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
      })),
    );
  return measured;
};

/** `ratio` is over Nest, the only peer that does the same work; all are in `ratios`. */
const report = (measured: readonly Measured[]): void => {
  const [line, ...peers] = measured;
  const ratioOf = (peer: Measured): number => line!.rowsPerSecond / peer.rowsPerSecond;
  const ratios = Object.fromEntries(peers.map((peer) => [peer.name, ratioOf(peer)]));
  process.stdout.write(
    textTable(
      [...CONSUMPTION_COLUMNS.map((name) => name.replace('Node', 'program')), 'Surprisal / it'],
      measured.map((each) => [...consumptionCells(each), ratioOf(each).toFixed(2)]),
    ) +
      `${options.rows} transactions of ${options.customers} customers in ${PARTITIONS} partitions, ${cpus().length} cores; ` +
      `Python computes no features, scores one channel of four, decides and explains nothing\n` +
      `${JSON.stringify({ ...options, cores: cpus().length, ratio: ratioOf(peers[0]!), ratios, measured })}\n`,
  );
};

report(await Stage.with({ name: 'bench-peers', customers: options.customers }, measure));
