import type { EntityManager } from 'typeorm';
import {
  type LostRun,
  type TrainingClaim,
  type TrainingEvent,
  type TrainingOutcome,
  type TrainingRequest,
  type TrainingRun,
  TrainingRunStore,
  hasEnded,
} from '../training/ports.js';
import type { Database } from './database.js';
import { handBack } from './hand-back.js';
import { holdTraining } from './locks.js';
import { TRAINING_CHANNEL } from './notices.js';
import { checkLimit, checkSequence, Conditions, decodeCursor, encodeCursor, pageOf } from './paging.js';
import type { Page, TrainingRunFilter } from './query-types.js';
import { storableText } from './row-json.js';
import { addTrainingEvent } from './sql/add-training-event.sql.js';
import { enqueueTrainingRun, joinQueuedRun } from './sql/enqueue-training-run.sql.js';
import { NotStoredError, StateConflictError } from './state-conflict.js';
import { RUN_COLUMNS, type RunRow, trainingRun } from './training-views.js';

/** Events of one run: the oldest go. */
const EVENTS_MAX = 1_000;
const TEXT_MAX = 1_000;
const shortText = (text: string): string => storableText(text.slice(0, TEXT_MAX));

type Enqueued = { readonly run: TrainingRun; readonly isNew: boolean };

/** Whoever acts on a run names the epoch of its claim; every statement compares it, by the database's clock. */
export class PostgresTrainingRunStore extends TrainingRunStore {
  constructor(
    private readonly database: Database,
    private readonly eventsMax = EVENTS_MAX,
  ) {
    super();
  }

  override enqueue(request: TrainingRequest): Promise<Enqueued> {
    return this.database.transaction((manager) => enqueue(manager, request));
  }

  override claim(schema: string, holder: string): Promise<{ claim: TrainingClaim; run: TrainingRun } | null> {
    return this.database.transaction(async (manager) => {
      await holdTraining(manager);
      const [rows] = await manager.query<[RunRow[], number]>(
        `UPDATE training_runs
         SET state = 'running', holder = $2, started_at = clock_timestamp(), heartbeat_at = clock_timestamp(),
             epoch = (SELECT coalesce(max(epoch), 0) + 1 FROM training_runs WHERE schema = $1)
         WHERE id = (SELECT id FROM training_runs WHERE schema = $1 AND state = 'queued' ORDER BY requested_at, id LIMIT 1)
           AND NOT EXISTS (SELECT FROM training_runs WHERE schema = $1 AND state = 'running')
         RETURNING ${RUN_COLUMNS}`,
        [schema, shortText(holder)],
      );
      const row = rows[0];
      return row ? { claim: { id: row.id, epoch: row.epoch }, run: trainingRun(row) } : null;
    });
  }

  override async heartbeat(claim: TrainingClaim): Promise<'go-on' | 'cancel' | 'lost'> {
    const [rows] = await this.database.query<[{ cancelled: boolean }[], number]>(
      `UPDATE training_runs SET heartbeat_at = clock_timestamp() WHERE ${HELD}
       RETURNING cancel_requested_at IS NOT NULL AS cancelled`,
      [claim.id, claim.epoch],
    );
    if (rows.length === 0) return 'lost';
    return rows[0]!.cancelled ? 'cancel' : 'go-on';
  }

  override data(claim: TrainingClaim, { fromMs, toMs, hash }: { fromMs: number; toMs: number; hash: string }): Promise<boolean> {
    return this.#update(claim, 'data_from = $3, data_to = $4, data_hash = $5', [new Date(fromMs), new Date(toMs), hash]);
  }

  override async event(claim: TrainingClaim, event: Pick<TrainingEvent, 'step' | 'share' | 'message'>): Promise<boolean> {
    const { step, share, message } = event;
    const at = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
    const parameters = [claim.id, claim.epoch, shortText(step), at, shortText(message), this.eventsMax];
    const rows = await this.database.query<{ sequence: string }[]>(addTrainingEvent, parameters);
    return rows.length === 1;
  }

  override finish(claim: TrainingClaim, { state, report, version, error }: TrainingOutcome): Promise<boolean> {
    // Who cancelled it stays; what is not cancelled after all was not.
    // A run that somebody has cancelled meanwhile does not succeed.
    const only = state === 'succeeded' ? 'AND cancel_requested_at IS NULL' : '';
    const set = `state = $3, report = $4::jsonb, version = $5, finished_at = clock_timestamp(),
      error = CASE WHEN $3 = 'cancelled' THEN coalesce(error, $6) ELSE $6 END`;
    return this.#update(
      claim,
      set,
      [state, report ? JSON.stringify(report) : null, version ?? null, error === undefined ? null : shortText(error)],
      only,
    );
  }

  override handBack(claim: TrainingClaim): Promise<'queued' | 'cancelled' | 'lost'> {
    return this.database.transaction((manager) => handBack(manager, claim, this.eventsMax));
  }

  override cancel(id: string, by: string): Promise<TrainingRun> {
    return this.database.transaction(async (manager) => {
      await holdTraining(manager);
      const run = await lockedRun(manager, id);
      if (hasEnded(run.state)) throw new StateConflictError(`training run ${id} ${ENDED[run.state]}: there is nothing to cancel`);
      const [rows] = await manager.query<[RunRow[], number]>(
        run.state === 'queued'
          ? `UPDATE training_runs SET state = 'cancelled', cancel_requested_at = clock_timestamp(), finished_at = clock_timestamp(), error = $2
             WHERE id = $1 RETURNING ${RUN_COLUMNS}`
          : `UPDATE training_runs SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()), error = $2
             WHERE id = $1 RETURNING ${RUN_COLUMNS}`,
        [id, shortText(`cancelled by ${by}`)],
      );
      return trainingRun(rows[0]!);
    });
  }

  override retry(id: string, by: string): Promise<Enqueued> {
    return this.database.transaction(async (manager) => {
      await holdTraining(manager);
      const run = await lockedRun(manager, id);
      if (!hasEnded(run.state) || run.state === 'succeeded')
        throw new StateConflictError(`training run ${id} ${ENDED[run.state]}: only a failed, cancelled or lost one is retried`);
      return enqueue(manager, { ...again(run), by, why: `retry of run ${id}` }, { of: id, attempt: 1 });
    });
  }

  override markLost(schema: string, silentMs: number, attemptsMax: number): Promise<readonly LostRun[]> {
    return this.database.transaction(async (manager) => {
      await holdTraining(manager);
      const [rows] = await manager.query<[RunRow[], number]>(
        `UPDATE training_runs
         SET state = 'lost', finished_at = clock_timestamp(), error = 'no sign of life from ' || holder || ' since '
           || to_char(heartbeat_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
         WHERE schema = $1 AND state = 'running' AND heartbeat_at < clock_timestamp() - $2 * interval '1 millisecond'
         RETURNING ${RUN_COLUMNS}`,
        [schema, silentMs],
      );
      const lost: LostRun[] = [];
      for (const row of rows) {
        const run = trainingRun(row);
        const goesOn = run.attempt < attemptsMax && run.cancelRequestedAt === null;
        const why = `restart of run ${run.id}, which was lost`;
        const next = { of: run.id, attempt: run.attempt + 1 };
        lost.push({
          run,
          restart: goesOn ? (await enqueue(manager, { ...again(run), by: run.requestedBy, why }, next)).run : null,
        });
      }
      return lost;
    });
  }

  override async run(id: string): Promise<TrainingRun | null> {
    if (!/^\d{1,18}$/.test(id)) return null;
    const [row] = await this.database.query<RunRow[]>(`SELECT ${RUN_COLUMNS} FROM training_runs WHERE id = $1`, [id]);
    return row ? trainingRun(row) : null;
  }

  /** Newest first. @throws InvalidQueryError naming the field of the filter */
  async list(filter: TrainingRunFilter): Promise<Page<TrainingRun>> {
    const limit = checkLimit(filter.limit);
    const conditions = new Conditions();
    if (filter.schema !== undefined) conditions.add('schema = ?', filter.schema);
    if (filter.state !== undefined) conditions.add('state = ?', filter.state);
    if (filter.trigger !== undefined) conditions.add('trigger = ?', filter.trigger);
    if (filter.cursor !== undefined) {
      const [last] = decodeCursor('training-runs', filter.cursor, ['string']) as [string];
      conditions.add('id < ?', checkSequence('cursor', last));
    }
    const rows = await this.database.query<RunRow[]>(
      `SELECT ${RUN_COLUMNS} FROM training_runs ${conditions.where()} ORDER BY id DESC LIMIT ${conditions.parameter(limit + 1)}`,
      conditions.parameters,
    );
    return pageOf(rows, limit, trainingRun, (row) => encodeCursor('training-runs', [row.id]));
  }

  override async eventsAfter(id: string, sequence: number, limit: number): Promise<readonly TrainingEvent[]> {
    type Row = Omit<TrainingEvent, 'sequence' | 'at'> & { sequence: string; at: Date };
    const rows = await this.database.query<Row[]>(
      `SELECT sequence, at, step, share, message FROM training_events WHERE run = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`,
      [checkSequence('id', id), sequence, checkLimit(limit, 1_000)],
    );
    return rows.map((row) => ({ ...row, sequence: Number(row.sequence), at: row.at.toISOString() }));
  }

  async #update(claim: TrainingClaim, set: string, values: readonly unknown[], only = ''): Promise<boolean> {
    const [, changed] = await this.database.query<[unknown[], number]>(
      `UPDATE training_runs SET ${set}, heartbeat_at = clock_timestamp() WHERE ${HELD} ${only}`,
      [claim.id, claim.epoch, ...values],
    );
    return changed === 1;
  }
}

/** $1: run, $2: epoch of the claim. */
const HELD = `id = $1 AND epoch = $2 AND state = 'running'`;

const ENDED: Readonly<Record<TrainingRun['state'], string>> = {
  queued: 'waits',
  running: 'is running',
  succeeded: 'has succeeded',
  failed: 'has failed',
  cancelled: 'was cancelled',
  lost: 'was lost',
};

const again = ({ schema, trigger, seed, settings }: TrainingRun) => ({ schema, trigger, seed, settings });

const enqueue = async (
  manager: EntityManager,
  request: TrainingRequest,
  retry: { readonly of: string; readonly attempt: number } | null = null,
): Promise<Enqueued> => {
  await holdTraining(manager);
  const { schema, trigger, by, why, seed, settings = {}, dueAtMs } = request;
  const asked = [schema, trigger, shortText(why), dueAtMs === undefined ? null : new Date(dueAtMs)];
  const [[waiting]] = await manager.query<[RunRow[], number]>(joinQueuedRun(RUN_COLUMNS), asked);
  if (waiting) {
    const run = trainingRun(waiting);
    // A lost run's restart may be the run that waits: that is one more of the same trigger. Whoever names a run or a seed means that one.
    const isOther = seed !== undefined && run.seed !== seed;
    if (retry?.attempt === 1 || (isOther && !retry))
      throw new StateConflictError(
        `training run ${run.id} of trigger ${trigger} waits already, with seed ${run.seed}: let it end, or cancel it`,
      );
    return { run, isNew: false };
  }
  const rest = [shortText(by), seed ?? null, JSON.stringify(settings), retry?.of ?? null, retry?.attempt ?? 1];
  const [row] = await manager.query<RunRow[]>(enqueueTrainingRun(RUN_COLUMNS), [...asked, ...rest]);
  await manager.query('SELECT pg_notify($1, $2)', [TRAINING_CHANNEL, schema]);
  return { run: trainingRun(row!), isNew: true };
};

const lockedRun = async (manager: EntityManager, id: string): Promise<TrainingRun> => {
  const [row] = /^\d{1,18}$/.test(id)
    ? await manager.query<RunRow[]>(`SELECT ${RUN_COLUMNS} FROM training_runs WHERE id = $1 FOR UPDATE`, [id])
    : [];
  if (!row) throw new NotStoredError(`there is no training run ${JSON.stringify(id.slice(0, 80))}`);
  return trainingRun(row);
};
