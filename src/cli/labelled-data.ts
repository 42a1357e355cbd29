import { openDataFile, columnPositions } from './data-file.js';
import { readHistory } from './data-history.js';
import { readTable } from './data-table.js';
import type { FeatureMatrix } from '../domain/feature-matrix.js';
import { DAY_MS, isoDate } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Estimator } from '../models/detector.js';
import type { Parts, Protocol } from '../training/evaluate-detectors.js';
import { defaultRange, streamTable, type StreamRange } from '../training/stream-table.js';
import { UsageError } from '../usage-error.js';

/** What data, and how they are split: the options that `compare` and `diagnose` share. */
export interface LabelledDataRequest {
  readonly data: string;
  /** Of a table; a stream's is its schema's. */
  readonly label: string | null;
  readonly schema: TransactionSchema | null;
  readonly protocol: Protocol;
  readonly split?: string;
  readonly test?: string;
  /** First day of training; then the ranges are those of `backtest`. */
  readonly startMs?: number;
  readonly trainDays: number;
  readonly delayDays: number;
  readonly testDays: number;
}

/** Rows of features, from a plain table or from a stream by the online line's features. */
export interface LabelledData {
  readonly features: FeatureMatrix;
  readonly labels: Uint8Array;
  readonly split: Uint8Array | null;
  readonly parts?: Parts;
  readonly entities?: Int32Array;
  readonly featuresOf?: (features: FeatureMatrix, estimator: Estimator) => FeatureMatrix;
  readonly notes: readonly string[];
}

/** A schema with time and entities makes a stream of the data: its features look back. */
export const isStream = (schema: TransactionSchema | null): schema is TransactionSchema =>
  schema?.time !== undefined && schema.entities.length > 0;

/** @param onProgress may throw, which ends the reading */
export const readLabelledData = async (
  request: LabelledDataRequest,
  onProgress: (step: string, share: number) => void,
): Promise<LabelledData> => {
  if (isStream(request.schema)) return readStream(request, request.schema, onProgress);
  if (request.startMs !== undefined) throw new UsageError('--start needs a --schema with time and entities');
  const file = await openDataFile(request.data);
  const test = request.test === undefined ? null : await openDataFile(request.test);
  if (test && request.label !== null) columnPositions(test, [request.label], '--label');
  const { label, split = null, schema } = request;
  return readTable(file, test, { label, split, schema }, (share) => onProgress('reading', share));
};

const readStream = async (
  request: LabelledDataRequest,
  given: TransactionSchema,
  onProgress: (step: string, share: number) => void,
): Promise<LabelledData> => {
  if (!given.label) throw new UsageError(`schema "${given.name}" has no label; a stream is judged by its schema's`);
  if (request.label !== null && request.label !== given.label.column)
    throw new UsageError(`--label ${request.label}: the label of schema "${given.name}" is "${given.label.column}"`);
  if (request.split !== undefined || request.test !== undefined)
    throw new UsageError(`--split and --test are for tables; schema "${given.name}" is a stream, split by time (--start)`);
  const { startMs, delayDays } = request;
  const schema = startMs === undefined ? given : { ...given, label: { ...given.label, delayDays } };
  const file = await openDataFile(request.data);
  const history = await readHistory(file, schema, true, (share) => onProgress('reading', share));
  const { transactions, labels, refused, firstRefusal } = history;
  const range = startMs === undefined ? defaultRange(schema, transactions) : bookRange(request, startMs);
  const [firstMs, lastMs] = [transactions[0]!.occurredAtMs, transactions.at(-1)!.occurredAtMs];
  if (range.trainToMs <= firstMs || range.testFromMs > lastMs)
    throw new UsageError(`--start: training and test do not fit ${request.data}, from ${isoDate(firstMs)} to ${isoDate(lastMs)}`);
  const table = await streamTable(
    { schema, transactions, labels, protocol: request.protocol, isByBook: startMs !== undefined, ...range },
    (share) => onProgress('features', share),
  );
  return {
    ...table,
    split: null,
    notes: [
      ...(refused > 0 ? [`${refused} rows refused; the first: ${firstRefusal!}`] : []),
      `training ${isoDate(range.trainFromMs)} to ${isoDate(range.trainToMs)}, test ${isoDate(range.testFromMs)} to ${isoDate(range.testToMs)}`,
    ],
  };
};

const bookRange = (request: LabelledDataRequest, startMs: number): StreamRange => {
  const trainToMs = startMs + request.trainDays * DAY_MS;
  const testFromMs = trainToMs + request.delayDays * DAY_MS;
  return { trainFromMs: startMs, trainToMs, testFromMs, testToMs: testFromMs + request.testDays * DAY_MS };
};
