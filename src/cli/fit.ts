import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import { channelsOf, DETECTOR_NAMES } from './chosen-detectors.js';
import { configOption, EXIT_CODES, textTable, withProcessIo, type CommandIo } from './command-io.js';
import { loadConfig, loadSchema, type Config } from '../config.js';
import { openDataFile } from './data-file.js';
import { readHistory } from './data-history.js';
import type { Channel } from '../domain/decision.js';
import type { Label } from '../domain/label.js';
import { createRandom } from '../domain/random.js';
import { DAY_MS } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { prepareModelFolder, readModelArtifact, writeModelFolder, type LineMemory } from './model-folder.js';
import { createTensorBackend } from '../tensor-backend.js';
import type { TrainingContext } from '../training/fit-channels.js';
import { defaultEstimators, retrain, type Candidate, type RetrainReport } from '../training/retrain.js';
import { UsageError } from '../usage-error.js';
import { versionName } from '../version-name.js';
import { secondThread } from '../threads/training-thread.js';

export interface FitOptions {
  readonly schema: string;
  readonly data: string;
  readonly detector?: readonly string[];
  readonly out: string;
  readonly warmStart?: string;
  readonly config?: string;
  readonly json?: boolean;
}

type Threads = Pick<TrainingContext, 'fitElsewhere'>;

const SEED = 0;
/** Models learn from at most this many days before the calibration slice. */
const TRAIN_DAYS_MAX = 30;
/** The newest part of the data calibrates: a week, or this share of a shorter history. */
const CALIBRATION_DAYS = 7;
const CALIBRATION_SHARE = 0.25;

export const register = (program: Command): void => {
  program
    .command('fit')
    .description('fit the channels of a schema on a data file; the newest part calibrates them')
    .requiredOption('--schema <name>', 'shipped transaction schema or the path of one')
    .requiredOption('--data <file>', 'CSV file with a header, plain or gzip')
    .option('--detector <name...>', "detectors to fit, at most one per channel; default: the schema's")
    .requiredOption('--out <folder>', 'folder for model, calibration, policy and report; made when missing')
    .option('--warm-start <folder>', 'an earlier result of fit, whose networks are gone on from where their shapes still fit')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nDetectors: ${DETECTOR_NAMES}${EXIT_CODES}`)
    .action((options: FitOptions) =>
      withProcessIo((io) => {
        const config = loadConfig(options.config);
        return fit(options, config, io, secondThread(SEED, config.tensorBackend));
      }),
    );
};

/** The `fit` command. @throws UsageError, InputError or ConfigError for wrong use */
export const fit = async (options: FitOptions, config: Config, io: CommandIo, threads: Threads = {}): Promise<void> => {
  const schema = loadSchema(options.schema, options.config);
  const chosen = options.detector ? channelsOf(options.detector, schema) : defaultEstimators(schema);
  const file = await openDataFile(options.data);
  const warmStart = options.warmStart === undefined ? null : await readModelArtifact(options.warmStart);
  await prepareModelFolder(options.out);
  const needsLabel = options.detector !== undefined && chosen.S !== undefined;
  const history = await readHistory(file, schema, needsLabel, (share) => io.progress.report('reading', share));
  if (history.refused > 0) io.progress.note(`${history.refused} rows refused; the first: ${history.firstRefusal!}`);
  if (history.labels.length === 0) io.progress.note('no fraud labels: nothing supervised is fitted');
  const range = rangeOf(
    history.transactions.map((t) => t.occurredAtMs),
    schema,
  );
  const trainedFrom = {
    schema,
    range,
    rows: history.transactions.length,
    policy: config.policy,
    parameters: config.models,
    chosen,
    ...(warmStart && { warmStart: createHash('sha256').update(warmStart).digest('hex') }),
  };
  const version = versionName(schema.name, range.lastMs, trainedFrom);
  const candidate = await retrain(
    {
      schema,
      transactions: history.transactions,
      labels: history.labels,
      trainFromMs: range.trainFromMs,
      trainToMs: range.trainToMs,
      asOfMs: range.asOfMs,
      policy: config.policy,
      parameters: config.models,
      estimators: chosen,
      version,
      ...(warmStart && { warmStart }),
    },
    {
      random: createRandom(SEED),
      backend: await createTensorBackend(config.tensorBackend, (line) => io.progress.note(line)),
      ...threads,
      onProgress: (step, { share, message }) => io.progress.report(step, share, message),
    },
  );
  const { artifact, calibration, report } = candidate;
  if (Object.keys(report.estimators).length === 0)
    throw new UsageError('no detector could be fitted: the data has no labels, or the schema no features for it');
  const memory = memoryOf(candidate, history.labels, range.lastMs);
  await writeModelFolder(options.out, { artifact, calibration, policy: config.policy, memory, report });
  io.progress.stop();
  await io.write(
    options.json ? `${JSON.stringify({ version, out: options.out, ...report })}\n` : readable(version, options.out, report),
  );
};

/** A file's truth is all known once its last label is due; each row still sees only what was known at its own time. */
const rangeOf = (timesMs: readonly number[], schema: TransactionSchema) => {
  const firstMs = timesMs[0]!;
  const lastMs = timesMs.at(-1)!;
  const calibrationMs = Math.min(CALIBRATION_DAYS * DAY_MS, CALIBRATION_SHARE * (lastMs - firstMs));
  const trainToMs = lastMs - calibrationMs;
  const asOfMs = lastMs + 1 + (schema.label?.delayDays ?? 0) * DAY_MS;
  return { lastMs, trainFromMs: Math.max(firstMs, trainToMs - TRAIN_DAYS_MAX * DAY_MS), trainToMs, asOfMs };
};

const memoryOf = ({ dataset }: Candidate, labels: readonly Label[], lastMs: number): LineMemory => {
  const pendingLabels = labels.filter((label) => label.knownAtMs > lastMs);
  const fraudCells = pendingLabels.flatMap(({ transactionId }) => {
    const cell = dataset.fraudCells.get(transactionId);
    return cell ? [[transactionId, cell] as const] : [];
  });
  return { lastMs, states: dataset.activity.states(), evidence: dataset.activity.evidenceDeltas(), pendingLabels, fraudCells };
};

const readable = (version: string, folder: string, report: RetrainReport): string => {
  const rows = Object.entries(report.estimators).map(([channel, name]) => {
    const figures = report.evaluation[channel as Channel];
    return [channel, name, figures?.auroc.toFixed(4) ?? '-', figures?.auprc.toFixed(4) ?? '-'];
  });
  return (
    textTable(['channel', 'detector', 'AUROC', 'AUPRC'], rows) +
    `${report.trainRows} labelled training rows with ${report.trainFrauds} frauds; calibrated and judged on ${report.calibrationRows} later rows\n` +
    `${version} written to ${folder}\n`
  );
};
