import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { createWorld, FRAUD_TYPES, LABEL_DELAY_DAYS, type FraudType, type World } from './world.js';
import type { DemoTransaction } from './payment.js';

const startMs = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const options = { seed: 7, customers: 300, merchants: 120, startMs };

interface Row extends DemoTransaction {
  readonly type: string | null;
  readonly ms: number;
}
const rowsOf = (world: World, days: number): Row[] =>
  Array.from({ length: days }, (_, d) => world.day(d)).flatMap(({ transactions, truth }) =>
    transactions.map((t, i) => ({ ...t, type: truth[i]!.type, ms: Date.parse(t.occurred_at) })),
  );
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const only = (type: FraudType, strength = 1): World =>
  createWorld({ ...options, strength: { ...Object.fromEntries(FRAUD_TYPES.map((t) => [t, 0])), [type]: strength } });

const world = createWorld(options);
const history = rowsOf(world, 50);
const legitimate = history.filter((row) => row.type === null);
const customers = new Map(world.customers.map((c) => [c.id, c]));

describe('a world', () => {
  it('gives the same days for the same options, in any order, each alone', () => {
    const again = createWorld(options);
    for (const day of [33, 2, 33, 0]) expect(again.day(day)).toEqual(world.day(day));
    expect(createWorld(options).day(33)).toEqual(world.day(33));
  });

  it('gives other people, payments and frauds for another seed', () => {
    const other = createWorld({ ...options, seed: 8 });
    expect(other.customers.map((c) => c.logAmountMean)).not.toEqual(world.customers.map((c) => c.logAmountMean));
    const frauds = (w: World): string[] =>
      rowsOf(w, 10).flatMap((r) => (r.type === null ? [] : [`${r.customer} ${r.occurred_at}`]));
    const shared = new Set(frauds(world));
    expect(frauds(other).filter((f) => shared.has(f))).toEqual([]);
  });

  it('has unique ids, and each day sorted and inside its own 24 hours', () => {
    expect(new Set(history.map((r) => r.id)).size).toBe(history.length);
    for (const day of [0, 17]) {
      const times = world.day(day).transactions.map((t) => Date.parse(t.occurred_at));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times[0]).toBeGreaterThanOrEqual(startMs + day * DAY);
      expect(times.at(-1)).toBeLessThan(startMs + (day + 1) * DAY);
    }
  });

  it('is of the promised size: 700 to 1,000 a day, at most 50,000 in 50 days', () => {
    expect(history.length).toBeGreaterThan(35_000);
    expect(history.length).toBeLessThanOrEqual(50_000);
  });

  it('has about 0.9 % fraud over several seeds, all types in each', () => {
    const shares = [1, 2, 3, 4].map((seed) => {
      const rows = rowsOf(createWorld({ ...options, seed }), 50);
      expect(new Set(rows.flatMap((r) => r.type ?? []))).toEqual(new Set(FRAUD_TYPES));
      const share = rows.filter((r) => r.type !== null).length / rows.length;
      expect(share).toBeGreaterThan(0.006);
      expect(share).toBeLessThan(0.0125);
      return share;
    });
    const mean = shares.reduce((a, b) => a + b) / shares.length;
    expect(mean).toBeGreaterThan(0.0075);
    expect(mean).toBeLessThan(0.0105);
  });

  it('makes records of the demo schema, and the schema delays labels as the world does', () => {
    const schema = TransactionSchemaDefinition.parse(parse(readFileSync('config/schemas/demo.yaml', 'utf8')));
    const { currency } = schema.amount!;
    const columns = [schema.id, schema.time!.column, ...schema.entities.map((e) => e.column), schema.amount!.column];
    if (typeof currency !== 'string') columns.push(currency.column);
    columns.push(...schema.numeric.map((n) => n.column), ...schema.categorical.map((c) => c.column));
    for (const t of world.day(0).transactions) expect(Object.keys(t).sort()).toEqual(columns.sort());
    expect(schema.label!.delayDays).toBe(LABEL_DELAY_DAYS);
  });

  it('tells nothing of fraud in the records: ids follow time alone', () => {
    const { transactions, truth } = world.day(3);
    expect(transactions.map((t) => t.id)).toEqual(transactions.map((_, i) => `d00003-${String(i + 1).padStart(6, '0')}`));
    expect(truth.map((t) => t.transactionId)).toEqual(transactions.map((t) => t.id));
    for (const t of transactions) expect(t.amount).toMatch(/^\d+\.\d\d$/);
  });

  it('knows no truth before the delay, most of it right then and some later', () => {
    const { transactions, truth } = createWorld({ ...options, labelDelayDays: 5 }).day(1);
    const extra = truth.map((t, i) => t.knownAtMs - Date.parse(transactions[i]!.occurred_at) - 5 * DAY);
    expect(Math.min(...extra)).toBe(0);
    expect(Math.max(...extra)).toBeLessThanOrEqual(10 * DAY);
    const late = extra.filter((ms) => ms > 0).length / extra.length;
    expect(late).toBeGreaterThan(0.14);
    expect(late).toBeLessThan(0.26);
  });

  it('names an option or day that is out of range', () => {
    expect(() => createWorld({ ...options, customers: 0 })).toThrow('customers: 0 is not a whole number from 1 to 100000');
    expect(() => createWorld({ ...options, merchants: 3 })).toThrow(/merchants: 3/);
    expect(() => world.day(-1)).toThrow(/dayIndex: -1/);
    expect(() => world.day(1.5)).toThrow(/dayIndex: 1.5/);
  });

  it('works with the smallest worlds, whatever their seed', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const smallest = createWorld({ ...options, seed, customers: 1, merchants: 10, strength: { 'account-takeover': 2 } });
      expect(rowsOf(smallest, 20).length).toBeGreaterThan(5);
      expect(
        rowsOf(createWorld({ ...options, seed, customers: 50, merchants: 10 }), 40).some(
          (row) => row.type === 'account-takeover',
        ),
      ).toBe(true);
    }
  });
});

describe('habits', () => {
  it('are recoverable: the usual amount, from the payments', () => {
    const logs = new Map<string, number[]>();
    const shift = new Map(world.merchants.map((m) => [m.id, m.logAmountShift]));
    for (const row of legitimate) {
      const value = Math.log(Math.round(Number(row.amount) * 100)) - shift.get(row.merchant)!;
      logs.set(row.customer, [...(logs.get(row.customer) ?? []), value]);
    }
    const errors = [...logs]
      .filter(([, v]) => v.length >= 60)
      .map(([id, v]) => Math.abs(median(v) - customers.get(id)!.logAmountMean));
    expect(errors.length).toBeGreaterThan(200);
    expect(median(errors)).toBeLessThan(0.05);
  });

  it('are kept: favourites, own till channel, own currency, quiet hours', () => {
    const favourite = legitimate.filter((r) => customers.get(r.customer)!.favourites.some((m) => m.id === r.merchant));
    expect(favourite.length / legitimate.length).toBeGreaterThan(0.93);
    for (const row of legitimate.slice(0, 500)) expect(row.currency).toBe(customers.get(row.customer)!.currency);
    const atTill = legitimate.filter((r) => r.channel === 'chip' || r.channel === 'contactless');
    expect(atTill.filter((r) => r.channel === customers.get(r.customer)!.preferred).length / atTill.length).toBeGreaterThan(0.8);
    const quiet = legitimate.filter((r) => new Date(r.ms).getUTCHours() === customers.get(r.customer)!.quietHour);
    expect(quiet.length / legitimate.length).toBeLessThan(0.01);
  });
});

const frauds = (type: FraudType, strength = 1): Row[] => rowsOf(only(type, strength), 30).filter((row) => row.type === type);
const timesHabit = (row: Row): number => (Number(row.amount) * 100) / Math.exp(customers.get(row.customer)!.logAmountMean);

describe('fraud patterns', () => {
  it('leave the honest payments as they are: a pattern switched off only takes its own rows away', () => {
    const without = rowsOf(createWorld({ ...options, strength: { structuring: 0 } }), 5);
    const rest = rowsOf(world, 5).filter((r) => r.type !== 'structuring');
    expect(without.map((r) => ({ ...r, id: '' }))).toEqual(rest.map((r) => ({ ...r, id: '' })));
  });

  it('card testing: bursts of small online payments of one customer at one merchant within minutes', () => {
    const rows = frauds('card-testing');
    for (const row of rows) {
      expect(Number(row.amount)).toBeLessThanOrEqual(4);
      expect(row.channel).toBe('online');
      const burst = rows.filter(
        (r) => r.customer === row.customer && r.merchant === row.merchant && Math.abs(r.ms - row.ms) <= 20 * 60_000,
      );
      expect(burst.length).toBeGreaterThanOrEqual(row.ms < startMs + 20 * 60_000 ? 1 : 5);
    }
    expect(frauds('card-testing', 2).length).toBeGreaterThan(1.5 * rows.length);
  });

  it('account takeover: several times the habit, at odd hours, at new merchants', () => {
    const rows = frauds('account-takeover');
    expect(median(rows.map(timesHabit))).toBeGreaterThan(3);
    for (const row of rows) {
      const customer = customers.get(row.customer)!;
      expect(customer.favourites.some((m) => m.id === row.merchant)).toBe(false);
      const away = Math.abs(((row.ms / HOUR) % 24) - customer.quietHour);
      expect(Math.min(away, 24 - away)).toBeLessThanOrEqual(2.5);
    }
    expect(median(frauds('account-takeover', 3).map(timesHabit))).toBeGreaterThan(2 * median(rows.map(timesHabit)));
  });

  it('merchant compromise: changes no payment, stays for weeks at few merchants, takes most of their payments', () => {
    const none = createWorld({ ...options, strength: Object.fromEntries(FRAUD_TYPES.map((t) => [t, 0])) });
    const tainted = only('merchant-compromise');
    for (const day of [5, 30]) expect(tainted.day(day).transactions).toEqual(none.day(day).transactions);
    const rows = rowsOf(tainted, 50);
    const fraudDays = new Map<string, number[]>();
    for (const row of rows)
      if (row.type !== null) fraudDays.set(row.merchant, [...(fraudDays.get(row.merchant) ?? []), (row.ms - startMs) / DAY]);
    expect(fraudDays.size).toBeLessThanOrEqual(15);
    const [merchant, days] = [...fraudDays].sort(([, a], [, b]) => b.length - a.length)[0]!;
    const [first, last] = [Math.min(...days), Math.max(...days)];
    expect(last - first).toBeGreaterThan(7);
    const there = rows.filter(
      (r) => r.merchant === merchant && (r.ms - startMs) / DAY >= first && (r.ms - startMs) / DAY <= last,
    );
    expect(days.length / there.length).toBeGreaterThan(0.5);
    expect(Math.abs(Math.log(median(rows.filter((r) => r.type !== null).map(timesHabit))))).toBeLessThan(0.5);
  });

  it('high amount: single payments several standard deviations above the habit', () => {
    const rows = frauds('high-amount');
    const shift = new Map(world.merchants.map((m) => [m.id, m.logAmountShift]));
    for (const row of rows) {
      const customer = customers.get(row.customer)!;
      const deviations =
        (Math.log(Number(row.amount) * 100) - customer.logAmountMean - shift.get(row.merchant)!) / customer.logAmountSd;
      expect(deviations).toBeGreaterThan(3.45);
    }
    expect(median(frauds('high-amount', 1.5).map(timesHabit))).toBeGreaterThan(median(rows.map(timesHabit)));
  });

  it('structuring: several transfers just below the threshold to one recipient', () => {
    const rows = frauds('structuring');
    for (const row of rows) {
      expect(row.category).toBe('transfer');
      expect(Number(row.amount)).toBeGreaterThanOrEqual(900);
      expect(Number(row.amount)).toBeLessThan(1000);
    }
    const perCustomer = rows.length / new Set(rows.map((r) => r.customer)).size;
    expect(perCustomer).toBeGreaterThan(5);
  });
});
