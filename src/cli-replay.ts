import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { loadSchema } from './config.js';
import { transactionParser } from './domain/parse-transaction.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { createProgress } from './progress.js';
import { streamRows } from './stream-file.js';
import { replayToKafka, type ReplayRecord } from './stream/replay.js';
import { UsageError } from './usage-error.js';

interface Options {
  schema: string;
  data: string;
  brokers?: string;
  topic: string;
  http?: string;
  key?: string;
  rate: string;
  limit?: string;
  json?: boolean;
}

const HTTP_BATCH = 500;

export const register = (program: Command): void => {
  program
    .command('replay')
    .description('sends a file’s transactions to a Kafka topic or to a running service, in the file’s order')
    .requiredOption('--schema <name or file>', 'transaction schema')
    .requiredOption('--data <csv>', 'plain or gzip')
    .option('--brokers <host:port,…>', 'Kafka brokers')
    .option('--topic <name>', 'topic', 'transactions')
    .option('--http <url>', 'address of a service, "http://127.0.0.1:3000"')
    .option('--key <key>', 'API key of that service')
    .option('--rate <n>', 'records per second, or max', 'max')
    .option('--limit <n>', 'stop after so many records')
    .option('--json', 'one JSON object on stdout')
    .action(run);
};

const run = async (options: Options): Promise<void> => {
  if ((options.brokers === undefined) === (options.http === undefined)) throw new UsageError('give either --brokers or --http');
  const rate = options.rate === 'max' ? 'max' : positive('--rate', options.rate);
  const limit = options.limit === undefined ? Infinity : positive('--limit', options.limit);
  const schema = loadSchema(options.schema);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const progress = createProgress(process.stderr);
  const records = recordsOf(options.data, schema, limit, (share) => progress.report('replaying', share));
  const done =
    options.brokers !== undefined
      ? await replayToKafka({ brokers: options.brokers.split(','), topic: options.topic, records, rate, signal: stop.signal })
      : await replayToHttp(options.http!, options.key, records, rate, stop.signal);
  progress.stop();
  const perSecond = Math.round(done.sent / Math.max(done.seconds, 1e-3));
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ ...done, perSecond })}\n`
      : `${done.sent} records in ${done.seconds.toFixed(1)} s (${perSecond}/s)\n`,
  );
};

const positive = (name: string, text: string): number => {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new UsageError(`${name} ${text} is not a number above 0`);
  return value;
};

async function* recordsOf(
  path: string,
  schema: TransactionSchema,
  limit: number,
  onProgress: (share: number) => void,
): AsyncGenerator<ReplayRecord> {
  const parser = transactionParser(schema);
  let sent = 0;
  for await (const { transaction } of streamRows(path, schema, onProgress)) {
    if (sent >= limit) return;
    sent += 1;
    yield { key: transaction.entities[0] ?? null, value: JSON.stringify(parser.toJson(transaction)) };
  }
}

const replayToHttp = async (
  url: string,
  key: string | undefined,
  records: AsyncIterable<ReplayRecord>,
  rate: number | 'max',
  signal: AbortSignal,
): Promise<{ sent: number; seconds: number }> => {
  if (key === undefined) throw new UsageError('--http needs --key, the API key of the service');
  const startedMs = performance.now();
  let sent = 0;
  let batch: string[] = [];
  const send = async (): Promise<void> => {
    const response = await fetch(new URL('/v1/transactions', url), {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: `[${batch.join(',')}]`,
      signal: AbortSignal.timeout(60_000),
    });
    if (!response.ok) throw new Error(`${url} answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
    sent += batch.length;
    batch = [];
    if (rate !== 'max') await sleep(Math.max(0, startedMs + (1000 * sent) / rate - performance.now()));
  };
  const size = rate === 'max' ? HTTP_BATCH : Math.max(1, Math.min(HTTP_BATCH, Math.floor(rate / 10)));
  for await (const { value } of records) {
    if (signal.aborted) break;
    batch.push(String(value));
    if (batch.length >= size) await send();
  }
  if (batch.length > 0 && !signal.aborted) await send();
  return { sent, seconds: (performance.now() - startedMs) / 1000 };
};
