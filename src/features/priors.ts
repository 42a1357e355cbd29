import type { Label } from '../domain/label.js';
import { DAY_MS } from '../domain/time.js';
import type { Transaction } from '../domain/transaction.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { hourOfDay } from './calendar.js';
import type { CategoryPriors, FeaturePriors } from './feature-priors.js';
import { fitMarkov, type MarkovEvent } from './fit-markov.js';
import { amountBin } from './markov-filter.js';
import { featurePlan, MARKOV_DAYS, type FeaturePlan } from './plan.js';
import { FORGET, HOUR_BINS, predictAmount, winsorised } from './profile.js';
import { logAmount } from './row-work.js';

export type { FeaturePriors } from './feature-priors.js';

/** Days, from the first transaction on, that amount, hours and levels are taken from. */
const PRIOR_DAYS = 14;
/** More levels than this are unseen ones: ids in disguise. */
const LEVELS_MAX = 256;
const VARIANCE_MIN = 1e-4;
/** Rows of weight that the overall mean and variance have in a level's own. */
const CATEGORY_SHRINKAGE = 20;

const moments = (values: readonly number[]): { m0: number; v0: number } => {
  if (values.length === 0) return { m0: 0, v0: 1 };
  const m0 = values.reduce((a, b) => a + b, 0) / values.length;
  const v0 = values.reduce((a, b) => a + (b - m0) ** 2, 0) / values.length;
  return { m0, v0: Math.max(v0, VARIANCE_MIN) };
};

/** Most frequent first, ties by text: the order must not depend on the order of rows. */
const levelsOf = (values: Iterable<string | null>): string[] => {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  const sorted = [...counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  return sorted.slice(0, LEVELS_MAX).map(([level]) => level);
};

const categoriesOf = (levels: readonly string[], values: readonly (string | null)[], xs: readonly number[]): CategoryPriors[] => {
  const { m0, v0 } = moments(xs);
  const byLevel = new Map<string, number[]>(levels.map((level) => [level, []]));
  values.forEach((value, i) => {
    if (value !== null) byLevel.get(value)?.push(xs[i]!);
  });
  const total = values.length + levels.length + 0.5;
  const known = levels.map((level) => {
    const own = byLevel.get(level)!;
    const at = moments(own);
    const weight = own.length / (own.length + CATEGORY_SHRINKAGE);
    const v = weight * at.v0 + (1 - weight) * v0;
    return { share: (own.length + 1) / total, m0: weight * at.m0 + (1 - weight) * m0, v0: v };
  });
  return [...known, { share: 0.5 / total, m0, v0 }];
};

/** Labels known at `asOfMs`, the latest one of each transaction. */
const fraudsKnown = (labels: readonly Label[], asOfMs: number): ReadonlySet<string> => {
  const latest = new Map<string, Label>();
  for (const label of labels) {
    if (label.knownAtMs > asOfMs) continue;
    const before = latest.get(label.transactionId);
    if (before === undefined || before.knownAtMs <= label.knownAtMs) latest.set(label.transactionId, label);
  }
  return new Set([...latest.values()].filter((label) => label.isFraud).map((label) => label.transactionId));
};

/** The amount part of every entity's profile alone: enough for the bins that the filter's rates depend on. */
const binsOf = (plan: FeaturePlan, priors: { m0: number; v0: number }, transactions: readonly Transaction[]): Uint8Array => {
  const sums = new Map<string, Float64Array>();
  const predictive = { mean: 0, scale: 1, nu: 4 };
  return Uint8Array.from(transactions, (transaction) => {
    const id = transaction.entities[0]!;
    let own = sums.get(id);
    if (own === undefined) {
      own = new Float64Array(3);
      sums.set(id, own);
    }
    const [weight, sum, squares] = [own[0]!, own[1]!, own[2]!];
    const x = logAmount(transaction.amountMinor / plan.minorPerUnit);
    predictAmount(weight, sum, squares, priors.m0, priors.v0, predictive);
    const learned = winsorised(x, weight, predictive);
    own[0] = FORGET * weight + 1;
    own[1] = FORGET * sum + learned;
    own[2] = FORGET * squares + learned * learned;
    return amountBin((x - predictive.mean) / predictive.scale);
  });
};

const markovSequences = (
  plan: FeaturePlan,
  entityIndex: number,
  transactions: readonly Transaction[],
  bins: Uint8Array,
  frauds: ReadonlySet<string>,
  asOfMs: number,
): Map<string, MarkovEvent[]> => {
  const toMs = asOfMs - plan.delayMs;
  const sequences = new Map<string, MarkovEvent[]>();
  transactions.forEach((transaction, row) => {
    const { occurredAtMs } = transaction;
    if (occurredAtMs > toMs || occurredAtMs <= toMs - MARKOV_DAYS * DAY_MS) return;
    const entity = transaction.entities[entityIndex]!;
    const event = { occurredAtMs, bin: bins[row]!, isFraud: frauds.has(transaction.id) };
    const events = sequences.get(entity);
    if (events === undefined) sequences.set(entity, [event]);
    else events.push(event);
  });
  for (const events of sequences.values()) events.sort((a, b) => a.occurredAtMs - b.occurredAtMs);
  return sequences;
};

/**
 * Amounts, hours and levels of the first 14 days; fraud rates and Markov rates of the labels known at `asOfMs`, over up to
 * 60 days. Nothing after `asOfMs` is read. Cost: one light pass, and 64 passes over the labelled rows where there is a
 * Markov entity. Transactions in rising time.
 */
export const fitPriors = (
  schema: TransactionSchema,
  transactions: readonly Transaction[],
  labels: readonly Label[],
  asOfMs: number,
): FeaturePriors => {
  const past = transactions.filter((transaction) => transaction.occurredAtMs <= asOfMs);
  const startMs = past.reduce((least, { occurredAtMs }) => Math.min(least, occurredAtMs), Infinity);
  const first = schema.time ? past.filter(({ occurredAtMs }) => occurredAtMs < startMs + PRIOR_DAYS * DAY_MS) : past;
  const minorPerUnit = 10 ** (schema.amount?.minorDigits ?? 0);
  const xs = schema.amount ? first.map((transaction) => logAmount(transaction.amountMinor / minorPerUnit)) : [];
  const hourCounts = new Float64Array(HOUR_BINS).fill(1);
  if (schema.time) for (const { occurredAtMs } of first) hourCounts[Math.floor(hourOfDay(occurredAtMs) / (24 / HOUR_BINS))]! += 1;
  const hourTotal = hourCounts.reduce((a, b) => a + b, 0);
  const levels = Object.fromEntries(
    schema.categorical.map((field, i) => [field.column, levelsOf(first.map((transaction) => transaction.categorical[i]!))]),
  );
  const before: FeaturePriors = {
    rows: first.length,
    ...moments(xs),
    hours: Array.from(hourCounts, (count) => count / hourTotal),
    levels,
    categories: null,
    markov: null,
  };
  const plan = featurePlan(schema, before);
  const profiled = schema.categorical[plan.profileIndex];
  const values = first.map((transaction) => transaction.categorical[plan.profileIndex] ?? null);
  const { markovEntity } = schema.features;
  const entityIndex = plan.isFull ? schema.entities.findIndex((entity) => entity.name === markovEntity) : -1;
  const sequences = (): Map<string, MarkovEvent[]> =>
    markovSequences(plan, entityIndex, past, binsOf(plan, before, past), fraudsKnown(labels, asOfMs), asOfMs);
  return {
    ...before,
    categories: profiled === undefined ? null : categoriesOf(levels[profiled.column]!, values, xs),
    markov: entityIndex < 0 ? null : fitMarkov(sequences()),
  };
};
