import type { Alert } from '../domain/alert.js';
import type { DeadLetter } from '../scoring/ports.js';

/**
 * Text that PostgreSQL can store: it has no U+0000, and JSON no lone surrogates. For what is only shown; ids that hold
 * such characters are refused where records are parsed.
 */
export const storableText = (text: string): string => (isStorableText(text) ? text : text.replace(UNSTORABLE, '\ufffd'));
export const isStorableText = (text: string): boolean => text.search(UNSTORABLE) < 0;
// eslint-disable-next-line no-control-regex
const UNSTORABLE = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

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
