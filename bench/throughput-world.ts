import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DAY_MS } from '../src/domain/time.js';
import type { ReplayRecord } from '../src/stream/replay.js';
import { MEAN_PAYMENTS_PER_DAY } from '../src/synthetic/customers.js';
import { createWorld, LABEL_DELAY_DAYS, type World } from '../src/synthetic/world.js';

/** Well in the past: the service refuses times in the future. */
const START_MS = Date.UTC(2025, 0, 1);
const COLUMNS = ['id', 'occurred_at', 'customer', 'merchant', 'amount', 'currency', 'category', 'channel', 'country'] as const;

export const benchWorld = (customers: number): World =>
  createWorld({ seed: 1, customers, merchants: 400, startMs: START_MS, labelDelayDays: LABEL_DELAY_DAYS });

/** The world's first days as the CSV that `surprisal fit --schema demo` reads. Answers its number of rows. */
export const writeHistory = async (world: World, days: number, path: string): Promise<number> => {
  let rows = 0;
  const lines = function* (): Generator<string> {
    yield `${[...COLUMNS, 'label', 'type'].join(',')}\n`;
    for (let day = 0; day < days; day += 1) {
      const { transactions, truth } = world.day(day);
      for (const [i, transaction] of transactions.entries()) {
        const { isFraud, type } = truth[i]!;
        yield `${COLUMNS.map((column) => transaction[column]).join(',')},${Number(isFraud)},${type ?? ''}\n`;
      }
      rows += transactions.length;
    }
  };
  await pipeline(Readable.from(lines()), createWriteStream(path));
  return rows;
};

/** The days that follow, as messages of the topic, without end. */
// eslint-disable-next-line @typescript-eslint/require-await -- replayToKafka reads any source, most of which wait
export async function* nextRecords(world: World, fromDay: number): AsyncGenerator<ReplayRecord> {
  for (let day = fromDay; ; day += 1)
    for (const transaction of world.day(day).transactions)
      yield { key: transaction.customer, value: JSON.stringify(transaction) };
}

/** What becomes known of the frauds among the first so many records, as messages of the label topic. */
// eslint-disable-next-line @typescript-eslint/require-await -- as above
export async function* labelRecords(world: World, fromDay: number, count: number): AsyncGenerator<ReplayRecord> {
  for (let [day, left] = [fromDay, count]; left > 0; day += 1) {
    const { transactions, truth } = world.day(day);
    for (const [i, { id }] of transactions.slice(0, left).entries()) {
      const { isFraud, type, knownAtMs } = truth[i]!;
      const knownAt = new Date(knownAtMs).toISOString();
      if (isFraud) yield { key: id, value: JSON.stringify({ transactionId: id, isFraud, type, source: 'bench', knownAt }) };
    }
    left -= transactions.length;
  }
}

/** About how many transactions the world has up to now. The service refuses what is later. */
export const rowsUntil = (customers: number, nowMs: number): number =>
  Math.floor(((nowMs - START_MS) / DAY_MS) * customers * MEAN_PAYMENTS_PER_DAY);
