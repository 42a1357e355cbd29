import type { DataSource } from 'typeorm';
import { NO_HISTORY } from '../domain/model-version.js';
import { newMaturedLabels } from './sql/new-matured-labels.sql.js';

/** What gives reason to a training run, as the database knows it. */
export class TrainingTriggers {
  constructor(private readonly dataSource: DataSource) {}

  /** The clock that all processes share, UTC epoch milliseconds. */
  async nowMs(): Promise<number> {
    const [row] = await this.dataSource.query<{ at: number }[]>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS at',
    );
    return row!.at;
  }

  /** When the schedule of this database was first looked at: times before it were nobody's to miss. */
  async scheduledSinceMs(schema: string, nowMs: number): Promise<number> {
    const [row] = await this.dataSource.query<{ value: number }[]>(
      `WITH first AS (
         INSERT INTO settings (key, value) VALUES ($1, to_jsonb($2::double precision)) ON CONFLICT DO NOTHING RETURNING value
       )
       SELECT value FROM first UNION ALL SELECT value FROM settings WHERE key = $1 LIMIT 1`,
      [`retraining-scheduled-since/${schema}`, nowMs],
    );
    return row!.value;
  }

  /** Whether a run answers this time of the schedule, or a later one. */
  async wasAnswered(schema: string, dueMs: number): Promise<boolean> {
    const [row] = await this.dataSource.query<{ found: boolean }[]>(
      'SELECT EXISTS (SELECT FROM training_runs WHERE schema = $1 AND due_at >= $2) AS found',
      [schema, new Date(dueMs)],
    );
    return row!.found;
  }

  /** Whether a run waits, is running, or was asked for in the last `ms` of the database's clock. */
  async isRecent(schema: string, ms: number): Promise<boolean> {
    const [row] = await this.dataSource.query<{ found: boolean }[]>(
      `SELECT EXISTS (SELECT FROM training_runs WHERE schema = $1 AND (state IN ('queued', 'running')
         OR greatest(requested_at, finished_at) > clock_timestamp() - $2 * interval '1 millisecond')) AS found`,
      [schema, ms],
    );
    return row!.found;
  }

  /**
   * While the champion is a model that has learned from no row: whether `rowsMin` transactions are stored, and whether the schedule
   * has asked for a run since that model was made. Null: the champion has learned.
   */
  async coldStart(schema: string, rowsMin: number): Promise<{ readonly hasRows: boolean; readonly wasAsked: boolean } | null> {
    const [row] = await this.dataSource.query<{ hasRows: boolean; wasAsked: boolean }[]>(
      `SELECT (SELECT count(*) FROM (SELECT FROM transaction_ids LIMIT $2) AS stored) >= $2 AS "hasRows",
         EXISTS (SELECT FROM training_runs WHERE schema = $1 AND trigger = 'schedule' AND requested_at > m.created_at) AS "wasAsked"
       FROM model_roles AS r JOIN model_versions AS m ON m.version = r.version
       WHERE r.schema = $1 AND r.role = 'champion' AND m.report ->> 'history' = $3`,
      [schema, rowsMin, NO_HISTORY],
    );
    return row ?? null;
  }

  /**
   * Transactions with a label that was not known, or had not matured, when the newest run read its data (before the first
   * run: when the champion was trained); counted up to `max`.
   *
   * @param eventNowMs what is known is what is known at this event time
   */
  async newMaturedLabels(schema: string, eventNowMs: number, delayMs: number, max: number): Promise<number> {
    const parameters = [schema, new Date(eventNowMs), delayMs, max];
    const [row] = await this.dataSource.query<{ labels: number }[]>(newMaturedLabels, parameters);
    return row!.labels;
  }
}
