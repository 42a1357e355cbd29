import { featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { TransactionSchemaDefinition } from '../../domain/transaction-schema.js';
import type { Transaction } from '../../domain/transaction.js';
import { DriftSettingsSchema } from './drift-settings.js';
import { trainedReference } from './trained-reference.js';

const DAY = 86_400_000;
const PER_DAY = 20;
const schema = TransactionSchemaDefinition.parse({
  name: 'shop',
  description: 'for tests',
  id: 'id',
  time: { column: 'time', format: 'iso8601' },
  entities: [{ name: 'customer', column: 'customer' }],
  amount: { column: 'amount', currency: 'EUR', minorDigits: 2 },
  categorical: [{ column: 'country' }],
  label: { column: 'fraud', delayDays: 3 },
});

const datasetOf = (days: number) => {
  const random = createRandom(1);
  const transactions = Array.from({ length: days * PER_DAY }, (_, i): Transaction => ({
    id: `t${i}`,
    occurredAtMs: Math.floor(i / PER_DAY) * DAY + i,
    entities: [`c${i % 10}`],
    amountMinor: 100,
    currency: 'EUR',
    numeric: [],
    categorical: [i % 2 === 0 ? 'NL' : 'BE'],
  }));
  const values = Float32Array.from(transactions, () => random.normal());
  return { transactions, features: featureMatrix([numericColumn('amount')], values) };
};
const fraud = (id: string, knownAtMs: number) => ({ transactionId: id, isFraud: true, type: null, source: 'x', knownAtMs });
const settings = DriftSettingsSchema.parse({});

describe('reference of a model that was just trained', () => {
  it('counts frauds among rows whose label delay has passed', () => {
    const labels = [fraud('t0', DAY), fraud('t100', 6 * DAY), fraud('t200', 50 * DAY), fraud('t410', 20.6 * DAY)];
    const given = { schema, labels, asOfMs: 21 * DAY, version: 'm1' };
    const reference = trainedReference(datasetOf(21), given, settings)!;
    expect(reference).toMatchObject({ id: 'm1', fromDay: 0, toDay: 20, rows: 21 * PER_DAY });
    // t200 was not known then, and t410 is of a day that has not matured.
    expect(reference.fraudRate!.all).toMatchObject({ rows: 18 * PER_DAY, counts: [2] });
    expect(reference.fields.map(({ bins }) => bins.name)).toEqual(['amount', 'country']);
  });

  it('is none where the rows are of less than two weeks', () => {
    expect(trainedReference(datasetOf(13), { schema, labels: [], asOfMs: 13 * DAY, version: 'm1' }, settings)).toBeNull();
  });
});
