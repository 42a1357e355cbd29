import { describe, expect, it } from '@jest/globals';
import { VALUE_BYTES_MAX } from './outbox-messages.js';
import { retryMessage } from './retry-message.js';
import { DEFAULT_TOPICS } from './topics.js';

const letter = (position: string, payload: Uint8Array = Uint8Array.of(0xff, 0)) => ({ position, key: 'c-1', payload });

describe('retryMessage', () => {
  it('goes back to the topic it came from, with its own bytes and key', () => {
    expect(retryMessage(letter('transactions/3/42'), DEFAULT_TOPICS)).toEqual({
      ok: true,
      message: {
        topic: 'transactions',
        key: 'c-1',
        value: Buffer.from([0xff, 0]),
        headers: { 'retry-of': 'transactions/3/42' },
      },
    });
    expect(retryMessage(letter('labels/0/1'), DEFAULT_TOPICS)).toMatchObject({ message: { topic: 'labels' } });
  });

  it('stays where it is when nobody reads there, or no broker takes it', () => {
    const reasonOf = (...given: Parameters<typeof letter>): string => {
      const made = retryMessage(letter(...given), DEFAULT_TOPICS);
      return made.ok ? 'sent' : made.reason;
    };
    expect(reasonOf('http/7b0c5a0e-1111-4111-8111-000000000000/0')).toBe('did not come from Kafka; its sender was told');
    expect(reasonOf('demo/17')).toMatch(/did not come from Kafka/);
    expect(reasonOf('old.transactions/0/1')).toBe(
      'came from topic old.transactions, which is not read: those are transactions, labels',
    );
    expect(reasonOf('transactions/0/1', new Uint8Array(VALUE_BYTES_MAX))).toBe('sent');
    expect(reasonOf('transactions/0/1', new Uint8Array(VALUE_BYTES_MAX + 1))).toMatch(/longer than 900000 bytes/);
  });
});
