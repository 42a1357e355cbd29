import { type FeatureMatrix, selectRows } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import type { TrainingData } from '../detector.js';
import { shuffledIndices } from '../fit-rows.js';

/** @throws TypeError when there is not a label per row, or one class only */
export const requireBothClasses = (estimator: string, { features, labels }: TrainingData): Uint8Array => {
  if (!labels || labels.length !== features.rowCount)
    throw new TypeError(`${estimator}: labels: ${labels?.length ?? 'none'}; expected one per row (${features.rowCount})`);
  const frauds = countFrauds(labels);
  if (frauds === 0 || frauds === labels.length)
    throw new TypeError(`${estimator}: labels: ${frauds} frauds in ${labels.length} rows; expected both classes`);
  return labels;
};

/** At most `rowsMax` rows with their labels, drawn without replacement and kept in order. */
export const limitLabelled = (
  features: FeatureMatrix,
  labels: Uint8Array,
  rowsMax: number,
  random: Random,
): { features: FeatureMatrix; labels: Uint8Array } => {
  if (labels.length <= rowsMax) return { features, labels };
  const kept = shuffledIndices(labels.length, random).subarray(0, rowsMax).sort();
  return { features: selectRows(features, kept), labels: Uint8Array.from(kept, (r) => labels[r]!) };
};

export const countFrauds = (labels: Uint8Array): number => labels.reduce((sum, label) => sum + label, 0);

export const logOdds = (probability: number): number => Math.log(probability / (1 - probability));

/** Probabilities are kept this far from 0 and 1 before they become log-odds. */
export const PROBABILITY_MIN = 1e-4;
export const LOG_ODDS_MAX = logOdds(1 - PROBABILITY_MIN);

/** Beyond these log-odds a probability is 0 or 1 to the last digit, and a loss infinite. */
const SCORE_MAX = 30;

export const probabilityOf = (score: number): number => 1 / (1 + Math.exp(-Math.max(-SCORE_MAX, Math.min(SCORE_MAX, score))));
