import type { FeatureMatrix } from '../domain/feature-matrix.js';
import { InputError } from '../domain/input-error.js';
import { encodeArtifacts } from '../models/artifact.js';
import type { Estimator, Likelihood } from '../models/detector.js';
import {
  type CalibrationFigures,
  calibrationFigures,
  type CalibrationHalves,
  calibrationHalves,
  calibrationNoise,
} from './calibration-figures.js';
import { auroc, averagePrecision, precisionAtBudget, recallAtBudget } from './evaluate.js';
import {
  type EvaluateContext,
  type EvaluateInput,
  fitAndScore,
  type JudgeableParts,
  judgeableParts,
  type Protocol,
} from './evaluate-detectors.js';

export interface CompareInput extends EvaluateInput {
  /** Share of the judged rows that may be alerted on. */
  readonly budget: number;
  /** Whether the rows lie in order of time: see `calibrationHalves`. */
  readonly isOrdered: boolean;
}

/** What a detector is judged by; docs/command-line.md says it in words. */
export interface ComparedFigures {
  readonly auroc: number;
  readonly auprc: number;
  readonly precisionAtBudget: number;
  readonly recallAtBudget: number;
  readonly calibrationError: number;
  readonly achievedAtOnePercent: number;
  readonly achievedAtFivePercent: number;
  readonly probabilityError: number | null;
  readonly fitSeconds: number;
  readonly scoreRowsPerSecond: number;
  readonly artifactBytes: number;
}

export interface ComparedDetector {
  readonly name: string;
  readonly family: Estimator['family'];
  readonly likelihood: Likelihood;
  readonly learnsLabels: boolean;
  readonly seeds: readonly (ComparedFigures & { readonly seed: number })[];
  readonly mean: ComparedFigures;
  /** With the first seed: scores of the judged rows, p-values of the checked legitimate ones. */
  readonly scores: Float64Array;
  readonly pValues: Float64Array;
}

/** A detector without figures, and why. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

export interface CompareResult {
  readonly protocol: Protocol;
  readonly trainRows: number;
  readonly trainFrauds: number;
  readonly testRows: number;
  readonly testFrauds: number;
  readonly budget: number;
  readonly seeds: number;
  /** Calibration errors below this are noise, 19 times in 20; null: a half has no legitimate row, and there are none. */
  readonly calibrationNoise: number | null;
  /** By AUPRC, the best first. */
  readonly detectors: readonly ComparedDetector[];
  readonly leftOut: readonly LeftOut[];
  /** Cancelled before the last detector: the others are left out. */
  readonly isCancelled: boolean;
  /** Of the judged rows: 1 fraud, 0 legitimate. */
  readonly labels: Uint8Array;
}

/**
 * Judges every detector that these data can feed. One that they cannot is left out with the reason, and so is one whose fit or
 * scores fail: a comparison of many outlives one of them.
 *
 * @throws InputError as `judgeableParts`, and when no detector at all could be judged (unless cancelled)
 */
export const compareDetectors = async (input: CompareInput, context: EvaluateContext): Promise<CompareResult> => {
  const parts = judgeableParts(input);
  const halves = calibrationHalves(parts.test.length, input.isOrdered);
  const detectors: ComparedDetector[] = [];
  const leftOut: LeftOut[] = [];
  const isCancelled = (): boolean => context.signal?.aborted === true;
  for (const [i, estimator] of input.detectors.entries()) {
    const { name } = estimator;
    const reason = isCancelled() ? 'not begun when the comparison was cancelled' : unfit(estimator, input);
    if (reason !== null) {
      leftOut.push({ name, reason });
      continue;
    }
    const onProgress: EvaluateContext['onProgress'] = (step, progress) =>
      context.onProgress?.(`${i + 1}/${input.detectors.length} ${step}`, progress);
    try {
      detectors.push(await compareOne(estimator, parts, halves, input, { ...context, onProgress }));
    } catch (error) {
      leftOut.push({ name, reason: isCancelled() ? 'cancelled during its fit' : (error as Error).message });
    }
  }
  if (detectors.length === 0 && !isCancelled())
    throw new InputError(`no detector could be judged; ${leftOut.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}`);
  const { train, test, testLabels, testFrauds } = parts;
  return {
    protocol: input.protocol,
    trainRows: train.length,
    trainFrauds: train.reduce((sum, row) => sum + input.labels[row]!, 0),
    testRows: test.length,
    testFrauds,
    budget: input.budget,
    seeds: input.seeds,
    calibrationNoise: calibrationNoise(testLabels, halves),
    // NaN cannot be: both classes are there.
    detectors: detectors.sort((a, b) => b.mean.auprc - a.mean.auprc),
    leftOut,
    isCancelled: isCancelled(),
    labels: testLabels,
  };
};

/** Why an estimator cannot work on these columns or without labels; null where it can. */
const unfit = (estimator: Estimator, { protocol, features, featuresOf }: CompareInput): string | null => {
  if (estimator.supervised && protocol !== 'supervised')
    return `learns from labels; protocol ${protocol} has none (--protocol supervised)`;
  const names = new Set(features.columns.map((column) => column.name));
  const missing = estimator.requires?.filter((name) => !names.has(name)) ?? [];
  if (missing.length > 0) return `needs the feature ${missing.map((name) => `"${name}"`).join(', ')}, which these data lack`;
  const chosen: FeatureMatrix = featuresOf ? featuresOf(features, estimator) : features;
  return chosen.columns.length === 0 ? 'the feature set has no columns for it' : null;
};

const compareOne = async (
  estimator: Estimator,
  parts: JudgeableParts,
  halves: CalibrationHalves,
  input: CompareInput,
  context: EvaluateContext,
): Promise<ComparedDetector> => {
  const seeds: (ComparedFigures & { seed: number })[] = [];
  let first: { scores: Float64Array; pValues: Float64Array } | null = null;
  for (let seed = 0; seed < input.seeds; seed += 1) {
    const { detector, scores, ...speed } = await fitAndScore(estimator, seed, parts, input, context);
    const calibration = calibrationFigures(parts.testLabels, scores, halves, estimator.supervised);
    first ??= { scores, pValues: calibration.pValues };
    const artifactBytes = encodeArtifacts({ [estimator.name]: detector.save() }, {}).length;
    seeds.push({ seed, ...ranking(parts.testLabels, scores, input.budget), ...shown(calibration), ...speed, artifactBytes });
  }
  const { name, family, likelihood, supervised } = estimator;
  return { name, family, likelihood, learnsLabels: supervised, seeds, mean: meanOf(seeds), ...first! };
};

const ranking = (labels: Uint8Array, scores: Float64Array, budget: number) => ({
  auroc: auroc(labels, scores),
  auprc: averagePrecision(labels, scores),
  precisionAtBudget: precisionAtBudget(labels, scores, budget),
  recallAtBudget: recallAtBudget(labels, scores, budget),
});

const shown = ({ error, pValues: _pValues, ...others }: CalibrationFigures) => ({ calibrationError: error, ...others });

const meanOf = (seeds: readonly ComparedFigures[]): ComparedFigures => {
  const mean = (of: (figures: ComparedFigures) => number): number => seeds.reduce((sum, s) => sum + of(s) / seeds.length, 0);
  return {
    auroc: mean((s) => s.auroc),
    auprc: mean((s) => s.auprc),
    precisionAtBudget: mean((s) => s.precisionAtBudget),
    recallAtBudget: mean((s) => s.recallAtBudget),
    calibrationError: mean((s) => s.calibrationError),
    achievedAtOnePercent: mean((s) => s.achievedAtOnePercent),
    achievedAtFivePercent: mean((s) => s.achievedAtFivePercent),
    probabilityError: seeds.some((s) => s.probabilityError === null) ? null : mean((s) => s.probabilityError!),
    fitSeconds: mean((s) => s.fitSeconds),
    scoreRowsPerSecond: mean((s) => s.scoreRowsPerSecond),
    artifactBytes: mean((s) => s.artifactBytes),
  };
};
