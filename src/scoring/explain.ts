import type { Reason, UsualValue } from '../domain/alert.js';
import type { Channel } from '../domain/decision.js';
import type { FeatureColumn, FeatureMatrix } from '../domain/feature-matrix.js';
import type { Transaction } from '../domain/transaction.js';
import { isHashedLevel } from '../features/hashed-levels.js';
import { type EntityUsual, usualValues } from '../features/usual.js';
import type { UsualValues } from '../models/detector.js';
import { channelTerms, channelUsual, type ColumnTerm } from './channel-terms.js';
import { featureWords, isNatural, observedValue } from './feature-words.js';
import { channelFeatures, type ScoringModel } from './scoring-model.js';

const REASONS_MAX = 5;
/** Terms below this many nats, or this share of the largest, say nothing to a person. */
const NATS_MIN = 0.1;
const SHARE_MIN = 0.05;

export interface ExplainedRow {
  readonly transaction: Transaction;
  /** One row of all features. */
  readonly features: FeatureMatrix;
  readonly profile: Float64Array;
}

/** What is known of a row that a channel raised: by which columns, and what would have been usual. */
export interface Evidence {
  readonly channel: Channel;
  /** One row of the channel's columns. */
  readonly features: FeatureMatrix;
  /** Largest first. */
  readonly terms: readonly ColumnTerm[];
  /** This entity's own, by column. */
  readonly habits: Readonly<Record<string, EntityUsual>>;
  readonly usual: UsualValues;
}

/** Null where the model has no such channel. */
export const gatherEvidence = (model: ScoringModel, channel: Channel, row: ExplainedRow): Evidence | null => {
  const detector = model.detectors[channel];
  if (!detector) return null;
  const features = channelFeatures(model.featureSet, channel, row.features, detector.estimator);
  return {
    channel,
    features,
    terms: channelTerms(model, channel, detector, features),
    habits: usualValues(model.featureSet, row.transaction, row.profile, model.usualScales),
    usual: channelUsual(model, detector, features, row.features),
  };
};

/**
 * The largest terms of the channel that raised the alert, in nats (of a detector without likelihood: in its score's own
 * unit), with what would have been usual: this entity's own 5-95 % interval where it has a habit in that column, else the
 * model's given the other fields.
 */
export const explain = (model: ScoringModel, evidence: Evidence, transaction: Transaction): Reason[] => {
  const { schema } = model.featureSet;
  const { channel, features, terms, habits } = evidence;
  const least = Math.min(NATS_MIN, SHARE_MIN * (terms[0]?.nats ?? 0));
  return terms
    .filter(({ nats }, rank) => rank === 0 || (rank < REASONS_MAX && nats >= least && nats > 0))
    .map(({ index, nats }): Reason => {
      const column = features.columns[index]!;
      const habit = habits[column.name];
      const observed = habit?.observed ?? observedValue(column, features.values[index]!, transaction, schema);
      const usual: UsualValue | null = habit
        ? { low: habit.low, median: habit.median, high: habit.high, basis: habit.basis }
        : modelUsual(evidence.usual, column, index, observed);
      const { phrase, show, unit } = featureWords(column, usual !== null, transaction, schema);
      const range = usual && (usual.low === usual.high ? show(usual.low) : `${show(usual.low)} to ${show(usual.high)}`);
      const text = `${phrase} ${show(observed)}${unit}${range === null ? '' : `, usually ${range}${unit}`}`;
      return { channel, feature: column.name, field: column.field, nats, observed, usual, text };
    });
};

/** A level that is the usual one needs no other beside it. */
const modelUsual = (
  { low, median, high }: UsualValues,
  column: FeatureColumn,
  index: number,
  observed: number | string,
): UsualValue | null => {
  if (column.kind === 'categorical') {
    const level = column.levels[median[index]!];
    return level === undefined || isHashedLevel(level) || level === observed
      ? null
      : { low: level, median: level, high: level, basis: 'model' };
  }
  if (!isNatural(column) || !Number.isFinite(low[index])) return null;
  return { low: low[index]!, median: median[index]!, high: high[index]!, basis: 'model' };
};
