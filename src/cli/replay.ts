import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, type Command } from 'commander';
import { configOption, EXIT_CODES, positiveNumber, wholeNumber, withProcessIo, type CommandIo } from './command-io.js';
import { loadConfig, loadSchema } from '../config.js';
import { openDataFile, type DataFile } from './data-file.js';
import { historyRows } from './data-history.js';
import { transactionParser } from '../domain/parse-transaction.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { replayToKafka, type ReplayRecord } from '../stream/replay.js';
import { UsageError } from '../usage-error.js';

export interface ReplayOptions {
  readonly schema: string;
  readonly data: string;
  readonly brokers?: string;
  readonly topic: string;
  readonly http?: string;
  readonly key?: string;
  readonly rate: number | 'max';
  readonly limit?: number;
  readonly config?: string;
  readonly json?: boolean;
}

const HTTP_BATCH = 500;
/** Half of what the API takes in one body. */
const HTTP_BYTES = 500_000;

const rateOf = (text: string): number | 'max' => (text === 'max' ? 'max' : positiveNumber()(text));

const addressOf = (text: string): string => {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new InvalidArgumentError('expected http://HOST:PORT.');
  return text;
};

const brokersOf = (text: string): string => {
  if (!/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/.test(text)) throw new InvalidArgumentError('expected HOST:PORT[,HOST:PORT].');
  return text;
};

export const register = (program: Command): void => {
  program
    .command('replay')
    .description("send a file's transactions to a Kafka topic or to a running service, in the file's order")
    .requiredOption('--schema <name>', 'shipped transaction schema or the path of one')
    .requiredOption('--data <file>', 'CSV file with a header, plain or gzip')
    .option('--brokers <host:port,…>', 'Kafka brokers', brokersOf)
    .option('--topic <name>', 'topic', 'transactions')
    .option('--http <url>', 'address of a service, "http://localhost:3000"', addressOf)
    .option('--key <key>', 'API key of that service; default: SURPRISAL_API_KEY')
    .option('--rate <n>', 'records per second, or max', rateOf, 'max' as const)
    .option('--limit <n>', 'stop after so many records', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: ReplayOptions) => withProcessIo((io) => replay(options, io)));
};

/** The `replay` command; Ctrl-C ends it after the send in work. @throws UsageError or ConfigError for wrong use */
export const replay = async (options: ReplayOptions, io: CommandIo): Promise<void> => {
  const { brokers, http, topic, rate } = options;
  if ((brokers === undefined) === (http === undefined)) throw new UsageError('replay needs either --brokers or --http');
  const schema = loadSchema(options.schema, options.config);
  const key = options.key ?? loadConfig(options.config).apiKey;
  if (http !== undefined && key === null)
    throw new UsageError('--http needs --key (or SURPRISAL_API_KEY), the key of the service');
  const file = await openDataFile(options.data);
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  process.once('SIGINT', abort);
  const records = recordsOf(file, schema, options.limit ?? Infinity, (share) => io.progress.report('replaying', share));
  const sending = { records, rate, signal: stop.signal };
  const sent =
    brokers !== undefined
      ? replayToKafka({ brokers: brokers.split(','), topic, ...sending })
      : replayToHttp({ url: http!, key: key!, ...sending });
  // A row that does not fit is the caller's mistake, wherever the records were going.
  const done = await sent.catch((error: Error) => Promise.reject(error.cause instanceof UsageError ? error.cause : error));
  process.removeListener('SIGINT', abort);
  io.progress.stop();
  const perSecond = Math.round(done.sent / Math.max(done.seconds, 1e-3));
  await io.write(
    options.json
      ? `${JSON.stringify({ ...done, perSecond })}\n`
      : `${done.sent} records in ${done.seconds.toFixed(1)} s (${perSecond}/s)\n`,
  );
};

async function* recordsOf(
  file: DataFile,
  schema: TransactionSchema,
  limit: number,
  onProgress: (share: number) => void,
): AsyncGenerator<ReplayRecord> {
  const parser = transactionParser(schema);
  let sent = 0;
  for await (const row of historyRows(file, schema, onProgress)) {
    if (!row.ok) throw new UsageError(`${file.path}, ${row.reason}`);
    yield { key: row.transaction.entities[0] ?? null, value: JSON.stringify(parser.toJson(row.transaction)) };
    sent += 1;
    if (sent >= limit) return;
  }
}

interface HttpReplay {
  readonly url: string;
  readonly key: string;
  readonly records: AsyncIterable<ReplayRecord>;
  readonly rate: number | 'max';
  readonly signal: AbortSignal;
}

const replayToHttp = async ({ url, key, records, rate, signal }: HttpReplay): Promise<{ sent: number; seconds: number }> => {
  const startedMs = performance.now();
  const size = rate === 'max' ? HTTP_BATCH : Math.max(1, Math.min(HTTP_BATCH, Math.floor(rate / 10)));
  let sent = 0;
  let batch: string[] = [];
  let bytes = 0;
  const send = async (): Promise<void> => {
    await post(url, key, `[${batch.join(',')}]`);
    sent += batch.length;
    batch = [];
    bytes = 0;
    if (rate !== 'max') await sleep(Math.max(0, startedMs + (1000 * sent) / rate - performance.now()));
  };
  for await (const { value } of records) {
    if (signal.aborted) break;
    batch.push(String(value));
    bytes += value.length;
    if (batch.length >= size || bytes >= HTTP_BYTES) await send();
  }
  if (batch.length > 0 && !signal.aborted) await send();
  return { sent, seconds: (performance.now() - startedMs) / 1000 };
};

const post = async (url: string, key: string, body: string): Promise<void> => {
  const request = {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(60_000),
  };
  const response = await fetch(new URL('/v1/transactions', url), request).catch((error: unknown) => {
    const { message, cause } = error as Error;
    throw new Error(`no answer from ${url}: ${cause instanceof Error ? cause.message : message}`, { cause: error });
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
};
