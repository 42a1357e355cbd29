import { loadSchema } from '../../src/config.js';
import type { Label } from '../../src/domain/label.js';
import { transactionParser } from '../../src/domain/parse-transaction.js';
import type { Transaction } from '../../src/domain/transaction.js';
import type { TransactionSchema } from '../../src/domain/transaction-schema.js';
import { createWorld } from '../../src/synthetic/world.js';

export const WORLD_START_MS = Date.UTC(2026, 0, 1);

export interface DemoHistory {
  readonly schema: TransactionSchema;
  readonly transactions: Transaction[];
  /** Of frauds alone. */
  readonly labels: Label[];
}

/** Some days of a small demo world as transactions and labels, for specs that need a real history. */
export const demoHistory = ({
  seed,
  customers,
  days,
  merchants = 60,
  startMs = WORLD_START_MS,
}: {
  seed: number;
  customers: number;
  days: number;
  merchants?: number;
  startMs?: number;
}): DemoHistory => {
  const schema = loadSchema('demo');
  const parser = transactionParser(schema);
  const world = createWorld({ seed, customers, merchants, startMs });
  const transactions: Transaction[] = [];
  const labels: Label[] = [];
  for (let day = 0; day < days; day += 1) {
    const { transactions: records, truth } = world.day(day);
    for (const record of records) {
      const parsed = parser.fromObject(record);
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      transactions.push(parsed.transaction);
    }
    for (const { transactionId, isFraud, type, knownAtMs } of truth)
      if (isFraud) labels.push({ transactionId, isFraud, type, source: 'test', knownAtMs });
  }
  return { schema, transactions, labels };
};
