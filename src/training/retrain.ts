import type { Calibration } from '../domain/calibration.js';
import type { Channel, Policy } from '../domain/decision.js';
import { featureMatrix, selectRows, type FeatureMatrix } from '../domain/feature-matrix.js';
import { InputError } from '../domain/input-error.js';
import type { Label } from '../domain/label.js';
import { DAY_MS } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Transaction } from '../domain/transaction.js';
import { createFeatureSet, type FeatureSet } from '../features/catalog.js';
import { fitUsualScales } from '../features/usual.js';
import { fitPriors } from '../features/priors.js';
import { shuffledIndices } from '../models/fit-rows.js';
import { nextCalibration } from '../scoring/calibration.js';
import type { WindowScores } from '../scoring/ports.js';
import { fitKnownFraud, type KnownFraud } from '../scoring/known-fraud.js';
import { scoreChannels } from '../scoring/score-batch.js';
import { readFeatureSet, saveScoringModel, type ChannelDetectors, type ScoringModel } from '../scoring/scoring-model.js';
import { buildDataset, knownFrauds, maturedLabels, type Dataset } from './dataset.js';
import type { AugmentSettings } from './augment-settings.js';
import type { DriftReference } from './drift/drift-reference.js';
import type { DriftSettings } from './drift/drift-settings.js';
import { trainedReference } from './drift/trained-reference.js';
import { augmentationSummary, augmentSupervised, type AugmentationSummary } from './augment-supervised.js';
import { evaluateScores, type Evaluation } from './evaluate.js';
import { type ChosenEstimators, fitChannels, type TrainingContext } from './fit-channels.js';
import { crossFitProbabilities, fitFraudScale } from './fraud-scale.js';

export type { TrainingContext as RetrainContext } from './fit-channels.js';

export interface RetrainInput extends ChosenEstimators {
  readonly schema: TransactionSchema;
  /** In event order, with the history that features look back on. */
  readonly transactions: readonly Transaction[];
  readonly labels: readonly Label[];
  /** Models are fitted on [trainFromMs, trainToMs), calibrated and evaluated on [trainToMs, asOfMs). */
  readonly trainFromMs: number;
  readonly trainToMs: number;
  /** What is known is what was known then. */
  readonly asOfMs: number;
  readonly policy: Policy;
  /** Transactions that training must not see (a fraud type held out). */
  readonly heldOutIds?: ReadonlySet<string>;
  /** Name of the version to be; part of every row it scores. */
  readonly version: string;
  /** Artifact of a served model whose feature set is kept, priors included: what the line remembers goes on being right. */
  readonly featuresOf?: Uint8Array;
  /** Absent: channel S learns from real rows alone. */
  readonly augment?: AugmentSettings;
  /** Absent: no reference of drift is kept. */
  readonly drift?: DriftSettings;
}

export interface RetrainReport {
  /** Later rows were not fitted on: a gate may judge on them. UTC epoch milliseconds. */
  readonly trainToMs: number;
  readonly trainRows: number;
  readonly trainFrauds: number;
  /** Rows in the training range whose label delay had not passed, known frauds among them: left out of S. */
  readonly immatureRows: number;
  readonly calibrationRows: number;
  /** By channel, on the rows of the calibration range whose label delay has passed; null without frauds there. */
  readonly evaluation: Readonly<Record<Channel, Evaluation | null>>;
  readonly estimators: Readonly<Partial<Record<Channel, string>>>;
  /** What extra frauds did on held-out real rows; null where none were asked for. */
  readonly augmentation: AugmentationSummary | null;
  /** What the rows looked like; null where they are of fewer than two weeks, absent where it was not asked for. */
  readonly drift?: DriftReference | null;
}

export interface Candidate {
  readonly model: ScoringModel;
  readonly artifact: Uint8Array;
  readonly calibration: Calibration;
  readonly report: RetrainReport;
  readonly dataset: Dataset;
  /** Scores of the calibration range: the first window. */
  readonly window: WindowScores;
  /** Of the calibration range, by scales that have not seen a row's entity: what a gate may judge. Null without channel S. */
  readonly fraudProbabilities: Float64Array | null;
}

/** The channels that a schema can feed: T and H need entities, H a Markov entity, S labels. */
export const defaultEstimators = (schema: TransactionSchema): Partial<Record<Channel, string>> => ({
  ...(schema.label && { S: 'log-odds-ensemble' }),
  T: 'tail',
  ...(schema.features.markovEntity !== undefined && schema.features.set === 'full' && { H: 'markov-filter' }),
  D: schema.features.density,
});

/**
 * The offline line, top to bottom: history to features, a detector per channel, a calibration from rows that no
 * detector was fitted on, and figures on the same later slice.
 *
 * @throws InputError when a range holds too few rows; rejects with the signal's reason when aborted
 */
export const retrain = async (input: RetrainInput, context: TrainingContext): Promise<Candidate> => {
  const featureSet = input.featuresOf
    ? readFeatureSet(input.featuresOf)
    : createFeatureSet(input.schema, fitPriors(input.schema, input.transactions, input.labels, input.asOfMs));
  const dataset = await buildDataset(
    featureSet,
    input.transactions,
    input.labels,
    { keepFromMs: input.trainFromMs, keepToMs: input.asOfMs },
    (share) => context.onProgress?.('features', { share, message: 'features of the history' }),
  );
  const slices = sliceDataset(dataset, input);
  const augmented = await augmentSupervised(featureSet, slices, input, context);
  const detectors = await fitChannels(featureSet, { ...slices, ...augmented?.data }, input, context);
  // The score of S is log-odds already, less what extra frauds added.
  const asItIs = { slope: 1, offset: -(augmented?.data?.logOddsShift ?? 0) };
  const scored = detectors.S && { scores: detectors.S.score(slices.later), labels: slices.laterLabels };
  const platt = scored ? fitFraudScale(scored, asItIs) : null;
  const usualScales = fitUsualScales(featureSet, dataset.transactions, dataset.profiles, slices.normalRows);
  const knownFraud = await fitFrauds(featureSet, slices, context);
  const background = backgroundOf(slices.normal, context);
  const model: ScoringModel = { version: input.version, featureSet, detectors, platt, usualScales, knownFraud, background };
  const window = { weight: 1, occurredAtMs: slices.laterTimes, channels: scoreChannels(model, slices.later) };
  const calibration = nextCalibration({
    previous: null,
    window,
    counts: null,
    policy: input.policy,
    model: input.version,
    // The day after the last row: a file's truth may be known only later (asOfMs), its stream goes on the next day.
    day: Math.floor(slices.laterTimes.at(-1)! / DAY_MS) + 1,
  });
  const augmentation = augmented ? await augmentationSummary(augmented, featureSet, slices, input, context, detectors.S) : null;
  const report = {
    trainToMs: input.trainToMs,
    ...reportOf(slices, window.channels, detectors),
    augmentation,
    ...(input.drift && { drift: trainedReference(dataset, input, input.drift) }),
  };
  const laterTransactions = dataset.transactions.slice(-slices.later.rowCount);
  const fraudProbabilities = scored ? crossFitProbabilities(scored, laterTransactions, asItIs) : null;
  return { model, artifact: saveScoringModel(model), calibration, report, dataset, window, fraudProbabilities };
};

/** Ordinary rows that explanations hold an alert against. */
const BACKGROUND_ROWS = 64;

interface Slices {
  /** Rows whose label delay has passed, frauds and others alike: what S learns from. */
  readonly supervised: FeatureMatrix;
  readonly supervisedLabels: Uint8Array;
  readonly supervisedEntities: Int32Array;
  readonly supervisedTimes: Float64Array;
  /** Rows not known to be fraud: what the densities learn from. */
  readonly normal: FeatureMatrix;
  readonly normalRows: readonly number[];
  readonly immatureRows: number;
  readonly later: FeatureMatrix;
  /** As `maturedLabels`: -1 is left out by Platt's scale and by the evaluation. */
  readonly laterLabels: Int8Array;
  readonly laterTimes: Float64Array;
}

const sliceDataset = (dataset: Dataset, input: RetrainInput): Slices => {
  const delayMs = (input.schema.label?.delayDays ?? 0) * DAY_MS;
  const frauds = knownFrauds(input.labels, input.asOfMs);
  const known = maturedLabels(dataset.transactions, frauds, input.asOfMs, delayMs);
  const boundary = dataset.transactions.findIndex((t) => t.occurredAtMs >= input.trainToMs);
  const trainCount = boundary < 0 ? dataset.transactions.length : boundary;
  const rowsMin = 50;
  if (trainCount < rowsMin)
    throw new InputError(`${trainCount} transactions in the training range; at least ${rowsMin} are needed`);
  if (dataset.transactions.length - trainCount < rowsMin)
    throw new InputError(
      `${dataset.transactions.length - trainCount} transactions to calibrate on; at least ${rowsMin} are needed`,
    );
  const rows = Array.from({ length: trainCount }, (_, i) => i).filter((i) => !input.heldOutIds?.has(dataset.transactions[i]!.id));
  const labelled = rows.filter((i) => known[i]! >= 0);
  const normalRows = rows.filter((i) => !frauds.has(dataset.transactions[i]!.id));
  const width = dataset.features.columns.length;
  return {
    supervised: selectRows(dataset.features, labelled),
    supervisedLabels: Uint8Array.from(labelled, (i) => known[i]!),
    supervisedEntities: entityNumbers(labelled.map((i) => dataset.transactions[i]!)),
    supervisedTimes: Float64Array.from(labelled, (i) => dataset.transactions[i]!.occurredAtMs),
    normal: selectRows(dataset.features, normalRows),
    normalRows,
    immatureRows: rows.length - labelled.length,
    later: featureMatrix(dataset.features.columns, dataset.features.values.slice(trainCount * width)),
    laterLabels: known.slice(trainCount),
    laterTimes: Float64Array.from(dataset.transactions.slice(trainCount), (t) => t.occurredAtMs),
  };
};

/** The primary entities by number in order of appearance; a transaction without entities is one of its own. */
export const entityNumbers = (transactions: readonly Transaction[]): Int32Array => {
  const numbers = new Map<string, number>();
  return Int32Array.from(transactions, ({ id, entities: [primary = id] }) => {
    const number = numbers.get(primary) ?? numbers.size;
    numbers.set(primary, number);
    return number;
  });
};

const backgroundOf = (normal: FeatureMatrix, context: TrainingContext): FeatureMatrix =>
  selectRows(normal, shuffledIndices(normal.rowCount, context.random.fork('background')).subarray(0, BACKGROUND_ROWS));

const fitFrauds = (featureSet: FeatureSet, slices: Slices, context: TrainingContext): Promise<KnownFraud | null> => {
  const rows = [...slices.supervisedLabels.keys()].filter((i) => slices.supervisedLabels[i] === 1);
  return fitKnownFraud(selectRows(slices.supervised, rows), featureSet.densityColumns, {
    random: context.random.fork('known-fraud'),
    backend: context.backend,
    onProgress: (progress) => context.onProgress?.('known fraud', progress),
    ...(context.signal && { signal: context.signal }),
  });
};

const reportOf = (
  slices: Slices,
  scores: Readonly<Record<Channel, Float64Array>>,
  detectors: ChannelDetectors,
): Omit<RetrainReport, 'trainToMs' | 'augmentation' | 'drift'> => {
  const rows = [...slices.laterLabels.keys()].filter((i) => slices.laterLabels[i]! >= 0);
  const labels = Uint8Array.from(rows, (i) => slices.laterLabels[i]!);
  const evaluate = (channel: Channel): Evaluation | null =>
    labels.includes(1) && labels.includes(0) && detectors[channel]
      ? evaluateScores(
          labels,
          Float64Array.from(rows, (i) => scores[channel][i]!),
        )
      : null;
  return {
    trainRows: slices.supervised.rowCount,
    trainFrauds: slices.supervisedLabels.reduce((sum, label) => sum + label, 0),
    immatureRows: slices.immatureRows,
    calibrationRows: slices.later.rowCount,
    evaluation: { S: evaluate('S'), T: evaluate('T'), H: evaluate('H'), D: evaluate('D') },
    estimators: Object.fromEntries(Object.entries(detectors).map(([channel, detector]) => [channel, detector.estimator])),
  };
};
