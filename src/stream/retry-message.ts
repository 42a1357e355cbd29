import { type OutgoingMessage, VALUE_BYTES_MAX } from './outbox-messages.js';
import type { TopicNames } from './topics.js';

/** A dead letter as the store keeps it. */
export interface RefusedRecord {
  readonly position: string;
  readonly key: string | null;
  readonly payload: Uint8Array;
}

export type RetryMessage =
  { readonly ok: true; readonly message: OutgoingMessage } | { readonly ok: false; readonly reason: string };

/**
 * A refused record on its way back to the topic it came from: its own bytes and key, so that it meets its entity's other
 * records, and header `retry-of` with the position where it was refused. If it is refused again, that is a new dead letter
 * at its new position.
 */
export const retryMessage = ({ position, key, payload }: RefusedRecord, topics: TopicNames): RetryMessage => {
  // "http/<request>/<number>" never ends in two numbers: a request is a UUID.
  const topic = /^(.+)\/\d+\/\d+$/.exec(position)?.[1];
  if (topic === undefined) return { ok: false, reason: 'did not come from Kafka; its sender was told' };
  if (topic !== topics.transactions && topic !== topics.labels)
    return {
      ok: false,
      reason: `came from topic ${topic}, which is not read: those are ${topics.transactions}, ${topics.labels}`,
    };
  if (payload.length > VALUE_BYTES_MAX)
    return { ok: false, reason: `longer than ${VALUE_BYTES_MAX} bytes, which no door accepts` };
  const value = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return { ok: true, message: { topic, key, value, headers: { 'retry-of': position } } };
};
