import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { fitPriors } from './priors.js';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);
const schema = TransactionSchemaDefinition.parse({
  name: 'priors',
  description: '',
  id: 'id',
  time: { column: 'at', format: 'sql' },
  entities: [
    { name: 'customer', column: 'customer' },
    { name: 'shop', column: 'shop' },
  ],
  amount: { column: 'amount', currency: 'EUR' },
  categorical: [{ column: 'kind' }],
  label: { column: 'fraud', delayDays: 7 },
  features: { set: 'full', markovEntity: 'shop' },
});
const rows = Array.from({ length: 400 }, (_, i): Transaction => ({
  id: String(i),
  occurredAtMs: START + i * (DAY / 10) + 1000,
  entities: [`c${i % 5}`, `s${i % 3}`],
  amountMinor: i < 140 ? 1000 : 90_000,
  currency: 'EUR',
  numeric: [],
  categorical: [i < 140 ? ['food', 'food', 'fun'][i % 3]! : 'later'],
}));
const label = (i: number, change: Partial<Label> = {}): Label => ({
  transactionId: String(i),
  isFraud: true,
  type: null,
  source: 'file',
  knownAtMs: rows[i]!.occurredAtMs + 7 * DAY,
  ...change,
});
const asOf = START + 30 * DAY;
const labels = [10, 40, 41, 200].map((i) => label(i));
const priors = fitPriors(schema, rows, labels, asOf);

describe('fitPriors', () => {
  it('takes amount, hours and levels from the first 14 days', () => {
    expect(priors.rows).toBe(140);
    expect(priors.m0).toBeCloseTo(Math.log1p(10), 12);
    expect(priors.levels).toEqual({ kind: ['food', 'fun'] });
    expect(priors.hours.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    expect(priors.categories!.map((c) => c.share).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    expect(priors.categories).toHaveLength(3);
  });

  it('reads nothing that was not known at the time', () => {
    const future = rows.map((t) => (t.occurredAtMs > asOf ? { ...t, amountMinor: 7, categorical: ['other'] } : t));
    const unknown = [...labels, label(60, { knownAtMs: asOf + 1 }), label(350)];
    expect(fitPriors(schema, future, unknown, asOf)).toEqual(priors);
    expect(priors.markov!.rows).toBe(rows.filter((t) => t.occurredAtMs <= asOf - 7 * DAY).length);
  });

  it('lets the latest label of a transaction hold', () => {
    const withdrawn = label(41, { isFraud: false, knownAtMs: label(41).knownAtMs + 1 });
    expect(fitPriors(schema, rows, [withdrawn, ...labels], asOf)).toEqual(
      fitPriors(schema, rows, [label(10), label(40), label(200)], asOf),
    );
    expect(fitPriors(schema, rows, [withdrawn, ...labels], asOf)).not.toEqual(priors);
  });

  it('survives JSON, and needs neither rows, labels, amounts nor time', () => {
    expect(JSON.parse(JSON.stringify(priors))).toEqual(priors);
    const nothing = fitPriors(schema, [], [], asOf);
    expect(nothing).toMatchObject({ rows: 0, m0: 0, v0: 1, markov: { rows: 0 } });
    expect(JSON.parse(JSON.stringify(nothing))).toEqual(nothing);
  });
});
