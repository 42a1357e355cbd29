import type { Alert } from '../domain/alert.js';
import type { ChannelScore, ScoredTransaction } from '../domain/scored-transaction.js';
import type { CommittedRow, DeadLetter } from '../scoring/ports.js';

/** What `json_to_recordset` reads. JSON has no NaN or infinity; PostgreSQL reads their names. */
const real = (value: number | null): number | string | null => (value === null || Number.isFinite(value) ? value : String(value));

/**
 * Text that PostgreSQL can store: it has no U+0000, and JSON no lone surrogates. For what is only shown; ids that hold
 * such characters are refused where records are parsed.
 */
export const storableText = (text: string): string => (isStorableText(text) ? text : text.replace(UNSTORABLE, '\ufffd'));
export const isStorableText = (text: string): boolean => text.search(UNSTORABLE) < 0;
// eslint-disable-next-line no-control-regex
const UNSTORABLE = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

export const transactionJson = ({ scored: { transaction: t }, amountBin }: CommittedRow): object => ({
  id: t.id,
  at: t.occurredAtMs,
  entities: t.entities,
  amount: t.amountMinor,
  currency: t.currency,
  // NaN (missing) becomes null.
  numeric_fields: t.numeric,
  categorical_fields: t.categorical,
  bin: amountBin,
});

export const scoreJson = (row: CommittedRow): object => {
  const { transaction, features, channels, fused, decision, versions, ...scored }: ScoredTransaction = row.scored;
  const pair = (name: string, { score, minusLog10P }: ChannelScore): object => ({
    [name]: real(score),
    [`${name}p`]: minusLog10P === null ? null : real(minusLog10P),
  });
  return {
    id: transaction.id,
    at: transaction.occurredAtMs,
    features: Buffer.from(features.buffer, features.byteOffset, features.byteLength).toString('base64'),
    ...pair('s', channels.S),
    ...pair('t', channels.T),
    ...pair('h', channels.H),
    ...pair('d', channels.D),
    ...pair('f', fused),
    fraud: real(scored.fraudProbability),
    outcome: decision.outcome,
    lane: decision.lane,
    bound: decision.bound,
    threshold: real(decision.thresholdMinusLog10P),
    late: scored.late,
    model: versions.model,
    calibration: versions.calibration,
    policy: versions.policy,
    feature_set: versions.featureSet,
  };
};

/** @param entities ids in the schema's order; the first is the key of the message */
export const alertJson = (alert: Alert, entities: readonly string[]): object => ({
  id: alert.id,
  transaction: alert.transactionId,
  at: Date.parse(alert.occurredAt),
  entities,
  outcome: alert.outcome,
  lane: alert.lane,
  payload: JSON.stringify(alert),
  key: entities[0] ?? null,
  headers: { 'alert-id': alert.id, schema: alert.schema, 'content-type': 'application/json' },
});

export const deadLetterJson = ({ record, reason }: DeadLetter): object => ({
  position: storableText(record.position),
  key: record.key === null ? null : storableText(record.key),
  reason: storableText(reason),
  bytes: Buffer.from(record.bytes.buffer, record.bytes.byteOffset, record.bytes.byteLength).toString('base64'),
  headers: { reason: storableText(reason), position: storableText(record.position) },
});
