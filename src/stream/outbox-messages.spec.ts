import { describe, expect, it } from '@jest/globals';
import type { OutboxRow } from '../scoring/ports.js';
import { chunks, messageOf, VALUE_BYTES_MAX } from './outbox-messages.js';
import { DEFAULT_TOPICS } from './topics.js';

const row = (id: number, payload: OutboxRow['payload'], kind: OutboxRow['kind'] = 'alert'): OutboxRow => ({
  id: BigInt(id),
  kind,
  key: 'k',
  payload,
  headers: { 'alert-id': String(id) },
});

describe('messageOf', () => {
  it('sends each kind to its topic', () => {
    expect(messageOf(row(1, '{}'), DEFAULT_TOPICS)).toEqual({
      topic: 'alerts',
      key: 'k',
      value: Buffer.from('{}'),
      headers: { sequence: '1', 'alert-id': '1' },
    });
    expect(messageOf(row(2, new Uint8Array([255]), 'dead-letter'), DEFAULT_TOPICS)).toMatchObject({
      topic: 'transactions.dead',
      value: Buffer.from([255]),
      headers: { sequence: '2' },
    });
  });

  it('cuts what a broker would refuse, and says so', () => {
    const message = messageOf(
      { ...row(1, new Uint8Array(VALUE_BYTES_MAX + 1), 'dead-letter'), headers: { reason: 'x'.repeat(5_000) } },
      DEFAULT_TOPICS,
    );
    expect(message.value.length).toBe(VALUE_BYTES_MAX);
    expect(message.headers['truncated-from']).toBe(String(VALUE_BYTES_MAX + 1));
    expect(message.headers['reason']!.length).toBe(2_000);
  });
});

describe('chunks', () => {
  it('keeps the order and both limits', () => {
    const rows = [...Array.from({ length: 501 }, (_, i) => row(i, 'x')), row(501, new Uint8Array(5_000_000)), row(502, 'y')];
    const parts = [...chunks(rows)];
    expect(parts.map((part) => part.length)).toEqual([500, 1, 1, 1]);
    expect(parts.flat().map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    expect([...chunks([])]).toEqual([]);
  });
});
