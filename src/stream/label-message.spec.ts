import { describe, expect, it } from '@jest/globals';
import { readLabel } from './label-message.js';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const good = {
  transactionId: 'tx-1',
  isFraud: true,
  type: 'account-takeover',
  source: 'chargeback',
  knownAt: '2026-01-31T13:00:00+01:00',
};

describe('readLabel', () => {
  it('reads a label; the type may be absent or null', () => {
    const label = { transactionId: 'tx-1', isFraud: true, source: 'chargeback', knownAtMs: Date.UTC(2026, 0, 31, 12) };
    expect(readLabel(bytes(good))).toEqual({ ok: true, label: { ...label, type: 'account-takeover' } });
    const { type: _type, ...untyped } = good;
    expect(readLabel(bytes(untyped))).toEqual({ ok: true, label: { ...label, type: null } });
    expect(readLabel(bytes({ ...good, type: null }))).toEqual({ ok: true, label: { ...label, type: null } });
  });

  it.each([
    [bytes('{"a":'), 'message: 5 bytes are not JSON in UTF-8'],
    [new Uint8Array([0xff, 0xfe]), 'message: 2 bytes are not JSON in UTF-8'],
    [new Uint8Array(0), 'message: 0 bytes are not JSON in UTF-8'],
    [new Uint8Array(20_000), 'message: 20000 bytes is not a label of at most 16384 bytes'],
    [bytes([good]), 'is not a JSON object'],
    [bytes({ ...good, isFraud: 'yes' }), 'isFraud: "yes" is not true or false'],
    [bytes({ ...good, knownAt: '2026-01-31' }), 'knownAt: "2026-01-31" is not an RFC 3339 time with a zone'],
    [bytes({ ...good, knownAt: '2026-01-31T12:00:00' }), 'is not an RFC 3339 time with a zone'],
    [bytes({ ...good, transactionId: '' }), 'transactionId: "" is not a text of 1 to 128 characters'],
    [bytes({ ...good, fraud: 1 }), 'fraud: 1 is not a field of a label'],
    [
      bytes({ isFraud: true, source: 's' }),
      'transactionId: nothing is not a text of 1 to 128 characters; knownAt: nothing is not',
    ],
  ])('refuses with every reason (%#)', (given, reason) => {
    const read = readLabel(given);
    expect(read.ok ? 'read' : read.reason).toContain(reason);
  });
});
