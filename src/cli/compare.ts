import { basename, join } from 'node:path';
import { Option, type Command } from 'commander';
import { DETECTOR_NAMES, estimatorNamed } from './chosen-detectors.js';
import {
  cancellable,
  configOption,
  dateOption,
  EXIT_CODES,
  positiveNumber,
  wholeNumber,
  withProcessIo,
  writeCsv,
  type CommandIo,
} from './command-io.js';
import { COMPARE_COLUMNS, compareRows, compareTable } from './compare-table.js';
import { compareReport, type ReportSource } from './compare-report.js';
import { loadConfig, loadSchema, type Config } from '../config.js';
import { isStream, readLabelledData } from './labelled-data.js';
import { estimators } from '../models/registry.js';
import { requireWritable } from './output-file.js';
import { makeFolder } from '../store/make-folder.js';
import { contents, writeWholeFiles } from '../store/whole-files.js';
import { createTensorBackend } from '../tensor-backend.js';
import { compareDetectors, type CompareResult } from '../training/compare-detectors.js';
import { PROTOCOLS, type Protocol } from '../training/evaluate-detectors.js';
import { UsageError } from '../usage-error.js';

export interface CompareOptions {
  readonly data: string;
  readonly label?: string;
  readonly schema?: string;
  readonly protocol?: Protocol;
  readonly split?: string;
  readonly test?: string;
  readonly start?: number;
  readonly trainDays: number;
  readonly delayDays: number;
  readonly testDays: number;
  readonly detector?: readonly string[];
  readonly seeds: number;
  readonly budget?: number;
  readonly out?: string;
  readonly config?: string;
  readonly json?: boolean;
}

const REPORT = 'compare.html';
const FIGURES = 'compare.csv';

export const register = (program: Command): void => {
  program
    .command('compare')
    .description('judge every detector on the same rows of a table or a stream: quality, calibration, time and size')
    .requiredOption('--data <file>', 'CSV file with a header, plain or gzip')
    .option('--label <column>', "column with 1 for fraud and 0 for legitimate; default: the schema's")
    .option('--schema <name>', 'shipped transaction schema or the path of one; with time and entities the data are a stream')
    .addOption(
      new Option('--protocol <name>', 'what the detectors may learn from; default: one-class, of a stream supervised').choices(
        PROTOCOLS,
      ),
    )
    .addOption(
      new Option('--split <column>', 'of a table: column with 1 for training rows and 0 for test rows').conflicts('test'),
    )
    .option('--test <file>', 'of a table: CSV file with the test rows; --data is then all training')
    .option(
      '--start <date>',
      'of a stream: first day of training, YYYY-MM-DD; default: the first 60 % of the time train',
      dateOption,
    )
    .option('--train-days <n>', 'days of training after --start', wholeNumber(1, 365), 7)
    .option('--delay-days <n>', 'days until labels are known, with --start', wholeNumber(0, 365), 7)
    .option('--test-days <n>', 'days of test after the delay, with --start', wholeNumber(1, 365), 7)
    .option('--detector <name...>', 'detectors by name; default: all')
    .option('--seeds <count>', 'fits per detector, with seeds 0, 1, …', wholeNumber(1, 100), 1)
    .option('--budget <share>', "share of rows to alert on, instead of the policy's", positiveNumber(0.5))
    .option('--out <folder>', `folder for ${REPORT} and ${FIGURES}; made when missing`)
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `\nDetectors: ${DETECTOR_NAMES}\nCtrl-C judges what is finished: it is printed and written as such, exit code 1${EXIT_CODES}`,
    )
    .action((options: CompareOptions) => withProcessIo((io) => compare(options, loadConfig(options.config), io)));
};

/** The `compare` command. @throws UsageError, InputError or ConfigError for wrong use; Error when cancelled */
export const compare = async (options: CompareOptions, config: Config, io: CommandIo): Promise<void> => {
  const names = options.detector ?? ['all'];
  const detectors = names.includes('all') ? Object.values(estimators) : [...new Set(names)].map(estimatorNamed);
  const schema = options.schema === undefined ? null : loadSchema(options.schema, options.config);
  const label = options.label ?? schema?.label?.column;
  if (label === undefined) throw new UsageError('--label is needed: no schema names the label column');
  if (options.out !== undefined)
    await prepareFolder(options.out, [options.data, ...(options.test === undefined ? [] : [options.test])]);
  const protocol = options.protocol ?? (isStream(schema) ? 'supervised' : 'one-class');
  const data = await readLabelledData(
    { ...options, label, schema, protocol, ...(options.start !== undefined && { startMs: options.start }) },
    (step, share) => io.progress.report(step, share),
  );
  for (const note of data.notes) io.progress.note(note);
  const input = {
    ...data,
    protocol,
    source: { label, split: options.split ?? null },
    detectors,
    seeds: options.seeds,
    parameters: config.models,
    budget: options.budget ?? config.policy.budget.share,
    // Without a split the order of the rows is that of time.
    isOrdered: isStream(schema) || (protocol === 'supervised' && data.split === null),
  };
  const backend = await createTensorBackend(config.tensorBackend, (line) => io.progress.note(line));
  // Reading needs no cancelling of its own: nothing is lost when Ctrl-C ends the process.
  const result = await cancellable((signal) =>
    compareDetectors(input, {
      backend,
      now: () => performance.now(),
      onProgress: (step, { share, message }) => io.progress.report(step, share, message),
      signal,
    }),
  );
  if (result.detectors.length === 0) throw new Error('cancelled before a detector was judged; nothing is written');
  const source = { data: basename(options.data), schema: schema?.name ?? null, notes: data.notes };
  if (options.out !== undefined) await writeFolder(options.out, result, source);
  io.progress.stop();
  await io.write(options.json ? `${JSON.stringify(printed(result))}\n` : readable(result, options.out));
  if (result.isCancelled) throw new Error(`cancelled: ${result.detectors.length} of ${detectors.length} detectors are judged`);
};

const printed = ({ labels: _labels, detectors, ...figures }: CompareResult) => ({
  ...figures,
  detectors: detectors.map(({ scores: _scores, pValues: _pValues, ...each }) => each),
});

const readable = (result: CompareResult, out: string | undefined): string =>
  `${compareTable(result)}${out === undefined ? '' : `${REPORT} and ${FIGURES} written to ${out}\n`}`;

/** Before the long work. @throws UsageError when the folder cannot be written, or the result would destroy what is read */
const prepareFolder = async (folder: string, inputs: readonly string[]): Promise<void> => {
  await written(folder, () => makeFolder(folder));
  for (const name of [REPORT, FIGURES]) for (const input of inputs) await requireWritable(join(folder, name), input);
};

const writeFolder = (folder: string, result: CompareResult, source: ReportSource): Promise<void> =>
  written(folder, () =>
    writeWholeFiles(folder, {
      [REPORT]: contents(compareReport(result, source)),
      [FIGURES]: (path) => writeCsv(path, COMPARE_COLUMNS, compareRows(result)),
    }),
  );

const written = async (folder: string, write: () => unknown): Promise<void> => {
  try {
    await write();
  } catch (error) {
    throw new UsageError(`the comparison cannot be written to ${folder}: ${(error as Error).message}`);
  }
};
