import { InputError } from '../../domain/input-error.js';
import type { Label } from '../../domain/label.js';
import { DAY_MS } from '../../domain/time.js';
import type { TransactionSchema } from '../../domain/transaction-schema.js';
import { knownFrauds, maturedLabels, type Dataset } from '../dataset.js';
import { driftRows } from './drift-day.js';
import { buildDriftReference, type DriftReference } from './drift-reference.js';
import type { DriftSettings } from './drift-settings.js';

interface Trained {
  readonly schema: TransactionSchema;
  readonly labels: readonly Label[];
  readonly asOfMs: number;
  readonly version: string;
}

/**
 * The reference of a model that was just trained: the rows that it learned from and those after them on which it was calibrated,
 * which are the newest that anybody looked at. Null where they are of fewer than two whole weeks: it is then made of what it serves.
 */
export const trainedReference = (
  { features, transactions }: Pick<Dataset, 'features' | 'transactions'>,
  { schema, labels, asOfMs, version }: Trained,
  settings: DriftSettings,
): DriftReference | null => {
  const frauds = schema.label ? knownFrauds(labels, asOfMs) : null;
  const rows = {
    ...driftRows(schema, features, transactions),
    occurredAtMs: Float64Array.from(transactions, (t) => t.occurredAtMs),
    ...(frauds && { labels: maturedLabels(transactions, frauds, asOfMs, (schema.label?.delayDays ?? 0) * DAY_MS) }),
  };
  try {
    return buildDriftReference(version, rows, settings);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
};
