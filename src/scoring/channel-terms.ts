import type { Channel } from '../domain/decision.js';
import type { FeatureMatrix } from '../domain/feature-matrix.js';
import { attribute, SLOW_SCORES_MAX } from '../models/attribution.js';
import type { Detector, UsualValues } from '../models/detector.js';
import { channelFeatures, type ScoringModel } from './scoring-model.js';

/** What a column adds to a channel's score. */
export interface ColumnTerm {
  readonly index: number;
  readonly nats: number;
}

/**
 * The terms of one row's score by column, largest first: exact where the detector has them, else Shapley values against the
 * model's background rows; what belongs to no column (a baseline) is left out. None where there is neither.
 */
export const channelTerms = (
  model: ScoringModel,
  channel: Channel,
  detector: Detector,
  features: FeatureMatrix,
): readonly ColumnTerm[] => {
  const background = channelFeatures(model.featureSet, channel, model.background, detector.estimator);
  if (!detector.terms && background.rowCount === 0) return [];
  const scoresMax = detector.isSlow ? SLOW_SCORES_MAX : undefined;
  const terms = detector.terms?.(features) ?? attribute((rows) => detector.score(rows), background, features, scoresMax);
  return terms.columns
    .map((name, i) => ({ nats: terms.values[i]!, index: features.columns.findIndex((column) => column.name === name) }))
    .filter(({ index }) => index >= 0)
    .sort((a, b) => b.nats - a.nats);
};

/** What the channel's own detector calls usual, else what the density D does of the columns it shares. NaN where neither says. */
export const channelUsual = (
  model: ScoringModel,
  detector: Detector,
  features: FeatureMatrix,
  all: FeatureMatrix,
): UsualValues => {
  const own = detector.usualValues?.(features);
  if (own) return own;
  const blank = (): Float64Array => new Float64Array(features.columns.length).fill(NaN);
  const usual = { low: blank(), median: blank(), high: blank() };
  const density = model.detectors.D;
  if (!density?.usualValues) return usual;
  const shared = channelFeatures(model.featureSet, 'D', all, density.estimator);
  const values = density.usualValues(shared);
  features.columns.forEach(({ name }, c) => {
    const from = shared.columns.findIndex((column) => column.name === name);
    for (const key of ['low', 'median', 'high'] as const) if (from >= 0) usual[key][c] = values[key][from]!;
  });
  return usual;
};
