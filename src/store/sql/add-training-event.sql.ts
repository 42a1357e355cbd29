/**
 * $1: run, $2: epoch of the claim; $3: step, $4: share, $5: message; $6: events kept of a run. The run's counter is the
 * event's number, so numbers become visible in rising order: the row is locked until the commit. No row: the run is lost.
 */
export const addTrainingEvent = `WITH held AS (
  UPDATE training_runs SET events = events + 1, heartbeat_at = clock_timestamp()
  WHERE id = $1 AND epoch = $2 AND state = 'running'
  RETURNING id, events
), dropped AS (
  DELETE FROM training_events USING held WHERE run = held.id AND sequence <= held.events - $6
)
INSERT INTO training_events (run, sequence, step, share, message)
SELECT id, events, $3, $4, $5 FROM held
RETURNING sequence`;
