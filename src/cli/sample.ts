import { Option, type Command } from 'commander';
import { configOption, EXIT_CODES, wholeNumber, withProcessIo, writeCsv, type CommandIo } from './command-io.js';
import { loadConfig, type Config } from '../config.js';
import { createRandom } from '../domain/random.js';
import type { FeatureColumn } from '../domain/feature-matrix.js';
import { cellTexts, DEFAULT_GENERATIVE, GENERATIVE_NAMES, openSource, type SourceOptions } from './generative-source.js';
import type { Condition, Detector, Sampler } from '../models/detector.js';
import { requireWritable } from './output-file.js';
import { UsageError } from '../usage-error.js';

export interface SampleOptions extends SourceOptions {
  readonly n: number;
  readonly given?: readonly string[];
  readonly out: string;
  readonly json?: boolean;
}

export const register = (program: Command): void => {
  program
    .command('sample')
    .description('draw rows from a density: of a model that "fit" wrote, or fitted on a table; given the values of some columns')
    .option('--model <folder>', 'folder that "surprisal fit --out" wrote: its channel D, whose columns are features')
    .addOption(new Option('--data <file>', 'CSV file with a header to fit on, plain or gzip').conflicts('model'))
    .option('--label <column>', 'column with 1 for fraud, whose rows are left out; never drawn')
    .option('--schema <name>', 'shipped transaction schema or the path of one: its fields are the columns')
    .option('--detector <name>', `density to fit; default: ${DEFAULT_GENERATIVE}`)
    .requiredOption('--n <count>', 'how many rows', wholeNumber(1, 1_000_000))
    .option('--given <column=value...>', 'a number, a level, or nothing for a missing value')
    .option('--seed <n>', 'of fit and draw', wholeNumber(0, 2 ** 31 - 1), 0)
    .requiredOption('--out <file>', 'CSV of the drawn rows')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: SampleOptions) => withProcessIo((io) => sample(options, loadConfig(options.config), io)));
};

/** The `sample` command. @throws UsageError, InputError or ConfigError for wrong use */
export const sample = async (options: SampleOptions, config: Config, io: CommandIo): Promise<void> => {
  await requireWritable(options.out, options.data ?? '');
  const given = options.given ?? [];
  const { detector } = await openSource(options, config, io, ({ features }) => void conditionOf(given, features.columns));
  if (!canSample(detector)) throw new UsageError(`detector ${detector.estimator} draws no rows; ${GENERATIVE_NAMES} may`);
  const random = createRandom(options.seed).fork('sample');
  const { columns } = detector.sample(1, random.fork('columns'));
  const condition = conditionOf(given, columns);
  io.progress.report('drawing', 0);
  const drawn = detector.sample(options.n, random, condition);
  const lines = Array.from({ length: drawn.rowCount }, (_, r) => cellTexts(drawn, r));
  await writeCsv(
    options.out,
    columns.map(({ name }) => name),
    lines,
  );
  io.progress.stop();
  const effectiveSize = drawn.effectiveSize ?? drawn.rowCount;
  const worth = effectiveSize < drawn.rowCount ? `, worth ${Math.round(effectiveSize)} independent ones` : '';
  await io.write(
    options.json
      ? `${JSON.stringify({ rows: drawn.rowCount, effectiveSize, detector: detector.estimator, out: options.out })}\n`
      : `${drawn.rowCount} rows drawn from ${detector.estimator}${worth}, written to ${options.out}\n`,
  );
};

const canSample = (detector: Detector): detector is Detector & Sampler => 'sample' in detector;

/** @throws UsageError naming the column or the value that cannot be given */
export const conditionOf = (given: readonly string[], columns: readonly FeatureColumn[]): Condition => {
  const seen = new Set<string>();
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new UsageError(`--given ${text}: expected column=value`);
      const [name, value] = [text.slice(0, at), text.slice(at + 1).trim()];
      if (seen.has(name)) throw new UsageError(`--given ${text}: column "${name}" is given twice`);
      seen.add(name);
      const column = columns.find((each) => each.name === name);
      if (!column)
        throw new UsageError(`--given ${text}: no column "${name}"; there are ${columns.map((each) => each.name).join(', ')}`);
      if (value === '') return [name, NaN];
      const number = column.kind === 'categorical' ? column.levels.indexOf(value) : Number(value);
      if (column.kind === 'categorical' && number < 0)
        throw new UsageError(`--given ${text}: "${value}" is no level of ${name}; there are ${column.levels.join(', ')}`);
      if (!Number.isFinite(Math.fround(number))) throw new UsageError(`--given ${text}: "${value}" is no number`);
      return [name, number];
    }),
  );
};
