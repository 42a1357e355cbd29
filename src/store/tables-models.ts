import type { Calibration } from '../domain/calibration.js';
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
