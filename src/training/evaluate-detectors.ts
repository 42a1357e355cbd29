import { selectRows, type FeatureMatrix } from '../domain/feature-matrix.js';
import { InputError } from '../domain/input-error.js';
import { createRandom } from '../domain/random.js';
import type { Detector, Estimator, FitContext, FitProgress, TrainingData } from '../models/detector.js';
import { auroc, averagePrecision } from './evaluate.js';

export const PROTOCOLS = ['one-class', 'unsupervised', 'supervised'] as const;
/**
 * - one-class: fitted on the legitimate rows of the training part.
 * - unsupervised: fitted on the training part as it is, without labels.
 * - supervised: fitted on the training part with its labels; detectors that learn without labels get its legitimate rows.
 */
export type Protocol = (typeof PROTOCOLS)[number];

export interface EvaluateInput {
  readonly protocol: Protocol;
  readonly features: FeatureMatrix;
  readonly labels: Uint8Array;
  /** 1 train, 0 test, one per row; null: see `splitRows`. */
  readonly split: Uint8Array | null;
  /** Instead of a split: the rows to learn from and the rows to judge, where time says which is which. */
  readonly parts?: Parts;
  /** As `TrainingData`, one per row. */
  readonly entities?: Int32Array;
  /** An estimator's part of the columns; absent: all of them. */
  readonly featuresOf?: (features: FeatureMatrix, estimator: Estimator) => FeatureMatrix;
  /** Where labels and split come from, for messages; a split that no column says is one by file. */
  readonly source?: { readonly label: string; readonly split: string | null };
  readonly detectors: readonly Estimator[];
  readonly seeds: number;
  /** Hyper-parameters by estimator. */
  readonly parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Row numbers, rising. */
export interface Parts {
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

export interface EvaluateContext {
  readonly backend: FitContext['backend'];
  /** Wall clock in milliseconds. */
  readonly now: () => number;
  readonly onProgress?: (step: string, progress: FitProgress) => void;
  readonly signal?: AbortSignal;
}

export interface SeedFigures {
  readonly seed: number;
  readonly auroc: number;
  readonly auprc: number;
  readonly fitSeconds: number;
  readonly scoreRowsPerSecond: number;
}

export interface DetectorFigures {
  readonly name: string;
  /** What the fit with the first seed chose, where it had a choice. */
  readonly choice?: string;
  readonly seeds: readonly SeedFigures[];
  readonly mean: Omit<SeedFigures, 'seed'>;
}

export interface EvaluateResult {
  readonly protocol: Protocol;
  readonly trainRows: number;
  readonly testRows: number;
  readonly testFrauds: number;
  readonly detectors: readonly DetectorFigures[];
  /** The judged rows, and each detector's scores of them with the first seed. */
  readonly judged: Uint32Array;
  readonly scores: Readonly<Record<string, Float64Array>>;
}

/** Part of the rows that a supervised fit learns from when no split is given: the first ones, as time goes by. */
const TRAIN_SHARE = 0.6;

/**
 * Fits every detector once per seed and judges it on the test part.
 *
 * @throws InputError as `judgeableParts`
 */
export const evaluateDetectors = async (input: EvaluateInput, context: EvaluateContext): Promise<EvaluateResult> => {
  const parts = judgeableParts(input);
  const { train, test, testLabels, testFrauds } = parts;
  const detectors: DetectorFigures[] = [];
  const scores: Record<string, Float64Array> = {};
  for (const estimator of input.detectors) {
    const seeds: SeedFigures[] = [];
    let choice: string | undefined;
    for (let seed = 0; seed < input.seeds; seed += 1) {
      const scored = await fitAndScore(estimator, seed, parts, input, context);
      seeds.push({
        seed,
        auroc: auroc(testLabels, scored.scores),
        auprc: averagePrecision(testLabels, scored.scores),
        fitSeconds: scored.fitSeconds,
        scoreRowsPerSecond: scored.scoreRowsPerSecond,
      });
      scores[estimator.name] ??= scored.scores;
      choice ??= scored.detector.choice;
    }
    detectors.push({ name: estimator.name, ...(choice !== undefined && { choice }), seeds, mean: meanOf(seeds) });
  }
  const trainRows = train.length;
  return { protocol: input.protocol, trainRows, testRows: test.length, testFrauds, detectors, judged: test, scores };
};

export interface JudgeableParts extends Parts {
  /** 1 fraud, 0 legitimate, one per test row. */
  readonly testLabels: Uint8Array;
  readonly testFrauds: number;
}

/**
 * @throws InputError before anything is fitted, when a part has no rows, the test part not both classes, or a supervised
 *   training part not both classes
 */
export const judgeableParts = (input: EvaluateInput): JudgeableParts => {
  const { train, test } = input.parts ?? splitRows(input);
  const testLabels = Uint8Array.from(test, (row) => input.labels[row]!);
  const testFrauds = testLabels.reduce((sum, label) => sum + label, 0);
  if (train.length === 0) throw new InputError(`the training part has no rows for protocol ${input.protocol}`);
  if (input.protocol === 'supervised') requireBothClasses(input, train);
  if (testFrauds === 0 || testFrauds === test.length)
    throw new InputError(`the test part has ${testFrauds} frauds in ${test.length} rows; both classes are needed to judge`);
  return { train, test, testLabels, testFrauds };
};

export interface FittedScores {
  readonly detector: Detector;
  /** Of the test rows. */
  readonly scores: Float64Array;
  readonly fitSeconds: number;
  readonly scoreRowsPerSecond: number;
}

/** One fit with one seed, and its scores of the test part. */
export const fitAndScore = async (
  estimator: Estimator,
  seed: number,
  { train, test }: Parts,
  input: EvaluateInput,
  context: EvaluateContext,
): Promise<FittedScores> => {
  const data = trainingData(input, train, estimator);
  const testFeatures = selectRows(featuresOf(input, estimator), test);
  const startedMs = context.now();
  const detector = await fitOne(estimator, data, seed, input, context);
  const fittedMs = context.now();
  const scores = detector.score(testFeatures);
  const scoredMs = context.now();
  return {
    detector,
    scores,
    fitSeconds: (fittedMs - startedMs) / 1000,
    scoreRowsPerSecond: (1000 * test.length) / Math.max(scoredMs - fittedMs, 1e-3),
  };
};

const featuresOf = ({ features, featuresOf: choose }: EvaluateInput, estimator: Estimator): FeatureMatrix =>
  choose ? choose(features, estimator) : features;

const requireBothClasses = ({ labels, split, source }: EvaluateInput, train: Uint32Array): void => {
  const frauds = train.reduce((sum, row) => sum + labels[row]!, 0);
  if (frauds > 0 && frauds < train.length) return;
  const byColumn = source?.split == null ? 'the training rows given' : `split column "${source.split}"`;
  const part = split ? byColumn : `the first ${100 * TRAIN_SHARE} % of the rows, for want of a split column`;
  throw new InputError(
    `the training part (${part}) has ${frauds} frauds in ${train.length} rows by label column "${source?.label ?? 'label'}"; ` +
      'both classes are needed to learn from labels (protocol supervised)',
  );
};

/**
 * With a split: train on 1, judge 0. Without one: one-class holds back every fraud and a random half of the
 * legitimate rows (the same for every seed), supervised learns from the first 60 %, unsupervised fits and judges all.
 * One-class training rows are legitimate.
 */
export const splitRows = (input: Pick<EvaluateInput, 'protocol' | 'labels' | 'split'>): Parts => {
  const { protocol, labels, split } = input;
  const random = createRandom(0).fork('split');
  const boundary = Math.floor(TRAIN_SHARE * labels.length);
  const isTraining = (row: number): boolean => {
    if (split) return split[row] === 1;
    if (protocol === 'one-class') return random.uniform() < 0.5 && labels[row] === 0;
    return protocol === 'unsupervised' || row < boundary;
  };
  const train: number[] = [];
  const test: number[] = [];
  for (let row = 0; row < labels.length; row += 1) {
    const training = isTraining(row);
    if (training && (protocol !== 'one-class' || labels[row] === 0)) train.push(row);
    if (!training || (protocol === 'unsupervised' && !split)) test.push(row);
  }
  return { train: Uint32Array.from(train), test: Uint32Array.from(test) };
};

/** Detectors that learn without labels are told where the rows are all legitimate: such rows need no search for frauds. */
const trainingData = (input: EvaluateInput, train: Uint32Array, estimator: Estimator): TrainingData => {
  const { protocol, labels } = input;
  const features = featuresOf(input, estimator);
  if (protocol === 'unsupervised') return { features: selectRows(features, train) };
  const rows = estimator.supervised ? train : train.filter((row) => labels[row] === 0);
  const { entities } = input;
  return {
    features: selectRows(features, rows),
    labels: Uint8Array.from(rows, (row) => labels[row]!),
    ...(entities && { entities: Int32Array.from(rows, (row) => entities[row]!) }),
  };
};

const fitOne = (
  estimator: Estimator,
  data: TrainingData,
  seed: number,
  { parameters, seeds }: EvaluateInput,
  { backend, onProgress, signal }: EvaluateContext,
): Promise<Detector> => {
  const chosen = parameters[estimator.name];
  const step = seeds > 1 ? `${estimator.name}, seed ${seed}` : estimator.name;
  return estimator.fit(data, {
    random: createRandom(seed),
    backend,
    onProgress: (progress) => onProgress?.(step, progress),
    ...(signal && { signal }),
    ...(chosen && { parameters: chosen }),
  });
};

const meanOf = (seeds: readonly SeedFigures[]): Omit<SeedFigures, 'seed'> => {
  const mean = (of: (figures: SeedFigures) => number): number => seeds.reduce((sum, s) => sum + of(s) / seeds.length, 0);
  return {
    auroc: mean((s) => s.auroc),
    auprc: mean((s) => s.auprc),
    fitSeconds: mean((s) => s.fitSeconds),
    scoreRowsPerSecond: mean((s) => s.scoreRowsPerSecond),
  };
};
