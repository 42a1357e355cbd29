import { channelsOf } from './chosen-detectors.js';
import { textTable, writeCsv, type CommandIo } from './command-io.js';
import { loadSchema, type Config } from '../config.js';
import { openDataFile } from './data-file.js';
import { readHistory, type DataHistory } from './data-history.js';
import { CHANNELS, PolicySchema, type Channel, type Policy } from '../domain/decision.js';
import { createRandom } from '../domain/random.js';
import { DAY_MS, isoDate } from '../domain/time.js';
import { ROW_ID, type TransactionSchema } from '../domain/transaction-schema.js';
import { requireWritable } from './output-file.js';
import { createTensorBackend } from '../tensor-backend.js';
import { backtest, type BacktestResult } from '../training/backtest.js';
import { defaultEstimators } from '../training/retrain.js';
import type { TrainingContext } from '../training/fit-channels.js';
import { UsageError } from '../usage-error.js';

export interface BacktestOptions {
  readonly schema: string;
  readonly data: string;
  readonly start: string;
  readonly trainDays: number;
  readonly delayDays: number;
  readonly testDays: number;
  readonly features?: 'columns' | 'rfm' | 'full';
  readonly detector?: readonly string[];
  readonly holdOut?: string;
  readonly budget?: number;
  readonly seed: number;
  readonly scores?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** The `backtest` command over a file. @throws UsageError, InputError or ConfigError for wrong use */
export const runBacktest = async (
  options: BacktestOptions,
  config: Config,
  io: CommandIo,
  threads: Pick<TrainingContext, 'fitElsewhere'> = {},
): Promise<void> => {
  const schema = schemaOf(options);
  const startMs = dateOf(options.start);
  const endMs = startMs + (options.trainDays + options.delayDays + options.testDays) * DAY_MS;
  const chosen = options.detector ? channelsOf(options.detector, schema) : null;
  const file = await openDataFile(options.data);
  if (options.scores !== undefined) await requireWritable(options.scores, options.data);
  const history = await readHistory(file, schema, true, (share) => io.progress.report('reading', share));
  if (history.firstRefusal !== null)
    throw new UsageError(`${options.data}: ${history.refused} rows do not fit; ${history.firstRefusal}`);
  checkRange(history, options, startMs);
  const result = await backtest(
    {
      schema,
      transactions: history.transactions.filter((t) => t.occurredAtMs < endMs),
      labels: history.labels,
      startMs,
      trainDays: options.trainDays,
      delayDays: options.delayDays,
      testDays: options.testDays,
      policy: policyOf(config, options, chosen),
      parameters: config.models,
      estimators: chosen ?? defaultEstimators(schema),
      ...(options.holdOut !== undefined && { holdOutType: heldOutType(options.holdOut, schema, history) }),
    },
    {
      random: createRandom(options.seed),
      backend: await createTensorBackend(config.tensorBackend, (line) => io.progress.note(line)),
      ...threads,
      now: () => performance.now(),
      onProgress: (step, { share, message }) => io.progress.report(step, share, message),
    },
  );
  if (options.scores !== undefined) await writeScores(options.scores, schema, result);
  io.progress.stop();
  const { judged: _rows, ...printed } = result;
  await io.write(options.json ? `${JSON.stringify(printed)}\n` : readable(printed));
};

/** Options that change what a schema says win over it. */
const schemaOf = (options: BacktestOptions): TransactionSchema => {
  const schema = loadSchema(options.schema, options.config);
  if (!schema.time || schema.entities.length === 0)
    throw new UsageError(`schema "${schema.name}" has no time or no entities; backtest needs both`);
  if (!schema.label) throw new UsageError(`schema "${schema.name}" has no label; backtest needs the truth`);
  const set = options.features ?? schema.features.set;
  if (set !== 'columns' && !schema.amount)
    throw new UsageError(`--features ${set} needs an amount; schema "${schema.name}" has none`);
  return { ...schema, label: { ...schema.label, delayDays: options.delayDays }, features: { ...schema.features, set } };
};

const dateOf = (text: string): number => {
  const ms = Date.parse(`${text}T00:00:00Z`);
  // The round trip refuses days that a month does not have.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(`${text}T`))
    throw new UsageError(`--start ${text} is not a date YYYY-MM-DD`);
  return ms;
};

/** Training and test must both lie in the data. */
const checkRange = ({ transactions }: DataHistory, options: BacktestOptions, startMs: number): void => {
  const { start, trainDays, delayDays, data } = options;
  const [firstMs, lastMs] = [transactions[0]!.occurredAtMs, transactions.at(-1)!.occurredAtMs];
  const trainToMs = startMs + trainDays * DAY_MS;
  const testFromMs = trainToMs + delayDays * DAY_MS;
  if (firstMs >= trainToMs || lastMs < testFromMs)
    throw new UsageError(
      `--start ${start}: training to ${isoDate(trainToMs)} and a test from ${isoDate(testFromMs)} do not fit ${data}, which goes from ${isoDate(firstMs)} to ${isoDate(lastMs)}`,
    );
};

/** Named detectors share the whole budget among their channels in the policy's proportions, or evenly. */
const policyOf = ({ policy }: Config, { budget }: BacktestOptions, chosen: Partial<Record<Channel, string>> | null): Policy => {
  const used = CHANNELS.filter((channel) => !chosen || chosen[channel] !== undefined);
  const total = used.reduce((sum, channel) => sum + policy.ranking.weights[channel], 0);
  const weightOf = (channel: Channel): number =>
    !used.includes(channel) ? 0 : total > 0 ? policy.ranking.weights[channel] / total : 1 / used.length;
  return PolicySchema.parse({
    ...policy,
    budget: { ...policy.budget, share: budget ?? policy.budget.share },
    ranking: { ...policy.ranking, weights: { S: weightOf('S'), T: weightOf('T'), H: weightOf('H'), D: weightOf('D') } },
  });
};

const heldOutType = (text: string, { label }: TransactionSchema, { labels }: DataHistory): string => {
  const column = label?.typeColumn;
  if (column === undefined || !text.startsWith(`${column}=`))
    throw new UsageError(`--hold-out ${text}: expected ${column ?? 'a label type column'}=VALUE`);
  const value = text.slice(column.length + 1);
  const types = new Set(labels.map(({ type }) => type).filter((type) => type !== null));
  if (!types.has(value))
    throw new UsageError(`--hold-out ${text}: no fraud of the data is of that type; there are ${[...types].sort().join(', ')}`);
  return value;
};

const writeScores = (path: string, { id }: TransactionSchema, result: BacktestResult): Promise<void> => {
  const channels = CHANNELS.filter((channel) => result.channels[channel]);
  const header = [id === ROW_ID ? 'row' : id, 'score', ...channels.map((channel) => `score_${channel}`)];
  const rows = result.judged.map((row) => [row.id, row.score, ...channels.map((channel) => row.channels[channel])]);
  return writeCsv(path, header, rows);
};

const readable = (result: Omit<BacktestResult, 'judged'>): string => {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const ranking = [
    [`ranking by ${result.rankedBy}`, result.auroc.toFixed(4), result.auprc.toFixed(4)],
    ...Object.entries(result.channels).map(([channel, q]) => [`channel ${channel}`, q.auroc.toFixed(4), q.auprc.toFixed(4)]),
  ];
  const called = (type: string): string => (type in result.newTypeShare ? percent(result.newTypeShare[type]!) : '');
  const recall = Object.entries(result.recallByType).map(([type, share]) => [type, percent(share), called(type)]);
  return [
    textTable(['ranking', 'AUROC', 'AUPRC'], ranking),
    recall.length === 0 ? '' : textTable(['fraud type', 'recall', 'alerts called a new type'], recall),
    'legitimate' in result.newTypeShare ? `${called('legitimate')} of the false alarms called a new type\n` : '',
    `card precision@100 ${result.cardPrecisionAt100.toFixed(4)}\n`,
    `alerts on ${percent(result.alertRate)} of the traffic; budget ${percent(result.budget)}\n`,
    `trained on ${result.trainRows} rows with ${result.trainFrauds} frauds; `,
    `judged on ${result.judgedRows} of ${result.testRows} test rows, with ${result.judgedFrauds} frauds\n`,
    `${Math.round(result.rowsPerSecond)} rows/s through the line\n`,
  ].join('');
};
