import { isCurrencyCode } from './currency.js';
import { TransactionSchemaDefinition } from './transaction-schema.js';

test.each(['EUR', 'USD', 'JPY', 'XOF', 'CLF', 'HRK', 'XXX'])('%s is a currency code', (code) => {
  expect(isCurrencyCode(code)).toBe(true);
});

test.each(['ZZZ', 'ABC', 'eur', 'EU', 'EURO', ' EUR', '', '978', null, undefined, 978])('%j is none', (value) => {
  expect(isCurrencyCode(value)).toBe(false);
});

test('a schema names a currency that there is', () => {
  const schema = (currency: string) => ({ name: 's', description: '', id: 'id', amount: { column: 'amount', currency } });
  expect(TransactionSchemaDefinition.parse(schema('JPY')).amount!.currency).toBe('JPY');
  expect(() => TransactionSchemaDefinition.parse(schema('ZZZ'))).toThrow(/an ISO 4217 code/);
});
