import { HOUR_MS } from '../../src/domain/time.js';
import { createRandom } from '../../src/domain/random.js';
import type { IncomingRecord } from '../../src/scoring/ports.js';
import { scoreTransactions, type OnlineLine } from '../../src/scoring/score-transactions.js';
import { NOW_MS } from './memory-api.js';

/** Two weeks of ordinary payments of six customers, then a dozen that stand out: the online line raises alerts for those. */
export const seedShop = async (line: OnlineLine): Promise<void> => {
  const random = createRandom(7);
  const payments: Record<string, unknown>[] = [];
  for (let i = 0; i < 240; i += 1) {
    const customer = random.integer(6);
    const amount = Math.exp(3.2 + 0.25 * customer + 0.6 * random.normal());
    payments.push(payment(i, customer, amount, NOW_MS - (240 - i) * 1.4 * HOUR_MS, 'grocery'));
  }
  for (let i = 0; i < 12; i += 1)
    payments.push(payment(240 + i, i % 6, 520 + 900 * random.uniform() ** 2, NOW_MS - (12 - i) * 0.09 * HOUR_MS, 'electronics'));
  await scoreTransactions(payments.map(recordOf), { kind: 'direct', name: 'test' }, line);
};

export const payment = (
  i: number,
  customer: number,
  amount: number,
  atMs: number,
  category: string,
): Record<string, unknown> => ({
  id: `tx-${String(i).padStart(5, '0')}`,
  occurredAt: new Date(Math.round(atMs)).toISOString(),
  customer: `C${String(1040 + customer)}`,
  merchant: `M${String(200 + ((i * 7) % 23))}`,
  amount: amount.toFixed(2),
  currency: 'EUR',
  category,
  distanceKm: Number((((i * 13) % 60) / 4).toFixed(1)),
});

const recordOf = (message: Record<string, unknown>, i: number): IncomingRecord => ({
  bytes: Buffer.from(JSON.stringify(message)),
  key: null,
  position: `test/${i}`,
});
