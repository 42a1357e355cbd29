import type { EntitySchema } from 'typeorm';
import type { Alert } from '../domain/alert.js';
import { column, computed, key, list, now, optional, serial, table } from './table-columns.js';
import { Calibrations, FeatureSets, ModelRoles, ModelVersions, RoleChanges, ShadowScores } from './tables-models.js';
import { DriftDays, DriftMaturedDays, DriftReports, DriftStates } from './tables-drift.js';
import { TrainingEvents, TrainingRuns } from './tables-training.js';

export const TransactionIds = table<{ id: string; contentHash: Buffer; occurredAt: Date }>('transaction_ids', {
  id: key('text'),
  contentHash: column('bytea', 'content_hash'),
  occurredAt: column('timestamptz', 'occurred_at'),
});

export interface TransactionRow {
  id: string;
  occurredAt: Date;
  entities: string[];
  amountMinor: string;
  currency: string;
  numericFields: (number | null)[];
  categoricalFields: (string | null)[];
  amountBin: number;
  features: Buffer;
  sScore: number;
  sMinusLog10P: number | null;
  tScore: number;
  tMinusLog10P: number | null;
  hScore: number;
  hMinusLog10P: number | null;
  dScore: number;
  dMinusLog10P: number | null;
  fusedScore: number;
  fusedMinusLog10P: number | null;
  fraudProbability: number | null;
  outcome: 'approve' | 'review' | 'decline';
  lane: 'S' | 'T' | 'H' | 'D' | null;
  bound: string;
  thresholdMinusLog10P: number;
  late: boolean;
  model: string;
  calibration: string;
  policy: string;
  featureSet: string;
  committedAt: Date;
}
/** Partitioned by month of event time: TypeORM needs a key, the table has none (`transaction_ids` has it). */
export const Transactions = table<TransactionRow>('transactions', {
  id: key('text'),
  occurredAt: column('timestamptz', 'occurred_at'),
  entities: list('text'),
  amountMinor: column('bigint', 'amount_minor'),
  currency: column('text'),
  numericFields: list('float8', 'numeric_fields'),
  categoricalFields: list('text', 'categorical_fields'),
  amountBin: column('smallint', 'amount_bin'),
  features: column('bytea'),
  sScore: column('float8', 's_score'),
  sMinusLog10P: optional('float8', 's_minus_log10_p'),
  tScore: column('float8', 't_score'),
  tMinusLog10P: optional('float8', 't_minus_log10_p'),
  hScore: column('float8', 'h_score'),
  hMinusLog10P: optional('float8', 'h_minus_log10_p'),
  dScore: column('float8', 'd_score'),
  dMinusLog10P: optional('float8', 'd_minus_log10_p'),
  fusedScore: column('float8', 'fused_score'),
  fusedMinusLog10P: optional('float8', 'fused_minus_log10_p'),
  fraudProbability: optional('float8', 'fraud_probability'),
  outcome: column('text'),
  lane: optional('text'),
  bound: column('text'),
  thresholdMinusLog10P: column('float8', 'threshold_minus_log10_p'),
  late: column('boolean'),
  model: column('text'),
  calibration: column('text'),
  policy: column('text'),
  featureSet: column('text', 'feature_set'),
  committedAt: now('committed_at'),
});

export const DayCounts = table<{ day: string; shard: number; transactions: string; decided: string; alerts: string }>(
  'day_counts',
  {
    day: key('date'),
    shard: key('smallint'),
    transactions: column('bigint'),
    decided: column('bigint'),
    alerts: column('bigint'),
  },
);

export interface AlertRow {
  sequence: string;
  id: string;
  transactionId: string;
  occurredAt: Date;
  entities: string[];
  outcome: string;
  lane: string;
  payload: Alert;
  createdAt: Date;
  pattern: string;
  newType: boolean;
}
export const Alerts = table<AlertRow>('alerts', {
  sequence: serial(),
  id: { ...column('uuid'), unique: true },
  transactionId: { ...column('text', 'transaction_id'), unique: true },
  occurredAt: column('timestamptz', 'occurred_at'),
  entities: list('text'),
  outcome: column('text'),
  lane: column('text'),
  payload: column('jsonb'),
  createdAt: now('created_at'),
  pattern: computed('text', 'pattern'),
  newType: computed('boolean', 'new_type'),
});

export interface OutboxTableRow {
  id: string;
  kind: 'alert' | 'dead-letter';
  key: string | null;
  payload: Buffer | null;
  deadLetterId: string | null;
  headers: Record<string, string>;
  createdAt: Date;
  publishedAt: Date | null;
}
export const Outbox = table<OutboxTableRow>('outbox', {
  id: serial(),
  kind: column('text'),
  key: optional('text'),
  payload: optional('bytea'),
  deadLetterId: optional('bigint', 'dead_letter_id'),
  headers: column('jsonb'),
  createdAt: now('created_at'),
  publishedAt: optional('timestamptz', 'published_at'),
});

export interface LabelRow {
  id: string;
  transactionId: string;
  isFraud: boolean;
  type: string | null;
  source: string;
  knownAt: Date;
  receivedAt: Date;
}
export const Labels = table<LabelRow>('labels', {
  id: serial(),
  transactionId: column('text', 'transaction_id'),
  isFraud: column('boolean', 'is_fraud'),
  type: optional('text'),
  source: column('text'),
  knownAt: column('timestamptz', 'known_at'),
  receivedAt: now('received_at'),
});

export const EntityStates = table<{ featureSet: string; entityId: string; version: string; state: Buffer }>('entity_states', {
  featureSet: key('text', 'feature_set'),
  entityId: key('text', 'entity_id'),
  version: column('bigint'),
  state: column('bytea'),
});

export interface EvidenceCellRow {
  entityType: string;
  entityId: string;
  bucketAt: Date;
  bin: number;
  n: number;
  nFraud: number;
}
export const EvidenceCells = table<EvidenceCellRow>('evidence_cells', {
  entityType: key('text', 'entity_type'),
  entityId: key('text', 'entity_id'),
  bucketAt: key('timestamptz', 'bucket_at'),
  bin: key('smallint'),
  n: column('integer'),
  nFraud: column('integer', 'n_fraud'),
});

export const EvidenceFrontier = table<{ onlyRow: boolean; frozenBefore: Date }>('evidence_frontier', {
  onlyRow: key('boolean', 'only_row'),
  frozenBefore: column('timestamptz', 'frozen_before'),
});

export const EvidenceRevisions = table<{ entityType: string; entityId: string; revision: string }>('evidence_revisions', {
  entityType: key('text', 'entity_type'),
  entityId: key('text', 'entity_id'),
  revision: column('bigint'),
});

export interface ConsumerOffsetRow {
  group: string;
  topic: string;
  partition: number;
  nextOffset: string;
  maxEventTime: Date | null;
}
export const ConsumerOffsets = table<ConsumerOffsetRow>('consumer_offsets', {
  group: key('text', 'consumer_group'),
  topic: key('text'),
  partition: key('integer'),
  nextOffset: column('bigint', 'next_offset'),
  maxEventTime: optional('timestamptz', 'max_event_time'),
});

export const SourcePositions = table<{ name: string; nextPosition: string }>('source_positions', {
  name: key('text'),
  nextPosition: column('bigint', 'next_position'),
});

export const Leases = table<{ name: string; holder: string; epoch: string; expiresAt: Date }>('leases', {
  name: key('text'),
  holder: column('text'),
  epoch: column('bigint'),
  expiresAt: column('timestamptz', 'expires_at'),
});

export interface DeadLetterRow {
  id: string;
  position: string;
  key: string | null;
  reason: string;
  bytes: Buffer;
  receivedAt: Date;
  retriedAt: Date | null;
}
export const DeadLetters = table<DeadLetterRow>('dead_letters', {
  id: serial(),
  position: column('text'),
  key: optional('text'),
  reason: column('text'),
  bytes: column('bytea'),
  receivedAt: now('received_at'),
  retriedAt: optional('timestamptz', 'retried_at'),
});

export const Repeats = table<{ transactionId: string; count: string; lastPosition: string; lastSeenAt: Date }>('repeats', {
  transactionId: key('text', 'transaction_id'),
  count: column('bigint'),
  lastPosition: column('text', 'last_position'),
  lastSeenAt: now('last_seen_at'),
});

export const Settings = table<{ key: string; value: unknown }>('settings', {
  key: key('text'),
  value: column('jsonb'),
});

export const TABLES: EntitySchema[] = [
  TransactionIds,
  Transactions,
  DayCounts,
  Alerts,
  Outbox,
  Labels,
  EntityStates,
  EvidenceCells,
  EvidenceFrontier,
  EvidenceRevisions,
  ConsumerOffsets,
  SourcePositions,
  Leases,
  DeadLetters,
  Repeats,
  Calibrations,
  ModelVersions,
  ModelRoles,
  RoleChanges,
  FeatureSets,
  ShadowScores,
  TrainingRuns,
  TrainingEvents,
  DriftStates,
  DriftDays,
  DriftMaturedDays,
  DriftReports,
  Settings,
] as EntitySchema[];
