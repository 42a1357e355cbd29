/** $1: schema, $2: trigger, $3: why, $4: time of the schedule. A run of the trigger that waits answers for a later time too. */
export const joinQueuedRun = (columns: string): string => `UPDATE training_runs
SET due_at = greatest(due_at, $4::timestamptz), why = CASE WHEN $4::timestamptz > due_at THEN $3 ELSE why END
WHERE schema = $1 AND trigger = $2 AND state = 'queued'
RETURNING ${columns}`;

/**
 * $1: schema, $2: trigger, $3: why, $4: time of the schedule, $5: who, $6: seed (null: the run's number), $7: settings,
 * $8: run that it retries, $9: attempt.
 */
export const enqueueTrainingRun = (columns: string): string => `WITH next AS (
  SELECT nextval('training_runs_id_seq') AS id
)
INSERT INTO training_runs
  (id, schema, trigger, state, requested_at, requested_by, why, due_at, seed, settings, retry_of, attempt, epoch, events)
SELECT id, $1, $2, 'queued', clock_timestamp(), $5, $3, $4::timestamptz, coalesce($6::bigint, id), $7::jsonb, $8::bigint, $9::integer, 0, 0
FROM next
RETURNING ${columns}`;
