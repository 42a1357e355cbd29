import type { FeatureColumn } from '../domain/feature-matrix.js';
import { clockTime, duration } from '../domain/time-words.js';
import type { Transaction } from '../domain/transaction.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { hashedIndex, isHashedLevel } from '../features/hashed-levels.js';

/** A surprisal's or a log-odds' own interval says nothing to a person. */
export const isNatural = (column: FeatureColumn): boolean => column.kind === 'numeric' && !/^(s_|markov$)/.test(column.name);

const isMoney = (column: FeatureColumn, schema: TransactionSchema): boolean =>
  schema.amount !== undefined &&
  column.field === schema.amount.column &&
  /^(tx_amount|log_amount|s_amt|z_amt|rel|z_amt_.*)$/.test(column.name);

export const observedValue = (
  column: FeatureColumn,
  value: number,
  transaction: Transaction,
  schema: TransactionSchema,
): number | string => {
  if (column.kind === 'categorical') return Number.isNaN(value) ? 'missing' : levelText(column, value, transaction, schema);
  const entity = schema.entities.findIndex((e) => e.column === column.field);
  if (entity >= 0 && column.name === 's_counterpart') return transaction.entities[entity]!;
  return Number.isNaN(value) ? 'missing' : Number(value.toPrecision(6));
};

/** A bucket of hashes is called by the row's own value; of another row's all that is known is that it is another. */
const levelText = (column: FeatureColumn, level: number, transaction: Transaction, schema: TransactionSchema): string => {
  const known = column.levels[level] ?? 'a new value';
  if (!isHashedLevel(known)) return known;
  const own = transaction.categorical[schema.categorical.findIndex((field) => field.column === column.field)];
  return own != null && hashedIndex.get(own) === level ? own : 'another value';
};

/** How a person reads a column: its phrase, its values and their unit. */
export interface FeatureWords {
  readonly phrase: string;
  readonly show: (value: number | string) => string;
  /** With the space before it; empty where there is none. */
  readonly unit: string;
}

/** @param hasUsual whether there is a habit or a model's interval to hold a value against: gaps are then in days */
export const featureWords = (
  column: FeatureColumn,
  hasUsual: boolean,
  transaction: Transaction,
  schema: TransactionSchema,
): FeatureWords => {
  const money = isMoney(column, schema);
  return {
    phrase: phraseOf(column.name, schema),
    unit: money ? ` ${transaction.currency}` : '',
    show(value) {
      if (typeof value === 'string') return value;
      if (money) return value.toFixed(schema.amount!.minorDigits);
      if (HOUR_COLUMNS.has(column.name)) return clockTime(value);
      return column.name === 's_gap' && hasUsual ? duration(value) : String(Number(value.toPrecision(3)));
    },
  };
};

const HOUR_COLUMNS = new Set(['hour', 's_hour']);
const LAG_PHRASES = { gap: 'log of the seconds since the one before', hour: 'hour of day (UTC)', log_amount: 'log amount' };

/** What a feature is called in a sentence. */
export const phraseOf = (name: string, schema: TransactionSchema): string => {
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
    lag0_gap: 'log of the seconds since the last payment',
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
  const lag = /^lag(\d+)_(gap|hour|log_amount)$/.exec(name);
  if (lag) return `${lag[1]} payments ago: ${LAG_PHRASES[lag[2] as keyof typeof LAG_PHRASES]}`;
  const window = /^(.+)_(nb|avg|max|risk)_(\d+)d$/.exec(name);
  if (!window) return name.replaceAll('_', ' ');
  const [, entity, kind, days] = window;
  const what = { nb: 'payments', avg: 'mean amount', max: 'largest amount', risk: 'share of fraud' }[
    kind as 'nb' | 'avg' | 'max' | 'risk'
  ];
  return `${what} of this ${entity} in ${days} ${days === '1' ? 'day' : 'days'}`;
};
