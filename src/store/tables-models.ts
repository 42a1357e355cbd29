import type { Calibration } from '../domain/calibration.js';
import type { Channel, Outcome } from '../domain/decision.js';
import { column, key, list, now, optional, serial, table } from './table-columns.js';

export interface CalibrationRow {
  id: string;
  model: string;
  validFromDay: number;
  payload: Calibration;
  createdAt: Date;
}
export const Calibrations = table<CalibrationRow>('calibrations', {
  id: key('text'),
  model: column('text'),
  validFromDay: column('integer', 'valid_from_day'),
  payload: column('jsonb'),
  createdAt: now('created_at'),
});

export interface ModelVersionRow {
  version: string;
  schema: string;
  featureSet: string;
  checksum: string;
  trainedAt: Date;
  report: Record<string, unknown>;
  /** Null: retired, and the bytes were dropped. */
  artifact: Buffer | null;
  createdAt: Date;
  dataFrom: Date | null;
  dataTo: Date | null;
  dataHash: string | null;
  schemaHash: string | null;
  parent: string | null;
  trainingRun: string | null;
  gate: Record<string, unknown> | null;
  signature: string | null;
}
export const ModelVersions = table<ModelVersionRow>('model_versions', {
  version: key('text'),
  schema: column('text'),
  featureSet: column('text', 'feature_set'),
  checksum: column('text'),
  trainedAt: column('timestamptz', 'trained_at'),
  report: column('jsonb'),
  artifact: optional('bytea'),
  createdAt: now('created_at'),
  dataFrom: optional('timestamptz', 'data_from'),
  dataTo: optional('timestamptz', 'data_to'),
  dataHash: optional('text', 'data_hash'),
  schemaHash: optional('text', 'schema_hash'),
  parent: optional('text'),
  trainingRun: optional('bigint', 'training_run'),
  gate: optional('jsonb'),
  signature: optional('text'),
});

export interface ModelRoleRow {
  schema: string;
  version: string;
  role: 'champion' | 'challenger' | 'retired';
  epoch: string;
  since: Date;
  change: string | null;
}
export const ModelRoles = table<ModelRoleRow>('model_roles', {
  schema: key('text'),
  version: key('text'),
  role: column('text'),
  epoch: column('bigint'),
  since: now('since'),
  change: optional('bigint'),
});

export interface RoleChangeRow {
  id: string;
  schema: string;
  kind: string;
  version: string;
  /** The champion that had to go. */
  replaced: string | null;
  /** Of the role, after the change. */
  epoch: string;
  at: Date;
  by: string;
  why: string;
  /** The promotion that stood when this one came. */
  previous: string | null;
}
export const RoleChanges = table<RoleChangeRow>('role_changes', {
  id: serial(),
  schema: column('text'),
  kind: column('text'),
  version: column('text'),
  replaced: optional('text'),
  epoch: column('bigint'),
  at: now('at'),
  by: column('text'),
  why: column('text'),
  previous: optional('bigint'),
});

export const FeatureSets = table<{ id: string; columns: string[] }>('feature_sets', {
  id: key('text'),
  columns: list('text'),
});

export interface ShadowScoreRow {
  transactionId: string;
  occurredAt: Date;
  version: string;
  sScore: number;
  tScore: number;
  hScore: number;
  dScore: number;
  /** Null with the next three: it had no calibration. */
  minusLog10P: number | null;
  outcome: Outcome | null;
  lane: Channel | null;
  calibration: string | null;
}
/** TypeORM needs a key, the table has none: each row comes with its transaction's. */
export const ShadowScores = table<ShadowScoreRow>('shadow_scores', {
  transactionId: key('text', 'transaction_id'),
  occurredAt: column('timestamptz', 'occurred_at'),
  version: key('text'),
  sScore: column('float8', 's_score'),
  tScore: column('float8', 't_score'),
  hScore: column('float8', 'h_score'),
  dScore: column('float8', 'd_score'),
  minusLog10P: optional('float8', 'minus_log10_p'),
  outcome: optional('text'),
  lane: optional('text'),
  calibration: optional('text'),
});
