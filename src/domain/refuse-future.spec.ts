import { transactionParser } from './parse-transaction.js';
import { refuseFuture } from './refuse-future.js';
import { TransactionSchemaDefinition } from './transaction-schema.js';

const schema = TransactionSchemaDefinition.parse({
  name: 'clocked',
  description: '',
  id: 'id',
  time: { column: 'at', format: 'iso8601' },
});
const now = Date.UTC(2026, 0, 1, 12);
const parser = refuseFuture(transactionParser(schema), 'at', () => now);
const at = (time: string) => parser.fromObject({ id: 'a', at: time });

test('up to an hour ahead is taken, a second more is refused with the field and the clock', () => {
  expect(at('2026-01-01T13:00:00Z').ok).toBe(true);
  const refused = at('2026-01-01T13:00:01Z');
  expect(refused).toMatchObject({ ok: false, problems: [{ field: 'at', value: '2026-01-01T13:00:01.000Z' }] });
  expect(parser.fromBytes(Buffer.from('{"id":"a","at":"2027-01-01T00:00:00Z"}')).ok).toBe(false);
  expect(parser.fromCsv({ id: 'a', at: '2027-01-01T00:00:00Z' }).ok).toBe(false);
});

test('other problems are passed on', () => {
  expect(at('yesterday')).toMatchObject({ ok: false, problems: [{ field: 'at' }] });
});
