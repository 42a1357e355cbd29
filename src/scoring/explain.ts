import type { Reason, UsualValue } from '../domain/alert.js';
import type { Channel } from '../domain/decision.js';
import type { FeatureColumn, FeatureMatrix } from '../domain/feature-matrix.js';
import { clockTime, duration } from '../domain/time-words.js';
import type { Transaction } from '../domain/transaction.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { usualValues } from '../features/usual.js';
import { channelFeatures, type ScoringModel } from './scoring-model.js';

const REASONS_MAX = 5;
/** Terms below this many nats say nothing to a person, unless there is no larger one. */
const NATS_MIN = 0.1;

export interface ExplainedRow {
  readonly transaction: Transaction;
  /** One row of all features. */
  readonly features: FeatureMatrix;
  readonly profile: Float64Array;
}

/**
 * The largest terms of the channel that raised the alert, in nats, with what would have been usual: this entity's own
 * 5-95 % interval where it has a habit in that column, else the model's given the other fields.
 */
export const explain = (model: ScoringModel, channel: Channel, row: ExplainedRow): Reason[] => {
  const { schema } = model.featureSet;
  const features = channelFeatures(model.featureSet, channel, row.features);
  const habits = usualValues(model.featureSet, row.transaction, row.profile, model.usualScales);
  const detector = model.detectors[channel];
  if (!detector) return [];
  const terms = detector.terms?.(features);
  const nats = terms ? [...terms.values] : [...detector.score(features)];
  const names = terms?.columns ?? features.columns.map((column) => column.name);
  const modelUsual = detector.usualValues?.(features);
  return names
    .map((name, i) => ({ name, nats: nats[i]!, index: features.columns.findIndex((column) => column.name === name) }))
    .filter((term) => term.index >= 0)
    .sort((a, b) => b.nats - a.nats)
    .filter((term, rank) => rank === 0 || (rank < REASONS_MAX && term.nats >= NATS_MIN))
    .map(({ name, nats: termNats, index }): Reason => {
      const column = features.columns[index]!;
      const habit = habits[name];
      const usual: UsualValue | null = habit
        ? { low: habit.low, median: habit.median, high: habit.high, basis: habit.basis }
        : modelUsual && isNatural(column) && Number.isFinite(modelUsual.low[index])
          ? { low: modelUsual.low[index]!, median: modelUsual.median[index]!, high: modelUsual.high[index]!, basis: 'model' }
          : null;
      const observed = habit?.observed ?? observedValue(column, features.values[index]!, row.transaction, schema);
      const text = textOf(column, observed, usual, row.transaction, schema);
      return { channel, feature: name, field: column.field, nats: termNats, observed, usual, text };
    });
};

/** A surprisal's or a log-odds' own interval says nothing to a person. */
const isNatural = (column: FeatureColumn): boolean => column.kind === 'numeric' && !/^(s_|markov$)/.test(column.name);

const isMoney = (column: FeatureColumn, schema: TransactionSchema): boolean =>
  schema.amount !== undefined &&
  column.field === schema.amount.column &&
  /^(tx_amount|log_amount|s_amt|z_amt|rel|z_amt_.*)$/.test(column.name);

const observedValue = (
  column: FeatureColumn,
  value: number,
  transaction: Transaction,
  schema: TransactionSchema,
): number | string => {
  if (column.kind === 'categorical') return Number.isNaN(value) ? 'missing' : (column.levels[value] ?? 'a new value');
  const entity = schema.entities.findIndex((e) => e.column === column.field);
  if (entity >= 0 && column.name === 's_counterpart') return transaction.entities[entity]!;
  return Number.isNaN(value) ? 'missing' : Number(value.toPrecision(6));
};

const textOf = (
  column: FeatureColumn,
  observed: number | string,
  usual: UsualValue | null,
  transaction: Transaction,
  schema: TransactionSchema,
): string => {
  const money = isMoney(column, schema);
  const show = (value: number | string): string => {
    if (typeof value === 'string') return value;
    if (money) return value.toFixed(schema.amount!.minorDigits);
    if (HOUR_COLUMNS.has(column.name)) return clockTime(value);
    return column.name === 's_gap' && usual ? duration(value) : String(Number(value.toPrecision(3)));
  };
  const unit = money ? ` ${transaction.currency}` : '';
  const range = usual ? `, usually ${show(usual.low)} to ${show(usual.high)}${unit}` : '';
  return `${phraseOf(column.name, schema)} ${show(observed)}${unit}${range}`;
};

const HOUR_COLUMNS = new Set(['hour', 's_hour']);

/** What a feature is called in a sentence. */
const phraseOf = (name: string, schema: TransactionSchema): string => {
  const [primary, counterpart] = [
    schema.entities[0]?.name ?? 'customer',
    schema.features.counterpartEntity ?? schema.entities[1]?.name ?? 'counterpart',
  ];
  const fixed: Readonly<Record<string, string>> = {
    tx_amount: 'amount',
    log_amount: 'amount',
    s_amt: 'amount',
    z_amt: 'amount',
    rel: `amount against the ${primary}'s 30-day mean`,
    s_gap: 'time since the last payment',
    s_hour: 'hour of day (UTC)',
    hour: 'hour of day (UTC)',
    z_amt_category: 'amount in this category',
    s_counterpart: `unfamiliar ${counterpart}`,
    recent_z: 'unusual amounts lately',
    recent_max: 'largest unusual amount lately',
    s_burst: 'payments in the hour before',
    markov: `fraud reported at this ${schema.features.markovEntity ?? counterpart} (log-odds)`,
    during_night: 'at night',
    during_weekend: 'at the weekend',
  };
  const known = fixed[name];
  if (known !== undefined) return known;
  const window = /^(.+)_(nb|avg|max|risk)_(\d+)d$/.exec(name);
  if (!window) return name.replaceAll('_', ' ');
  const [, entity, kind, days] = window;
  const what = { nb: 'payments', avg: 'mean amount', max: 'largest amount', risk: 'share of fraud' }[
    kind as 'nb' | 'avg' | 'max' | 'risk'
  ];
  return `${what} of this ${entity} in ${days} ${days === '1' ? 'day' : 'days'}`;
};
