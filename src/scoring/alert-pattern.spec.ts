import type { Reason } from '../domain/alert.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { patternOf } from './alert-pattern.js';

const schema = {
  entities: [
    { name: 'customer', column: 'customer_id' },
    { name: 'merchant', column: 'merchant_id' },
  ],
  features: {},
} as unknown as TransactionSchema;
const reason = (
  feature: string,
  field: string,
  nats: number,
  observed: number | string,
  interval?: [number, number],
): Reason => ({
  channel: 'T',
  feature,
  field,
  nats,
  observed,
  usual: interval ? { low: interval[0], median: interval[0], high: interval[1], basis: 'entity' } : null,
  text: `${feature} ${observed}`,
});
const amount = (observed: number): Reason => reason('z_amt', 'amount', 9, observed, [10, 60]);

test('alerts with other values of the same fields are alike; the direction and the category count, the merchant does not', () => {
  const first = patternOf([amount(950), reason('s_counterpart', 'merchant_id', 4, 'm17')], schema);
  expect(first).toBe('amount above usual · unfamiliar merchant');
  expect(patternOf([reason('s_counterpart', 'merchant_id', 10, 'm3'), amount(400)], schema)).toBe(first);
  expect(patternOf([amount(2), reason('s_counterpart', 'merchant_id', 4, 'm17')], schema)).toBe(
    'amount below usual · unfamiliar merchant',
  );
  expect(patternOf([reason('category', 'category', 5, 'travel')], schema)).toBe('category travel');
});

test('light reasons and repeated fields are left out', () => {
  const same = reason('log_amount', 'amount', 8, 950, [10, 60]);
  expect(patternOf([amount(950), same, reason('s_hour', 'time', 2.6, 3, [9, 20])], schema)).toBe('amount above usual');
  expect(patternOf([], schema)).toBe('');
  expect(patternOf([reason('s_hour', 'time', -0.5, 3, [9, 20])], schema)).toBe('hour of day (UTC) below usual');
});
