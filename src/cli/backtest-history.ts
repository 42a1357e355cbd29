import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DataSource } from 'typeorm';
import { flipTable } from './models-compare.js';
import { schemaNameOf, withDatabase } from './command-database.js';
import { textTable, writeCsv, type CommandIo } from './command-io.js';
import { ConfigError, loadPolicy, withBudget, type Config } from '../config.js';
import type { Policy } from '../domain/decision.js';
import { transactionParser } from '../domain/parse-transaction.js';
import { isoMinute } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { CountedShare } from '../domain/version-comparison.js';
import { backtestHistory, type HistoryBacktestResult } from '../backtest/history-backtest.js';
import { requireWritable } from './output-file.js';
import type { StoredModel } from '../scoring/ports.js';
import { readFeatureSet } from '../scoring/scoring-model.js';
import { createModelStores } from '../service-stores.js';
import type { BacktestDay } from '../store/backtest.store.js';
import { openTopicRange, TopicRangeError, type TopicRange } from '../stream/topic-range.js';
import { UsageError } from '../usage-error.js';

/** Flips of each kind in a file. */
const FLIPS_MAX = 100_000;

export interface HistoryBacktestOptions {
  readonly from: number;
  readonly to: number;
  readonly model?: string;
  readonly policy?: string;
  readonly budget?: number;
  /** True: the configured one. */
  readonly topic?: string | true;
  readonly fromOffset?: readonly string[];
  readonly toOffset?: readonly string[];
  readonly flips?: string;
  readonly keep?: boolean;
  readonly schema?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** The `backtest` command over stored history. @throws UsageError or ConfigError for wrong use */
export const runHistoryBacktest = async (
  options: HistoryBacktestOptions,
  config: Config,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> => {
  const { from: fromMs, to: toMs, flips } = options;
  if (toMs <= fromMs)
    throw new UsageError(`--to ${isoMinute(toMs)} is not after --from ${isoMinute(fromMs)}: the span between them is empty`);
  const policy = policyOf(options, config);
  if (flips !== undefined) await requirePlace(flips);
  const result = await withDatabase(config, io, async (live) => {
    const { model, schema } = await modelOf(live, options, config);
    const topic = await topicOf(options, config, schema);
    return backtestHistory({
      ...{ config, live, schema, model, policy, topic, signal },
      span: { fromMs, toMs },
      keep: options.keep ?? false,
      flipsMax: flips === undefined ? 0 : FLIPS_MAX,
      onProgress: (step, share, message) => io.progress.report(step, share, message),
      say: (line) => io.progress.note(line),
    });
  });
  if (flips !== undefined) await writeFlips(flips, result, io);
  io.progress.stop();
  const { flips: _listed, ...printed } = result;
  await io.write(options.json ? `${JSON.stringify(printed)}\n` : readable(result));
};

const requirePlace = async (flips: string): Promise<void> => {
  const folder = dirname(flips);
  if (!existsSync(folder)) throw new UsageError(`--flips ${flips}: there is no folder ${folder}`);
  await requireWritable(flips, '');
};

const policyOf = ({ policy: file, budget }: HistoryBacktestOptions, config: Config): Policy => {
  if (file !== undefined && !existsSync(file)) throw new UsageError(`--policy ${file}: there is no such file`);
  const policy = file === undefined ? config.policy : loadPolicy(file);
  return budget === undefined ? policy : withBudget(policy, budget);
};

const modelOf = async (
  live: DataSource,
  options: HistoryBacktestOptions,
  { signingKey }: Config,
): Promise<{ readonly model: StoredModel; readonly schema: TransactionSchema }> => {
  const name = await schemaNameOf(live, options);
  const { models } = createModelStores(live, signingKey);
  const champion = await models.championVersion(name);
  const version = options.model ?? champion;
  if (version === null) throw new UsageError(`schema "${name}" has no champion: name a version by --model`);
  const model = await models.load(version);
  const { schema } = readFeatureSet(model.artifact);
  if (schema.name !== name)
    throw new UsageError(`model ${version} is of the transaction schema "${schema.name}", what is stored is of "${name}"`);
  if (champion !== null && champion !== version)
    refuseOtherColumns(version, schema, readFeatureSet((await models.load(champion)).artifact).schema);
  return { model, schema };
};

/** Stored transactions are lists of values in the order of the schema that they were served by. */
const refuseOtherColumns = (version: string, of: TransactionSchema, stored: TransactionSchema): void => {
  const columns = ({ entities, numeric, categorical }: TransactionSchema): readonly string[] =>
    [entities.map(({ name }) => name), numeric.map(({ column }) => column), categorical.map(({ column }) => column)].map(String);
  const kinds = ['entities', 'numeric columns', 'categorical columns'];
  columns(of).forEach((names, i) => {
    const theirs = columns(stored)[i]!;
    if (names !== theirs)
      throw new UsageError(
        `model ${version} reads the ${kinds[i]} ${names}, what is stored has ${theirs}: it cannot be replayed`,
      );
  });
};

const topicOf = async (
  { topic, fromOffset, toOffset, from: fromMs }: HistoryBacktestOptions,
  { kafkaBrokers, service }: Config,
  schema: TransactionSchema,
): Promise<TopicRange | null> => {
  if (topic === undefined) {
    if (fromOffset ?? toOffset) throw new UsageError('--from-offset and --to-offset are of a topic and go with --topic only');
    return null;
  }
  if (kafkaBrokers === null) throw new ConfigError('KAFKA_BROKERS is not set: --topic needs it');
  const parser = transactionParser(schema);
  try {
    return await openTopicRange({
      brokers: kafkaBrokers,
      topic: topic === true ? service.kafka.topics.transactions : topic,
      fromMs,
      from: offsetsOf('--from-offset', fromOffset ?? []),
      to: offsetsOf('--to-offset', toOffset ?? []),
      eventMsOf: (bytes) => {
        const parsed = parser.fromBytes(bytes);
        return parsed.ok ? parsed.transaction.occurredAtMs : null;
      },
    });
  } catch (error) {
    throw error instanceof TopicRangeError ? new UsageError(error.message) : error;
  }
};

const offsetsOf = (flag: string, texts: readonly string[]): ReadonlyMap<number, bigint> => {
  const offsets = new Map<number, bigint>();
  for (const text of texts) {
    const found = /^(\d{1,6}):(\d{1,18})$/.exec(text);
    if (!found) throw new UsageError(`${flag} ${text}: expected PARTITION:OFFSET`);
    if (offsets.has(Number(found[1]))) throw new UsageError(`${flag} ${text}: partition ${found[1]} is named twice`);
    offsets.set(Number(found[1]), BigInt(found[2]!));
  }
  return offsets;
};

const writeFlips = async (path: string, { flips, comparison }: HistoryBacktestResult, io: CommandIo): Promise<void> => {
  const header = ['id', 'occurred_at', 'alerted_by', 'known_as', 'p_backtest', 'p_live', 'backtest', 'live', 'lane', 'reason'];
  await writeCsv(
    path,
    header,
    flips.map(({ transactionId, occurredAt, label, a, b }) => {
      const alerting = a.outcome === 'approve' ? b : a;
      return [
        ...[transactionId, occurredAt, alerting === a ? 'backtest' : 'live', label ?? ''],
        ...[10 ** -a.minusLog10P, 10 ** -b.minusLog10P, a.outcome, b.outcome, alerting.lane ?? '', alerting.reason ?? ''],
      ];
    }),
  );
  const isCut = Math.max(comparison.onlyA.rows, comparison.onlyB.rows) > FLIPS_MAX;
  io.progress.note(`${flips.length} flips written to ${path}${isCut ? `, at most ${FLIPS_MAX} of each kind` : ''}`);
};

const readable = (result: HistoryBacktestResult): string => {
  const { comparison, rows, alerts, source } = result;
  const { a, b, onlyA, onlyB } = comparison;
  return [
    ...result.notes.map((note) => `note: ${note}\n`),
    `${result.model} under ${result.policy}, ${result.from.slice(0, 16)} to ${result.to.slice(0, 16)}, from ${source}\n`,
    `${rows} transactions, ${alerts} alerts: ${percent(result.alertRate)} of the traffic; budget ${percent(result.budget)}\n`,
    counted(result),
    judged(result),
    `\n${dayTable(result.days)}`,
    `\nbeside live, on ${comparison.rows} transactions that both decided: `,
    `alerts ${a.alerts.count} and ${b.alerts.count} live, of both ${comparison.alertsOfBoth}\n`,
    comparison.undecided === 0
      ? ''
      : `${comparison.undecided} more were scored without a calibration, here or live, and not decided\n`,
    flipTable('alerts here and not live', onlyA, ['backtest', 'live']),
    flipTable('alerts live and not here', onlyB, ['backtest', 'live']),
    `${Math.round(result.rowsPerSecond)} rows/s through the line\n`,
    result.kept === null
      ? ''
      : `every row and alert is in the database schema ${result.kept}; "DROP SCHEMA ${result.kept} CASCADE" removes it\n`,
  ].join('');
};

const judged = ({ quality, rankedBy }: HistoryBacktestResult): string => {
  if (!quality) return '';
  const rows = `on ${quality.rows} rows whose label has matured`;
  if (quality.frauds === 0) return `${rows} no fraud is known\n`;
  return (
    `${rows}, ranked by ${rankedBy}: average precision ${figure(quality.averagePrecision)}, ` +
    `AUROC ${figure(quality.auroc)}, card precision@100 ${figure(quality.cardPrecisionAt100)}\n` +
    `frauds caught ${share(quality.recall)}; alerts that were frauds ${share(quality.precision)}\n`
  );
};

/** What was not scored, where there is any. */
const counted = ({ deadLetters, repeats, outside, notScoredLive, onlyLive }: HistoryBacktestResult): string => {
  const counts: readonly (readonly [number, string])[] = [
    [deadLetters, 'records refused'],
    [repeats, 'repeats'],
    [outside, 'records of other times left out'],
    [notScoredLive, 'not scored live'],
    [onlyLive, 'scored live only'],
  ];
  const found = counts.filter(([count]) => count > 0);
  return found.length === 0 ? '' : `${found.map(([count, words]) => `${count} ${words}`).join(', ')}\n`;
};

const dayTable = (days: readonly BacktestDay[]): string =>
  textTable(
    ['day', 'transactions', 'alerts', 'alerts live', 'known frauds', 'caught', 'caught live'],
    days.map((day) => [day.day, ...[day.rows, day.alerts, day.liveAlerts, day.frauds, day.caught, day.liveCaught].map(String)]),
  );

const percent = (value: number): string => `${(100 * value).toPrecision(3)} %`;
const figure = (value: number | null): string => value?.toFixed(4) ?? '-';
const share = ({ count, of, share: value, low, high }: CountedShare): string =>
  value === null ? `${count} of ${of}` : `${count} of ${of} = ${percent(value)} (${percent(low)} to ${percent(high)})`;
