/**
 * One, two and four worker processes in one consumer group, on the same backlog.
 * Run: npm run bench:scale -- [--rows N] [--processes 1,2,4] [--partitions N] [--stored N] [--customers N] [--rounds N]
 * Time counts from when every worker has its partitions and a share of the rows is committed.
 */
import { cpus } from 'node:os';
import { textTable } from '../src/cli/command-io.js';
import { createKafka, withAdmin } from '../src/stream/kafka-client.js';
import { CONSUMPTION_COLUMNS, consumptionCells } from './consumption-table.js';
import { consume, type Consumption, LINE_POSITION } from './consumption.js';
import { readOptions } from './options.js';
import { createLineTemplate } from './prefill.js';
import { Stage } from './stage.js';

const TEMPLATE = 'filled_line';

const options = readOptions({
  numbers: {
    rows: [300_000, 5_000, 10_000_000],
    partitions: [12, 1, 96],
    stored: [100_000, 0, 100_000_000],
    customers: [2_000, 100, 100_000],
    rounds: [2, 1, 20],
  },
  lists: { processes: [1, 2, 4] },
});

type Measured = Consumption & { readonly processes: number; readonly name: string };

const measure = (stage: Stage, topic: string, processes: number, round: number): Promise<Measured> =>
  stage.inDatabase(`line_${processes}_${round}`, TEMPLATE, async (url, database) => {
    const group = `${topic}-${processes}-${round}`;
    const consumption = await withAdmin(createKafka({ brokers: stage.brokers, clientId: 'bench' }), (admin) =>
      consume({
        programs: Array.from({ length: processes }, () => stage.serve('worker', { url, topic, group })),
        ...{ database, topic, position: LINE_POSITION, postmaster: stage.postmaster, rows: options.rows },
        warmUpRows: Math.floor(options.rows / 10),
        isReady: async () => {
          const { groups } = await admin.describeGroups([group]);
          return groups[0]?.state === 'Stable' && groups[0].members.length === processes;
        },
      }),
    );
    const name = `${processes} ${processes === 1 ? 'process' : 'processes'}`;
    process.stderr.write(`${name}: ${consumption.rowsPerSecond.toFixed(0)} rows/s at load ${consumption.load.toFixed(1)}\n`);
    return { ...consumption, processes, name };
  });

const report = (measured: readonly Measured[]): void => {
  const best = options.processes.map((processes) =>
    measured
      .filter((each) => each.processes === processes)
      .reduce((top, next) => (next.rowsPerSecond > top.rowsPerSecond ? next : top)),
  );
  const speedUp = (each: Measured): number => each.rowsPerSecond / best[0]!.rowsPerSecond;
  process.stdout.write(
    textTable(
      [...CONSUMPTION_COLUMNS, 'speed-up'],
      best.map((each) => [...consumptionCells(each), speedUp(each).toFixed(2)]),
    ) +
      `${cpus().length} cores carry all processes, PostgreSQL and the broker; ${options.rows} transactions in ` +
      `${options.partitions} partitions, best of ${options.rounds} rounds\n` +
      `${JSON.stringify({ ...options, cores: cpus().length, speedUps: best.map(speedUp), measured })}\n`,
  );
};

await Stage.with({ name: 'bench-scale', customers: options.customers }, async (stage) => {
  await createLineTemplate(stage, TEMPLATE, options.stored);
  const topic = await stage.createTopic('transactions', options.partitions);
  await stage.send(topic, stage.records(options.rows));
  const measured: Measured[] = [];
  for (let round = 0; round < options.rounds; round += 1)
    for (const processes of options.processes) measured.push(await measure(stage, topic, processes, round));
  report(measured);
});
