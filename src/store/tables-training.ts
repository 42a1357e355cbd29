import type { TrainingState, TrainingTrigger } from '../training/ports.js';
import { column, key, now, optional, serial, table } from './table-columns.js';

export interface TrainingRunRow {
  id: string;
  schema: string;
  trigger: TrainingTrigger;
  requestedAt: Date;
  requestedBy: string;
  why: string;
  dueAt: Date | null;
  state: TrainingState;
  holder: string | null;
  epoch: string;
  heartbeatAt: Date | null;
  cancelRequestedAt: Date | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  seed: string;
  dataFrom: Date | null;
  dataTo: Date | null;
  dataHash: string | null;
  settings: Record<string, unknown>;
  report: Record<string, unknown> | null;
  version: string | null;
  retryOf: string | null;
  attempt: number;
  error: string | null;
  events: string;
}
export const TrainingRuns = table<TrainingRunRow>('training_runs', {
  id: serial(),
  schema: column('text'),
  trigger: column('text'),
  requestedAt: now('requested_at'),
  requestedBy: column('text', 'requested_by'),
  why: column('text'),
  dueAt: optional('timestamptz', 'due_at'),
  state: column('text'),
  holder: optional('text'),
  epoch: column('bigint'),
  heartbeatAt: optional('timestamptz', 'heartbeat_at'),
  cancelRequestedAt: optional('timestamptz', 'cancel_requested_at'),
  startedAt: optional('timestamptz', 'started_at'),
  finishedAt: optional('timestamptz', 'finished_at'),
  seed: column('bigint'),
  dataFrom: optional('timestamptz', 'data_from'),
  dataTo: optional('timestamptz', 'data_to'),
  dataHash: optional('text', 'data_hash'),
  settings: column('jsonb'),
  report: optional('jsonb'),
  version: optional('text'),
  retryOf: optional('bigint', 'retry_of'),
  attempt: column('integer'),
  error: optional('text'),
  events: column('bigint'),
});

export interface TrainingEventRow {
  run: string;
  sequence: string;
  at: Date;
  step: string;
  share: number;
  message: string;
}
export const TrainingEvents = table<TrainingEventRow>('training_events', {
  run: key('bigint'),
  sequence: key('bigint'),
  at: now('at'),
  step: column('text'),
  share: column('float8'),
  message: column('text'),
});
