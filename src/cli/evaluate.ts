import { Option, type Command } from 'commander';
import { columnPositions, openDataFile } from './data-file.js';
import { readTable, type DataTable } from './data-table.js';
import { DETECTOR_NAMES, estimatorNamed } from './chosen-detectors.js';
import { configOption, EXIT_CODES, textTable, wholeNumber, withProcessIo, writeCsv, type CommandIo } from './command-io.js';
import { loadConfig, loadSchema, type Config } from '../config.js';
import type { Estimator } from '../models/detector.js';
import { estimators } from '../models/registry.js';
import { requireWritable } from './output-file.js';
import { createTensorBackend } from '../tensor-backend.js';
import { evaluateDetectors, PROTOCOLS, type EvaluateResult, type Protocol } from '../training/evaluate-detectors.js';
import { UsageError } from '../usage-error.js';

export interface EvaluateOptions {
  readonly data: string;
  readonly label: string;
  readonly schema?: string;
  readonly protocol: Protocol;
  readonly split?: string;
  readonly test?: string;
  readonly detector?: readonly string[];
  readonly seeds: number;
  readonly config?: string;
  readonly json?: boolean;
  readonly scores?: string;
}

/** What each protocol runs without `--detector`. */
export const DEFAULT_DETECTOR: Readonly<Record<Protocol, string>> = {
  'one-class': 'density-ensemble',
  unsupervised: 'density-ensemble',
  supervised: 'log-odds-ensemble',
};

export const register = (program: Command): void => {
  program
    .command('evaluate')
    .description('fit detectors on a labelled table and judge them on rows they have not seen')
    .requiredOption('--data <file>', 'CSV file with a header, plain or gzip')
    .requiredOption('--label <column>', 'column with 1 for fraud and 0 for legitimate; never a feature')
    .option(
      '--schema <name>',
      'shipped transaction schema or the path of one: its fields are the features; default: every other column',
    )
    .addOption(new Option('--protocol <name>', 'what the detectors may learn from').choices(PROTOCOLS).default('one-class'))
    .addOption(
      new Option('--split <column>', 'column with 1 for training rows and 0 for test rows; never a feature').conflicts('test'),
    )
    .option('--test <file>', 'CSV file with the test rows; --data is then all training')
    .option('--detector <name...>', 'detectors by name, or "all" that fit the protocol; default: one per protocol')
    .option('--seeds <count>', 'fits per detector, with seeds 0, 1, …', wholeNumber(1, 100), 1)
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .option('--scores <file>', 'write the judged rows as CSV: id, score, score_<detector> (first seed)')
    .addHelpText('after', `\nDetectors: ${DETECTOR_NAMES}${EXIT_CODES}`)
    .action((options: EvaluateOptions) => withProcessIo((io) => evaluate(options, loadConfig(options.config), io)));
};

/** The `evaluate` command. @throws UsageError, InputError or ConfigError for wrong use */
export const evaluate = async (options: EvaluateOptions, config: Config, io: CommandIo): Promise<void> => {
  const detectors = chooseDetectors(options);
  const schema = options.schema === undefined ? null : loadSchema(options.schema, options.config);
  const file = await openDataFile(options.data);
  const test = options.test === undefined ? null : await openDataFile(options.test);
  if (test) columnPositions(test, [options.label], '--label');
  for (const input of [options.data, ...(options.test === undefined ? [] : [options.test])])
    if (options.scores !== undefined) await requireWritable(options.scores, input);
  const request = { label: options.label, split: options.split ?? null, schema };
  const table = await readTable(file, test, request, (share) => io.progress.report('reading', share));
  for (const note of table.notes) io.progress.note(note);
  const result = await evaluateDetectors(
    {
      protocol: options.protocol,
      features: table.features,
      labels: table.labels,
      split: table.split,
      source: { label: options.label, split: options.split ?? null },
      detectors,
      seeds: options.seeds,
      parameters: config.models,
    },
    {
      backend: await createTensorBackend(config.tensorBackend, (line) => io.progress.note(line)),
      now: () => performance.now(),
      onProgress: (step, { share, message }) => io.progress.report(step, share, message),
    },
  );
  if (options.scores !== undefined) await writeScores(options.scores, table, result, options.protocol);
  io.progress.stop();
  const { judged: _judged, scores: _scores, ...printed } = result;
  await io.write(options.json ? `${JSON.stringify(printed)}\n` : readable(printed));
};

const needsMarkov = ({ name }: Estimator): boolean => name === 'markov-filter';

/** Checked before the data is read. "all" leaves out what a plain table cannot feed. */
const chooseDetectors = ({ detector, protocol }: EvaluateOptions): readonly Estimator[] => {
  const fits = (estimator: Estimator): boolean => protocol === 'supervised' || !estimator.supervised;
  const wanted = detector ?? [DEFAULT_DETECTOR[protocol]];
  if (wanted.includes('all')) return Object.values(estimators).filter((estimator) => fits(estimator) && !estimator.requires);
  return [...new Set(wanted)].map((name) => {
    const estimator = estimatorNamed(name);
    if (!fits(estimator))
      throw new UsageError(`detector ${name} learns from labels; protocol ${protocol} has none (--protocol supervised)`);
    if (needsMarkov(estimator))
      throw new UsageError(`detector ${name} scores the Markov filter of a stream, which plain tables lack (see backtest)`);
    return estimator;
  });
};

/** `score` is the protocol's default's where it ran, else the first detector's. */
const writeScores = (path: string, table: DataTable, result: EvaluateResult, protocol: Protocol): Promise<void> => {
  const names = result.detectors.map(({ name }) => name);
  const main = names.includes(DEFAULT_DETECTOR[protocol]) ? DEFAULT_DETECTOR[protocol] : names[0]!;
  const columns = [main, ...names].map((name) => result.scores[name]!);
  const rows = Array.from(result.judged, (row, i) => [table.ids[row]!, ...columns.map((scores) => scores[i]!)]);
  return writeCsv(path, [table.idColumn, 'score', ...names.map((name) => `score_${name}`)], rows);
};

const readable = (result: Omit<EvaluateResult, 'judged' | 'scores'>): string => {
  const rows = result.detectors.map(({ name, mean }) => [
    name,
    mean.auroc.toFixed(4),
    mean.auprc.toFixed(4),
    mean.fitSeconds.toFixed(1),
    Math.round(mean.scoreRowsPerSecond).toString(),
  ]);
  const { protocol, trainRows, testRows, testFrauds } = result;
  const choices = result.detectors.flatMap(({ name, choice }) => (choice === undefined ? [] : [`${name}: ${choice}\n`]));
  return (
    textTable(['detector', 'AUROC', 'AUPRC', 'fit s', 'rows/s'], rows) +
    choices.join('') +
    `${protocol}: ${trainRows} training rows; judged on ${testRows} rows with ${testFrauds} frauds\n`
  );
};
