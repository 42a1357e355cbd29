import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { openDataFile } from './data-file.js';
import { readHistory } from './data-history.js';
import { loadConfig, loadSchema, type Config } from './config.js';
import { CHANNELS, PolicySchema, type Channel, type Policy } from './domain/decision.js';
import { createRandom } from './domain/random.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { estimators } from './models/registry.js';
import { createProgress } from './progress.js';
import { createTensorBackend } from './tensor-backend.js';
import { backtest, type BacktestResult } from './training/backtest.js';
import { defaultEstimators } from './training/retrain.js';
import { UsageError } from './usage-error.js';

const DAY_MS = 86_400_000;

interface Options {
  schema: string;
  data: string;
  start: string;
  trainDays: number;
  delayDays: number;
  testDays: number;
  features?: 'columns' | 'rfm' | 'full';
  detector?: string[];
  holdOut?: string;
  budget?: number;
  seed: number;
  scores?: string;
  config?: string;
  json?: boolean;
}

const days = (text: string): number =>
  number(text, 'a whole number of days from 0 to 365', (n) => Number.isInteger(n) && n >= 0 && n <= 365);

const number = (text: string, expected: string, fits: (n: number) => boolean): number => {
  const value = Number(text);
  if (text.trim() === '' || !fits(value)) throw new UsageError(`"${text}" is not ${expected}`);
  return value;
};

export const register = (program: Command): void => {
  program
    .command('backtest')
    .description('replays a stream through the online line: labels come after their delay, calibrations roll daily')
    .requiredOption('--schema <name or file>', 'transaction schema')
    .requiredOption('--data <csv>', 'the stream, plain or gzip; history before the start feeds the features')
    .requiredOption('--start <date>', 'first day of training, YYYY-MM-DD (UTC)')
    .option('--train-days <n>', 'days of training', days, 7)
    .option('--delay-days <n>', 'days until labels are known', days, 7)
    .option('--test-days <n>', 'days of test', days, 7)
    .option('--features <set>', 'rfm, full or columns; default the schema’s')
    .option('--detector <names...>', 'detectors instead of the default, at most one a channel')
    .option('--hold-out <column=value>', 'fraud type that leaves training and counts in the test')
    .option('--budget <share>', 'share of traffic to alert on, instead of the policy’s', (text) =>
      number(text, 'a share above 0 and at most 0.5', (n) => n > 0 && n <= 0.5),
    )
    .option('--seed <n>', 'seed of training', (text) => number(text, 'a whole number', Number.isInteger), 0)
    .option('--scores <csv>', 'writes id, score and score_<channel> of exactly the judged rows')
    .option('--config <dir>', 'folder of policy.yaml, models.yaml and service.yaml')
    .option('--json', 'one JSON object on stdout')
    .action(run);
};

const run = async (options: Options): Promise<void> => {
  const config = loadConfig(options.config);
  const schema = schemaOf(options);
  const startMs = Date.parse(`${options.start}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(options.start) || Number.isNaN(startMs))
    throw new UsageError(`--start ${options.start} is not a date YYYY-MM-DD`);
  const chosen = options.detector ? channelsOf(options.detector, schema) : null;
  const progress = createProgress(process.stderr);
  const endMs = startMs + (options.trainDays + options.delayDays + options.testDays) * DAY_MS;
  const file = await openDataFile(options.data);
  const history = await readHistory(file, schema, true, (share) => progress.report('reading', share));
  if (history.firstRefusal !== null)
    throw new UsageError(`${options.data}: ${history.refused} rows do not fit; ${history.firstRefusal}`);
  const transactions = history.transactions.filter((t) => t.occurredAtMs < endMs);
  const result = await backtest(
    {
      schema,
      transactions,
      labels: history.labels,
      startMs,
      trainDays: options.trainDays,
      delayDays: options.delayDays,
      testDays: options.testDays,
      policy: policyOf(config, options, chosen),
      parameters: config.models,
      estimators: chosen ?? defaultEstimators(schema),
      ...(options.holdOut !== undefined && { holdOutType: heldOutType(options.holdOut, schema) }),
    },
    {
      random: createRandom(options.seed),
      backend: createTensorBackend(config.tensorBackend),
      now: () => performance.now(),
      onProgress: (step, { share, message }) => progress.report(step, share, message),
    },
  );
  progress.stop();
  if (options.scores !== undefined) await writeScores(options.scores, schema.id, result);
  const { judged: _rows, ...printed } = result;
  process.stdout.write(options.json ? `${JSON.stringify(printed)}\n` : table(printed));
};

const schemaOf = (options: Options): TransactionSchema => {
  const schema = loadSchema(options.schema);
  if (!schema.time || schema.entities.length === 0)
    throw new UsageError(`schema "${schema.name}" has no time or no entities; backtest needs both`);
  if (!schema.label) throw new UsageError(`schema "${schema.name}" has no label; backtest needs the truth`);
  const set = options.features ?? schema.features.set;
  if (!['columns', 'rfm', 'full'].includes(set)) throw new UsageError(`--features ${set} is not one of columns, rfm, full`);
  return { ...schema, label: { ...schema.label, delayDays: options.delayDays }, features: { ...schema.features, set } };
};

const channelOf = (name: string): Channel => {
  const estimator = estimators[name];
  if (!estimator)
    throw new UsageError(`--detector ${name}: there is no such detector; there are ${Object.keys(estimators).join(', ')}`);
  if (name === 'tail') return 'T';
  if (name === 'markov-filter') return 'H';
  return estimator.supervised ? 'S' : 'D';
};

const channelsOf = (names: readonly string[], schema: TransactionSchema): Partial<Record<Channel, string>> => {
  const chosen: Partial<Record<Channel, string>> = {};
  for (const name of names) {
    const channel = channelOf(name);
    if (chosen[channel] !== undefined)
      throw new UsageError(`--detector ${name} and ${chosen[channel]} are both for channel ${channel}; name one a run`);
    if (channel === 'H' && (schema.features.set !== 'full' || schema.features.markovEntity === undefined))
      throw new UsageError(`--detector ${name} needs --features full and a schema with a Markov entity`);
    chosen[channel] = name;
  }
  return chosen;
};

/** Named detectors share the whole budget among their channels in the policy's proportions, or evenly. */
const policyOf = (config: Config, options: Options, chosen: Partial<Record<Channel, string>> | null): Policy => {
  const { policy } = config;
  const share = options.budget ?? policy.budget.share;
  const used = CHANNELS.filter((channel) => !chosen || chosen[channel] !== undefined);
  const total = used.reduce((sum, channel) => sum + policy.ranking.weights[channel], 0);
  const weightOf = (channel: Channel): number =>
    !used.includes(channel) ? 0 : total > 0 ? policy.ranking.weights[channel] / total : 1 / used.length;
  return PolicySchema.parse({
    ...policy,
    budget: { ...policy.budget, share },
    ranking: { ...policy.ranking, weights: { S: weightOf('S'), T: weightOf('T'), H: weightOf('H'), D: weightOf('D') } },
  });
};

const heldOutType = (text: string, schema: TransactionSchema): string => {
  const [column, value] = text.split('=');
  if (value === undefined || column !== schema.label?.typeColumn)
    throw new UsageError(`--hold-out ${text}: expected ${schema.label?.typeColumn ?? 'a label type column'}=VALUE`);
  return value;
};

const writeScores = async (path: string, idColumn: string, result: BacktestResult): Promise<void> => {
  const channels = CHANNELS.filter((channel) => result.channels[channel]);
  const quoted = (id: string): string => (/[",\n]/.test(id) ? `"${id.replaceAll('"', '""')}"` : id);
  const lines = result.judged.map((row) =>
    [quoted(row.id), row.score, ...channels.map((channel) => row.channels[channel])].join(','),
  );
  const header = [idColumn, 'score', ...channels.map((channel) => `score_${channel}`)].join(',');
  await writeFile(path, `${[header, ...lines].join('\n')}\n`);
};

const table = (result: Omit<BacktestResult, 'judged'>): string => {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const rows: [string, string][] = [
    ['AUROC', result.auroc.toFixed(4)],
    ['average precision', result.auprc.toFixed(4)],
    ['card precision@100', result.cardPrecisionAt100.toFixed(4)],
    ['training', `${result.trainRows} rows, ${result.trainFrauds} frauds`],
    ['test', `${result.testRows} rows, judged ${result.judgedRows} with ${result.judgedFrauds} frauds`],
    ['alert rate', `${percent(result.alertRate)} of a budget of ${percent(result.budget)}`],
    ...Object.entries(result.recallByType).map(([type, recall]): [string, string] => [`recall of type ${type}`, percent(recall)]),
    ...Object.entries(result.channels).map(([channel, q]): [string, string] => [
      `channel ${channel}`,
      `AUROC ${q.auroc.toFixed(4)}, average precision ${q.auprc.toFixed(4)}`,
    ]),
    ['speed', `${Math.round(result.rowsPerSecond)} rows/s through the line`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')}\n`;
};
