import type { EntityManager } from 'typeorm';
import type { TrainingClaim, TrainingTrigger } from '../training/ports.js';
import { holdTraining } from './locks.js';
import { TRAINING_CHANNEL } from './notices.js';
import { addTrainingEvent } from './sql/add-training-event.sql.js';

interface Held {
  readonly schema: string;
  readonly trigger: TrainingTrigger;
  readonly holder: string;
  readonly cancelled: boolean;
  /** A run of the same trigger that waits: there may be one. */
  readonly waiting: string | null;
}

/** In a transaction of its own. As `TrainingRunStore.handBack`. @param eventsMax of one run */
export const handBack = async (
  manager: EntityManager,
  { id, epoch }: TrainingClaim,
  eventsMax: number,
): Promise<'queued' | 'cancelled' | 'lost'> => {
  await holdTraining(manager);
  const [held] = await manager.query<Held[]>(
    `SELECT schema, trigger, holder, cancel_requested_at IS NOT NULL AS cancelled,
       (SELECT id FROM training_runs AS w WHERE w.schema = r.schema AND w.trigger = r.trigger AND w.state = 'queued') AS waiting
     FROM training_runs AS r WHERE id = $1 AND epoch = $2 AND state = 'running' FOR UPDATE`,
    [id, epoch],
  );
  if (!held) return 'lost';
  const { schema, holder, cancelled, waiting } = held;
  const message = `handed back: ${holder} stops`;
  await manager.query(addTrainingEvent, [id, epoch, 'stop', 1, message, eventsMax]);
  if (cancelled || waiting !== null) {
    await manager.query(
      `UPDATE training_runs SET state = 'cancelled', finished_at = clock_timestamp(), error = coalesce(error, $2) WHERE id = $1`,
      [id, waiting === null ? message : `${message}; run ${waiting} of the same trigger takes its place`],
    );
    return 'cancelled';
  }
  // As before its claim: what it has read says nothing of what the next one will read.
  await manager.query(
    `UPDATE training_runs SET state = 'queued', holder = NULL, started_at = NULL, heartbeat_at = NULL,
       data_from = NULL, data_to = NULL, data_hash = NULL WHERE id = $1`,
    [id],
  );
  await manager.query('SELECT pg_notify($1, $2)', [TRAINING_CHANNEL, schema]);
  return 'queued';
};
