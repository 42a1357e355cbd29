import { loadSchema } from '../../src/config.js';
import type { FeatureMatrix } from '../../src/domain/feature-matrix.js';
import type { Label } from '../../src/domain/label.js';
import { DAY_MS } from '../../src/domain/time.js';
import type { Transaction } from '../../src/domain/transaction.js';
import { createFeatureSet, type FeatureSet } from '../../src/features/catalog.js';
import { fitPriors } from '../../src/features/priors.js';
import { buildDataset, knownFrauds, maturedLabels } from '../../src/training/dataset.js';
import { judgedByBook } from '../../src/training/judge-backtest.js';

const DELAY_MS = 7 * DAY_MS;

/** Rows of one week's training range and test range, as places in the stream. */
export interface WeekRows {
  readonly train: readonly number[];
  /** 1 fraud, 0 legitimate: known at the test's start. */
  readonly trainLabels: Uint8Array;
  readonly test: readonly number[];
  /** Those that the Handbook judges. */
  readonly judged: readonly number[];
  /** The seven days before the test: what its first calibration is made of. */
  readonly before: readonly number[];
}

export interface PreparedStream {
  readonly featureSet: FeatureSet;
  readonly features: FeatureMatrix;
  readonly transactions: readonly Transaction[];
  /** Whatever was known when. */
  readonly truth: ReadonlyMap<string, Label>;
  readonly weekRows: (week: number) => WeekRows;
}

/**
 * Features of the whole stream once, by priors of its beginning: retraining keeps the feature set, as a service does.
 *
 * @param firstMs start of the first test week; the fourteen days before are its training range and the wait for labels
 */
export const prepareWeeks = async (
  { transactions: all, labels }: { readonly transactions: readonly Transaction[]; readonly labels: readonly Label[] },
  { firstMs, weeks }: { readonly firstMs: number; readonly weeks: number },
): Promise<PreparedStream> => {
  const given = loadSchema('handbook');
  const schema = { ...given, label: { ...given.label!, delayDays: 7 } };
  const transactions = all.filter((t) => t.occurredAtMs < firstMs + weeks * 7 * DAY_MS);
  const past = transactions.filter((t) => t.occurredAtMs < firstMs);
  const featureSet = createFeatureSet(schema, fitPriors(schema, past, labels, firstMs));
  const range = { keepFromMs: firstMs - 14 * DAY_MS, keepToMs: firstMs + weeks * 7 * DAY_MS };
  const dataset = await buildDataset(featureSet, transactions, labels, range);
  const kept = dataset.transactions;
  const between = (fromMs: number, toMs: number): number[] =>
    [...kept.keys()].filter((r) => kept[r]!.occurredAtMs >= fromMs && kept[r]!.occurredAtMs < toMs);
  const weekRows = (week: number): WeekRows => {
    const testMs = firstMs + week * 7 * DAY_MS;
    const train = between(testMs - 14 * DAY_MS, testMs - 7 * DAY_MS);
    const known = maturedLabels(
      train.map((r) => kept[r]!),
      knownFrauds(labels, testMs),
      testMs,
      DELAY_MS,
    );
    const test = between(testMs, testMs + 7 * DAY_MS);
    const isJudged = judgedByBook({
      transactions,
      labels,
      startMs: testMs - 14 * DAY_MS,
      trainToMs: testMs - 7 * DAY_MS,
      testFromMs: testMs,
    });
    return {
      train,
      trainLabels: Uint8Array.from(known, (label) => (label === 1 ? 1 : 0)),
      test,
      judged: test.filter((r) => isJudged(kept[r]!)),
      before: between(testMs - 7 * DAY_MS, testMs),
    };
  };
  const truth = new Map(labels.filter(({ isFraud }) => isFraud).map((label) => [label.transactionId, label]));
  return { featureSet, features: dataset.features, transactions: kept, truth, weekRows };
};
