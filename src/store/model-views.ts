import type { ModelState } from '../domain/model-version.js';

export interface ModelView {
  readonly version: string;
  readonly schema: string;
  readonly state: ModelState;
  /** When it came into its role; null without one. */
  readonly since: string | null;
  /** Of its role: grows with each change of champion. A promotion may name the one that it saw. */
  readonly epoch: number | null;
  readonly trainedAt: string;
  readonly featureSet: string;
  readonly schemaHash: string | null;
  readonly checksum: string;
  readonly isSigned: boolean;
  /** Null: dropped after it was retired. */
  readonly artifactBytes: number | null;
  readonly data: { readonly from: string; readonly to: string; readonly hash: string } | null;
  /** The champion that it was held against. */
  readonly parent: string | null;
  readonly trainingRun: string | null;
}

export interface RoleChange {
  readonly id: string;
  readonly kind: 'promote' | 'rollback' | 'challenge' | 'relieve' | 'retire';
  readonly version: string;
  /** The champion that had to go. */
  readonly replaced: string | null;
  readonly epoch: number;
  readonly at: string;
  readonly by: string;
  readonly why: string;
}

export interface ModelDetail extends ModelView {
  readonly report: Readonly<Record<string, unknown>>;
  readonly gate: Readonly<Record<string, unknown>> | null;
  /** Newest first, at most 100. */
  readonly changes: readonly RoleChange[];
}

export const MODEL_COLUMNS = `m.version, m.schema, coalesce(r.role, 'candidate') AS state, r.since, r.epoch, m.trained_at,
  m.feature_set, m.schema_hash, m.checksum, m.signature IS NOT NULL AS signed, length(m.artifact) AS bytes,
  m.data_from, m.data_to, m.data_hash, m.parent, m.training_run`;
export const MODEL_TABLES = 'model_versions AS m LEFT JOIN model_roles AS r ON r.schema = m.schema AND r.version = m.version';

export interface ModelRow {
  readonly version: string;
  readonly schema: string;
  readonly state: ModelState;
  readonly since: Date | null;
  readonly epoch: string | null;
  readonly trained_at: Date;
  readonly feature_set: string;
  readonly schema_hash: string | null;
  readonly checksum: string;
  readonly signed: boolean;
  readonly bytes: number | null;
  readonly data_from: Date | null;
  readonly data_to: Date | null;
  readonly data_hash: string | null;
  readonly parent: string | null;
  readonly training_run: string | null;
}

export const modelView = (row: ModelRow): ModelView => ({
  version: row.version,
  schema: row.schema,
  state: row.state,
  since: row.since?.toISOString() ?? null,
  epoch: row.epoch === null ? null : Number(row.epoch),
  trainedAt: row.trained_at.toISOString(),
  featureSet: row.feature_set,
  schemaHash: row.schema_hash,
  checksum: row.checksum,
  isSigned: row.signed,
  artifactBytes: row.bytes,
  data:
    row.data_from && row.data_to && row.data_hash !== null
      ? { from: row.data_from.toISOString(), to: row.data_to.toISOString(), hash: row.data_hash }
      : null,
  parent: row.parent,
  trainingRun: row.training_run,
});

export const CHANGE_COLUMNS = 'id, kind, version, replaced, epoch, at, by, why';
export interface ChangeRow extends Omit<RoleChange, 'epoch' | 'at'> {
  readonly epoch: string;
  readonly at: Date;
}
export const roleChange = (row: ChangeRow): RoleChange => ({
  ...row,
  epoch: Number(row.epoch),
  at: row.at.toISOString(),
});
