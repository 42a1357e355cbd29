import { Option, type Command } from 'commander';
import { DETECTOR_NAMES, estimatorNamed } from './chosen-detectors.js';
import { configOption, dateOption, EXIT_CODES, textTable, wholeNumber, withProcessIo, type CommandIo } from './command-io.js';
import { loadConfig, loadSchema, type Config } from '../config.js';
import { createRandom } from '../domain/random.js';
import { isStream, readLabelledData, type LabelledData } from './labelled-data.js';
import type { Estimator } from '../models/detector.js';
import { createTensorBackend } from '../tensor-backend.js';
import { diagnoseLikelihood, type Diagnosis } from '../training/diagnose-likelihood.js';
import { findingsOf, type Finding } from '../training/diagnosis-findings.js';
import { splitRows, type Parts } from '../training/evaluate-detectors.js';
import { UsageError } from '../usage-error.js';

export interface DiagnoseOptions {
  readonly data: string;
  readonly label?: string;
  readonly schema?: string;
  readonly split?: string;
  readonly test?: string;
  readonly start?: number;
  readonly trainDays: number;
  readonly delayDays: number;
  readonly testDays: number;
  readonly detector?: string;
  readonly seed: number;
  readonly config?: string;
  readonly json?: boolean;
}

/** The quickest exact density, and the one with terms. */
const DEFAULT_DETECTOR = 'gaussian-mixture';
/** Without a split and labels to go by. */
const CHECKED_SHARE = 0.4;

export const register = (program: Command): void => {
  program
    .command('diagnose')
    .description('measure on a table or a stream whether plain likelihood misleads, and what to use instead')
    .requiredOption('--data <file>', 'CSV file with a header, plain or gzip')
    .option('--label <column>', "column with 1 for fraud and 0 for legitimate; default: the schema's, else none is needed")
    .option('--schema <name>', 'shipped transaction schema or the path of one; with time and entities the data are a stream')
    .addOption(
      new Option('--split <column>', 'of a table: column with 1 for training rows and 0 for checked rows').conflicts('test'),
    )
    .option('--test <file>', 'of a table: CSV file with the checked rows; --data is then all training')
    .option(
      '--start <date>',
      'of a stream: first day of training, YYYY-MM-DD; default: the first 60 % of the time train',
      dateOption,
    )
    .option('--train-days <n>', 'days of training after --start', wholeNumber(1, 365), 7)
    .option('--delay-days <n>', 'days until labels are known, with --start', wholeNumber(0, 365), 7)
    .option('--test-days <n>', 'checked days after the delay, with --start', wholeNumber(1, 365), 7)
    .option('--detector <name>', `density with an exact likelihood or a bound; default: ${DEFAULT_DETECTOR}`)
    .option('--seed <n>', 'seed of the fits', wholeNumber(0, 2 ** 32 - 1), 0)
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nDetectors: ${DETECTOR_NAMES}${EXIT_CODES}`)
    .action((options: DiagnoseOptions) => withProcessIo((io) => diagnose(options, loadConfig(options.config), io)));
};

/** The `diagnose` command. @throws UsageError, InputError or ConfigError for wrong use */
export const diagnose = async (options: DiagnoseOptions, config: Config, io: CommandIo): Promise<void> => {
  const estimator = densityNamed(options.detector ?? DEFAULT_DETECTOR);
  const schema = options.schema === undefined ? null : loadSchema(options.schema, options.config);
  // A schema's label column may be missing from a table that is only looked at; who names one wants it used.
  const label = options.label ?? (isStream(schema) ? schema.label?.column : undefined) ?? null;
  const data = await readLabelledData(
    { ...options, label, schema, protocol: 'one-class', ...(options.start !== undefined && { startMs: options.start }) },
    (step, share) => io.progress.report(step, share),
  );
  for (const note of data.notes) io.progress.note(note);
  const features = data.featuresOf ? data.featuresOf(data.features, estimator) : data.features;
  const { train, test } = partsOf(data, label !== null, options.seed);
  const diagnosis = await diagnoseLikelihood(
    {
      features,
      labels: label === null ? null : data.labels,
      train,
      checked: test,
      estimator,
      seed: options.seed,
      parameters: config.models,
    },
    {
      backend: await createTensorBackend(config.tensorBackend, (line) => io.progress.note(line)),
      now: () => performance.now(),
      onProgress: (step, { share, message }) => io.progress.report(step, share, message),
    },
  );
  const findings = findingsOf(diagnosis);
  const misleads = findings.some(({ kind }) => kind === 'trap');
  io.progress.stop();
  await io.write(options.json ? `${JSON.stringify({ misleads, findings, ...diagnosis })}\n` : readable(diagnosis, findings));
};

const densityNamed = (name: string): Estimator => {
  const estimator = estimatorNamed(name);
  if (estimator.supervised || (estimator.likelihood !== 'exact' && estimator.likelihood !== 'lower-bound'))
    throw new UsageError(`detector ${name} has no likelihood to diagnose; choose a density with an exact one or a bound`);
  return estimator;
};

const partsOf = ({ parts, split, labels, features }: LabelledData, isLabelled: boolean, seed: number): Parts => {
  if (parts) return parts;
  if (split || isLabelled) return splitRows({ protocol: 'one-class', labels, split });
  const random = createRandom(seed).fork('checked');
  const isChecked = Array.from({ length: features.rowCount }, () => random.uniform() < CHECKED_SHARE);
  const rows = Uint32Array.from(isChecked.keys());
  return { train: rows.filter((row) => !isChecked[row]), test: rows.filter((row) => isChecked[row]) };
};

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const readable = (diagnosis: Diagnosis, findings: readonly Finding[]): string => {
  const { estimator, fitRows, heldBackRows, checkedRows, checkedFrauds, redundancy, memory, typicality, background } = diagnosis;
  const { columns, variants } = diagnosis;
  const traps = findings.filter(({ kind }) => kind === 'trap').length;
  const verdict =
    traps > 0
      ? `plain likelihood would mislead on these data: ${traps} ${traps === 1 ? 'reason' : 'reasons'}`
      : 'nothing says that plain likelihood would mislead on these data';
  const figures = [
    ['median surprisal of fitted, held-back rows', `${memory.fitted.toFixed(2)}, ${memory.heldBack.toFixed(2)} nats`],
    ['checked rows more likely than 99 % of the held-back', percent(typicality.tooLikely)],
    ['checked rows more surprising than 99 % of them', percent(typicality.tooSurprising)],
    ['of the ranking explained by columns one by one', percent(background.explained)],
    ['held-back rows ordinary only by their like', percent(diagnosis.contamination.masked)],
    ['effective of numeric columns', `${redundancy.effectiveDimensions.toFixed(1)} of ${redundancy.dimensions}`],
    ...(columns ?? []).slice(0, 3).map(({ column, share }) => [`of the surprisal's variance by ${column}`, percent(share)]),
  ];
  return [
    `${verdict}\n`,
    ...findings.map(({ kind, sentence, advice }) => `${kind === 'trap' ? '!' : '-'} ${sentence}\n  ${advice}\n`),
    '\n',
    textTable(['measured', ''], figures),
    variants
      ? `\n${textTable(
          ['score', 'AUROC', 'AUPRC'],
          Object.entries(variants).map(([name, { auroc, auprc }]) => [name, auroc.toFixed(4), auprc.toFixed(4)]),
        )}`
      : '',
    `${estimator}: fitted on ${fitRows} rows, ${heldBackRows} held back, ${checkedRows} checked`,
    checkedFrauds === null ? '\n' : ` with ${checkedFrauds} frauds\n`,
  ].join('');
};
