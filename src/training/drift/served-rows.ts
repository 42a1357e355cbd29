import { featureMatrix, type FeatureColumn } from '../../domain/feature-matrix.js';
import type { TransactionSchema } from '../../domain/transaction-schema.js';
import type { Transaction } from '../../domain/transaction.js';
import { driftRows, summariseDay, type DriftDay } from './drift-day.js';
import { buildDriftReference, type DriftReference, type ReferenceRows } from './drift-reference.js';
import type { DriftSettings } from './drift-settings.js';
import { scoreDay, type ScoreDay, type WatchedScore } from './score-day.js';

/** A stored row as it was served. */
export interface ServedRow extends Pick<Transaction, 'id' | 'occurredAtMs' | 'entities' | 'categorical'> {
  readonly features: Float32Array;
  /** Null where the watched model did not score it, or nothing was calibrated then. */
  readonly minusLog10P: Readonly<Record<WatchedScore, number>> | null;
  /** 1 fraud, 0 legitimate, -1 not matured or not asked for. */
  readonly label: number;
}

interface Columns {
  readonly schema: TransactionSchema;
  readonly columns: readonly FeatureColumn[];
}

/** What a thread is asked to make of served rows; plain data. */
export type DriftTask = Columns &
  (
    | {
        readonly kind: 'day';
        readonly day: number;
        /** Null: the scores alone are looked at. */
        readonly reference: DriftReference | null;
        /** Fewer scored rows are no day of the martingale. */
        readonly scoresMin: number;
      }
    | { readonly kind: 'reference'; readonly id: string; readonly settings: DriftSettings }
  );

export interface ServedDay {
  readonly counts: DriftDay | null;
  readonly scores: Readonly<Record<WatchedScore, ScoreDay>> | null;
}

export type DriftResult<Task extends DriftTask> = Task extends { kind: 'day' } ? ServedDay : DriftReference;

const matrixOf = ({ schema, columns }: Columns, rows: readonly ServedRow[]): ReferenceRows => {
  const values = new Float32Array(rows.length * columns.length);
  rows.forEach(({ features }, i) => values.set(features, i * columns.length));
  return {
    ...driftRows(schema, featureMatrix(columns, values), rows),
    occurredAtMs: Float64Array.from(rows, (row) => row.occurredAtMs),
    ...(schema.label && { labels: Int8Array.from(rows, ({ label }) => label) }),
  };
};

const scoresOf = (rows: readonly ServedRow[], scoresMin: number): ServedDay['scores'] => {
  const scored = rows.flatMap(({ minusLog10P }) => minusLog10P ?? []);
  if (scored.length < scoresMin) return null;
  const of = (score: WatchedScore): ScoreDay => scoreDay(Float64Array.from(scored, (p) => p[score]));
  return { D: of('D'), fused: of('fused') };
};

/**
 * Counts a day, or makes a reference. Pure; a day of 100,000 rows of 40 columns takes about a second.
 *
 * @throws InputError when the rows are of fewer than two whole weeks, or lack a column of the reference
 */
export const driftResult = <Task extends DriftTask>(task: Task, rows: readonly ServedRow[]): DriftResult<Task> => {
  const result =
    task.kind === 'reference'
      ? buildDriftReference(task.id, matrixOf(task, rows), task.settings)
      : {
          counts: task.reference && summariseDay(task.reference, task.day, matrixOf(task, rows)),
          scores: scoresOf(rows, task.scoresMin),
        };
  return result as DriftResult<Task>;
};
