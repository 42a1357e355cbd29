import { type FeatureMatrix } from '../domain/feature-matrix.js';
import { InputError } from '../domain/input-error.js';
import type { Label } from '../domain/label.js';
import { DAY_MS } from '../domain/time.js';
import type { Transaction } from '../domain/transaction.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { createFeatureSet } from '../features/catalog.js';
import { fitPriors } from '../features/priors.js';
import type { Estimator } from '../models/detector.js';
import { channelFeatures } from '../scoring/scoring-model.js';
import { buildDataset, knownFrauds, maturedLabels } from './dataset.js';
import type { Parts, Protocol } from './evaluate-detectors.js';
import { judgedByBook } from './judge-backtest.js';
import { entityNumbers } from './retrain.js';

export interface StreamRange {
  readonly trainFromMs: number;
  /** Training ends where labels still become known before the test begins. */
  readonly trainToMs: number;
  readonly testFromMs: number;
  readonly testToMs: number;
}

export interface StreamTableInput extends StreamRange {
  readonly schema: TransactionSchema;
  /** In event order. */
  readonly transactions: readonly Transaction[];
  readonly labels: readonly Label[];
  readonly protocol: Protocol;
  /** Leaves out of the judged rows what `backtest` leaves out: customers already known as compromised. */
  readonly isByBook: boolean;
}

/** A stream's features by the online line's code, split by time. */
export interface StreamTable {
  readonly features: FeatureMatrix;
  /** Of training rows what was known when the test began, of the others the truth. */
  readonly labels: Uint8Array;
  readonly parts: Parts;
  /** The rows' transactions. */
  readonly transactions: readonly Transaction[];
  /** Of the rows, as `TrainingData`. */
  readonly entities: Int32Array;
  /** The columns of the channel that the estimator would feed. */
  readonly featuresOf: (features: FeatureMatrix, estimator: Estimator) => FeatureMatrix;
}

/** The part of the time after which the test begins, where no range is given. */
const TRAIN_SHARE = 0.6;

/** The first 60 % of the time up to the label delay train, the rest is the test. @throws InputError when the delay leaves nothing */
export const defaultRange = ({ label, name }: TransactionSchema, transactions: readonly Transaction[]): StreamRange => {
  const [firstMs, lastMs] = [transactions[0]!.occurredAtMs, transactions.at(-1)!.occurredAtMs];
  const testFromMs = firstMs + TRAIN_SHARE * (lastMs - firstMs);
  const trainToMs = testFromMs - (label?.delayDays ?? 0) * DAY_MS;
  if (trainToMs <= firstMs)
    throw new InputError(
      `the first ${100 * TRAIN_SHARE} % of the data are shorter than the ${label?.delayDays} days until labels of schema ${name} are known`,
    );
  return { trainFromMs: firstMs, trainToMs, testFromMs, testToMs: lastMs + 1 };
};

/**
 * Every row sees the labels that were known at its own time. What is learned is what was known when the test began: one-class
 * and unlabelled rows that were then no known fraud, supervised the rows whose label delay had passed.
 */
export const streamTable = async (
  input: StreamTableInput,
  onProgress: (share: number) => Promise<void> | void,
): Promise<StreamTable> => {
  const { schema, testFromMs, trainToMs } = input;
  const featureSet = createFeatureSet(schema, fitPriors(schema, input.transactions, input.labels, testFromMs));
  const range = { keepFromMs: input.trainFromMs, keepToMs: input.testToMs };
  const { features, transactions } = await buildDataset(featureSet, input.transactions, input.labels, range, onProgress);
  const known = knownFrauds(input.labels, testFromMs);
  const truth = knownFrauds(input.labels, Infinity);
  return {
    features,
    transactions,
    entities: entityNumbers(transactions),
    labels: Uint8Array.from(transactions, (t) => ((t.occurredAtMs < trainToMs ? known : truth).has(t.id) ? 1 : 0)),
    parts: {
      train: trainingRows(transactions, known, input),
      test: judgedRows(transactions, { ...input, trainToMs, startMs: input.trainFromMs }),
    },
    featuresOf: (matrix, { name, supervised }) => {
      if (name === 'tail') return channelFeatures(featureSet, 'T', matrix, name);
      if (name === 'markov-filter') return channelFeatures(featureSet, 'H', matrix, name);
      return channelFeatures(featureSet, supervised ? 'S' : 'D', matrix, name);
    },
  };
};

const rowsWhere = (count: number, isWanted: (row: number) => boolean): Uint32Array =>
  Uint32Array.from(Array.from({ length: count }, (_, row) => row).filter(isWanted));

const trainingRows = (
  transactions: readonly Transaction[],
  frauds: ReadonlySet<string>,
  { protocol, schema, testFromMs, trainToMs }: StreamTableInput,
): Uint32Array => {
  const known = maturedLabels(transactions, frauds, testFromMs, (schema.label?.delayDays ?? 0) * DAY_MS);
  return rowsWhere(transactions.length, (row) => {
    if (transactions[row]!.occurredAtMs >= trainToMs) return false;
    if (protocol === 'unsupervised') return true;
    return protocol === 'supervised' ? known[row]! >= 0 : !frauds.has(transactions[row]!.id);
  });
};

const judgedRows = (
  transactions: readonly Transaction[],
  { isByBook, ...happened }: StreamTableInput & { readonly startMs: number },
): Uint32Array => {
  // The whole history: `transactions` begins with the training range, and so does the book's list of known customers.
  const isJudged = isByBook ? judgedByBook(happened) : () => true;
  return rowsWhere(
    transactions.length,
    (row) => transactions[row]!.occurredAtMs >= happened.testFromMs && isJudged(transactions[row]!),
  );
};
