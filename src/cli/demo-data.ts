import type { Command } from 'commander';
import { EXIT_CODES, wholeNumber, withProcessIo, writeCsv, type CommandIo } from './command-io.js';
import { DAY_MS, isoDate } from '../domain/time.js';
import { createWorld, type World } from '../synthetic/world.js';

export interface DemoDataOptions {
  readonly days: number;
  readonly fromDay: number;
  readonly customers: number;
  readonly merchants: number;
  readonly seed: number;
  readonly out: string;
  readonly json?: boolean;
}

/** Fixed, so that a seed alone says what a file holds. */
const WORLD_START_MS = Date.UTC(2026, 0, 1);
const COLUMNS = ['id', 'occurred_at', 'customer', 'merchant', 'amount', 'currency', 'category', 'channel', 'country'] as const;

export const register = (program: Command): void => {
  program
    .command('demo-data')
    .description('write days of a seeded world of card payments, with known frauds, as CSV; --schema demo reads it')
    .requiredOption('--out <file>', 'CSV to write')
    .option('--days <n>', 'days to write', wholeNumber(1, 365), 40)
    .option('--from-day <n>', 'first day to write; day 0 is 2026-01-01', wholeNumber(0, 3650), 0)
    .option('--customers <n>', 'customers; 300 make about 850 payments a day', wholeNumber(1, 100_000), 300)
    .option('--merchants <n>', 'merchants', wholeNumber(10, 10_000), 120)
    .option('--seed <n>', 'seed of the world', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: DemoDataOptions) => withProcessIo((io) => demoData(options, io)));
};

/** The `demo-data` command. @throws UsageError when the file cannot be written */
export const demoData = async (options: DemoDataOptions, io: CommandIo): Promise<void> => {
  const { days, fromDay, customers, merchants, seed, out } = options;
  const world = createWorld({ seed, customers, merchants, startMs: WORLD_START_MS });
  const counts = { rows: 0, frauds: 0 };
  const rows = labelledRows(world, fromDay, days, (share, isFraud) => {
    counts.rows += 1;
    counts.frauds += isFraud ? 1 : 0;
    io.progress.report('world', share);
  });
  await writeCsv(out, [...COLUMNS, 'label', 'type'], rows);
  io.progress.stop();
  const [first, last] = [fromDay, fromDay + days - 1].map((d) => isoDate(WORLD_START_MS + d * DAY_MS));
  await io.write(
    options.json
      ? `${JSON.stringify({ out, first, last, ...counts })}\n`
      : `${counts.rows} payments with ${counts.frauds} frauds, ${first} to ${last}, written to ${out}\n`,
  );
};

function* labelledRows(
  world: World,
  fromDay: number,
  days: number,
  onRow: (share: number, isFraud: boolean) => void,
): Generator<readonly (string | number)[]> {
  for (let day = 0; day < days; day += 1) {
    const { transactions, truth } = world.day(fromDay + day);
    for (const [i, transaction] of transactions.entries()) {
      const { isFraud, type } = truth[i]!;
      onRow((day + 1) / days, isFraud);
      yield [...COLUMNS.map((column) => transaction[column]), isFraud ? 1 : 0, type ?? ''];
    }
  }
}
