import type { TrainingRun } from '../training/ports.js';

export const RUN_COLUMNS = [
  ...['id', 'schema', 'trigger', 'requested_at', 'requested_by', 'why', 'due_at', 'state', 'holder', 'epoch', 'heartbeat_at'],
  ...['cancel_requested_at', 'started_at', 'finished_at', 'seed', 'data_from', 'data_to', 'data_hash', 'settings', 'report'],
  ...['version', 'retry_of', 'attempt', 'error'],
].join(', ');

export interface RunRow {
  readonly id: string;
  readonly schema: string;
  readonly trigger: TrainingRun['trigger'];
  readonly requested_at: Date;
  readonly requested_by: string;
  readonly why: string;
  readonly due_at: Date | null;
  readonly state: TrainingRun['state'];
  readonly holder: string | null;
  readonly epoch: string;
  readonly heartbeat_at: Date | null;
  readonly cancel_requested_at: Date | null;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly seed: string;
  readonly data_from: Date | null;
  readonly data_to: Date | null;
  readonly data_hash: string | null;
  readonly settings: Record<string, unknown>;
  readonly report: Record<string, unknown> | null;
  readonly version: string | null;
  readonly retry_of: string | null;
  readonly attempt: number;
  readonly error: string | null;
}

export const trainingRun = (row: RunRow): TrainingRun => ({
  id: row.id,
  schema: row.schema,
  trigger: row.trigger,
  requestedAt: row.requested_at.toISOString(),
  requestedBy: row.requested_by,
  why: row.why,
  dueAt: timeOf(row.due_at),
  state: row.state,
  holder: row.holder,
  heartbeatAt: timeOf(row.heartbeat_at),
  cancelRequestedAt: timeOf(row.cancel_requested_at),
  startedAt: timeOf(row.started_at),
  finishedAt: timeOf(row.finished_at),
  seed: Number(row.seed),
  data:
    row.data_from && row.data_to && row.data_hash !== null
      ? { from: row.data_from.toISOString(), to: row.data_to.toISOString(), hash: row.data_hash }
      : null,
  settings: row.settings,
  report: row.report,
  version: row.version,
  retryOf: row.retry_of,
  attempt: row.attempt,
  error: row.error,
});

const timeOf = (at: Date | null): string | null => at?.toISOString() ?? null;
