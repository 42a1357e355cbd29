import { decimalAmount } from './money.js';
import type { Transaction } from './transaction.js';
import type { TransactionSchema } from './transaction-schema.js';

type TimeFormat = NonNullable<TransactionSchema['time']>['format'];

const timeToJson = (ms: number, format: TimeFormat): string | number => {
  if (format === 'epoch-milliseconds') return ms;
  if (format === 'epoch-seconds') return ms / 1000;
  const iso = new Date(ms).toISOString();
  return format === 'iso8601' ? iso : iso.slice(0, ms % 1000 === 0 ? 19 : 23).replace('T', ' ');
};

/** The JSON message of a transaction: `transactionParser(schema).fromObject` is its inverse. Missing fields are left out. */
export const formatTransaction = (schema: TransactionSchema, t: Transaction): Record<string, unknown> => {
  const message: Record<string, unknown> = { [schema.id]: t.id };
  if (schema.time) message[schema.time.column] = timeToJson(t.occurredAtMs, schema.time.format);
  schema.entities.forEach((entity, i) => (message[entity.column] = t.entities[i]));
  if (schema.amount) {
    message[schema.amount.column] = decimalAmount(t.amountMinor, schema.amount.minorDigits);
    if (typeof schema.amount.currency !== 'string') message[schema.amount.currency.column] = t.currency;
  }
  schema.numeric.forEach((field, i) => {
    if (!Number.isNaN(t.numeric[i])) message[field.column] = t.numeric[i];
  });
  schema.categorical.forEach((field, i) => {
    if (t.categorical[i] !== null) message[field.column] = t.categorical[i];
  });
  return message;
};
