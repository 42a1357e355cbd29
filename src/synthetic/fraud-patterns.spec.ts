import { DAY_MS } from '../domain/time.js';
import { demoHistory } from '../../test/support/demo-history.js';
import { loadSchema } from '../config.js';
import { createRandom } from '../domain/random.js';
import { transactionParser } from '../domain/parse-transaction.js';
import type { Transaction } from '../domain/transaction.js';
import { FRAUD_SCENARIOS, planAttacks, type Attack, type AttackSettings } from './fraud-patterns.js';
import { observeStream } from './observed-stream.js';
import { roundLimitMinor } from './scenarios/structuring.js';

const { schema, transactions } = demoHistory({ seed: 3, customers: 80, days: 25 });
const fromMs = transactions[0]!.occurredAtMs + 20 * DAY_MS;
const window = { fromMs, toMs: fromMs + 5 * DAY_MS };
const past = transactions.filter((t) => t.occurredAtMs < fromMs);
const stream = observeStream(schema, past);
const settings: AttackSettings = { strengths: [0, 0.5, 1], attacks: 6, ordinary: 200, customersShareMax: 0.3, passesMax: 60 };
const plan = planAttacks(stream, window, settings, createRandom(1));
const attacks = plan.passes.flatMap((pass) => pass.attacks);
const attacksOf = (scenario: string, strength: number, all: readonly Attack[] = attacks) =>
  all.filter((attack) => attack.scenario === scenario && attack.strength === strength);
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const rowsOf = (id: string): readonly Transaction[] => past.filter((t) => t.entities[0] === id);
const customersOf = ({ transactions: rows }: Attack): readonly string[] => [...new Set(rows.map((t) => t.entities[0]!))];

describe('observeStream', () => {
  test('category and country follow the merchant; the currency and habits are the customer’s', () => {
    expect(stream.isOwn).toEqual({ entities: [true, false], numeric: [], categorical: [false, false, false] });
    const customer = stream.customers[4]!;
    const amounts = rowsOf(customer.id).map((t) => t.amountMinor);
    expect(customer.medianMinor).toBe(median(amounts));
    expect(customer.counterparts).toEqual(new Set(rowsOf(customer.id).map((t) => t.entities[1])));
  });

  test('of a schema whose rows repeat the customer’s data, those stay his', () => {
    const sparkov = loadSchema('sparkov');
    const random = createRandom(2);
    const rows = Array.from({ length: 600 }, (_, i): Transaction => {
      const [customer, merchant] = [i % 20, random.integer(15)];
      return {
        id: `t${i}`,
        occurredAtMs: i * 600_000,
        entities: [`c${customer}`, `m${merchant}`],
        amountMinor: 1000 + random.integer(900),
        currency: 'USD',
        numeric: [1950 + customer, 1000 * customer, 40 + customer, -customer, 40 + customer + random.uniform(), -customer],
        categorical: [`category-${merchant}`, customer % 2 === 0 ? 'F' : 'M', `state-${customer % 7}`],
      };
    });
    const observed = observeStream(sparkov, rows);
    expect(observed.isOwn.numeric).toEqual([true, true, true, true, false, true]);
    expect(observed.isOwn.categorical).toEqual([false, true, true]);
    const later = { fromMs: 600 * 600_000, toMs: 600 * 600_000 + 3 * DAY_MS };
    const { passes } = planAttacks(observed, later, { ...settings, attacks: 2 }, createRandom(5));
    for (const { entities, categorical, numeric } of passes.flatMap((pass) => pass.attacks.flatMap((a) => a.transactions))) {
      const customer = Number(entities[0]!.slice(1));
      expect(numeric[0]).toBe(1950 + customer);
      expect(categorical[1]).toBe(customer % 2 === 0 ? 'F' : 'M');
      // A mule is new; elsewhere the category is the merchant's own.
      if (entities[1]!.startsWith('m')) expect(categorical[0]).toBe(`category-${entities[1]!.slice(1)}`);
    }
  });
});

describe('planAttacks', () => {
  test('draws every applicable scenario at every strength, and says why the others are not', () => {
    expect(plan.notApplicable).toEqual([
      { scenario: 'refund-abuse', reason: `0 of ${past.length} rows are refunds (negative amounts); 20 are needed` },
    ]);
    expect(plan.leftOut).toBe(0);
    for (const { name } of FRAUD_SCENARIOS)
      for (const strength of settings.strengths)
        expect([name, attacksOf(name, strength).length]).toEqual([name, name === 'refund-abuse' ? 0 : 6]);
  });

  test('transactions are valid under the schema, inside the window, in event order, with ids of their own', () => {
    const parser = transactionParser(schema);
    const injected = plan.passes.flatMap((pass) => [...pass.attacks.flatMap((attack) => attack.transactions), ...pass.ordinary]);
    const ids = new Set(injected.map((t) => t.id));
    expect(ids.size).toBe(injected.length);
    for (const t of transactions) expect(ids.has(t.id)).toBe(false);
    const levels = schema.categorical.map((_, i) => new Set(past.map((t) => t.categorical[i])));
    for (const t of injected) {
      expect(parser.fromObject(parser.toJson(t))).toEqual({ ok: true, transaction: t });
      expect(t.occurredAtMs).toBeGreaterThanOrEqual(window.fromMs);
      expect(t.occurredAtMs).toBeLessThan(window.toMs);
      expect(t.amountMinor).toBeGreaterThan(0);
      t.categorical.forEach((level, i) => expect(levels[i]!.has(level)).toBe(true));
      expect(t.currency).toBe(rowsOf(t.entities[0]!)[0]!.currency);
    }
    for (const { id, transactions: rows } of attacks) {
      for (const t of rows) expect(t.id.startsWith(`rehearsed/${id}/`)).toBe(true);
      const times = rows.map((t) => t.occurredAtMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
  });

  test('within a pass no customer is attacked twice, and at most the stated share of them is', () => {
    for (const { attacks: together, ordinary } of plan.passes) {
      const victims = together.flatMap(customersOf);
      expect(new Set(victims).size).toBe(victims.length);
      if (together.length > 1) expect(victims.length).toBeLessThanOrEqual(0.3 * stream.customers.length);
      for (const t of ordinary) expect(victims).not.toContain(t.entities[0]);
      expect(new Set(ordinary.map((t) => t.entities[0])).size).toBe(ordinary.length);
    }
  });

  test('the same seed gives the same attacks, another one others; fewer passes leave some out', () => {
    expect(planAttacks(stream, window, settings, createRandom(1))).toEqual(plan);
    expect(planAttacks(stream, window, settings, createRandom(2)).passes).not.toEqual(plan.passes);
    const short = planAttacks(stream, window, { ...settings, passesMax: 2 }, createRandom(1));
    expect(short.passes).toHaveLength(2);
    expect(short.leftOut).toBe(attacks.length - short.passes.flatMap((pass) => pass.attacks).length);
  });

  test('each scenario is what its name says, the more so the stronger it is', () => {
    /** Amounts in units of the customer's median, by the history. */
    const ratios = ({ transactions: rows }: Attack) =>
      rows.map((t) => t.amountMinor / median(rowsOf(t.entities[0]!).map((own) => own.amountMinor)));
    const typical = (scenario: string, strength: number) => median(attacksOf(scenario, strength).flatMap(ratios));
    const spanHours = (scenario: string, strength: number) =>
      mean(
        attacksOf(scenario, strength).map(
          ({ transactions: rows }) => (rows.at(-1)!.occurredAtMs - rows[0]!.occurredAtMs) / 3.6e6,
        ),
      );
    expect(typical('card-testing', 0)).toBeCloseTo(1, 0);
    expect(typical('card-testing', 1)).toBeLessThan(0.02);
    expect(spanHours('card-testing', 1)).toBeLessThan(0.2);
    for (const attack of attacksOf('card-testing', 1))
      expect(new Set(attack.transactions.map((t) => t.entities[1])).size).toBe(1);

    expect(typical('account-takeover', 0)).toBeCloseTo(1, 0);
    expect(typical('account-takeover', 1)).toBeGreaterThan(6);
    const known = ({ entities }: Transaction) => rowsOf(entities[0]!).some((own) => own.entities[1] === entities[1]);
    const familiar = (strength: number) =>
      mean(attacksOf('account-takeover', strength).flatMap((a) => a.transactions.map((t) => (known(t) ? 1 : 0))));
    expect(familiar(0)).toBe(1);
    expect(familiar(1)).toBeLessThan(0.1);
    const hourShare = (t: Transaction) => {
      const hour = Math.floor(t.occurredAtMs / 3.6e6) % 24;
      return mean(rowsOf(t.entities[0]!).map((own) => (Math.floor(own.occurredAtMs / 3.6e6) % 24 === hour ? 1 : 0)));
    };
    const usualness = (strength: number) =>
      mean(attacksOf('account-takeover', strength).flatMap((a) => a.transactions.map(hourShare)));
    expect(usualness(1)).toBeLessThan(usualness(0) / 3);

    for (const attack of attacksOf('bust-out', 1)) {
      const all = ratios(attack);
      const half = all.length >> 1;
      expect(mean(all.slice(half))).toBeGreaterThan(2 * mean(all.slice(0, half)));
    }
    for (const attack of attacksOf('counterpart-compromise', 1)) {
      expect(new Set(attack.transactions.map((t) => t.entities[1])).size).toBe(1);
      expect(customersOf(attack).length).toBeGreaterThanOrEqual(3);
      expect(attack.transactions.every(known)).toBe(true);
    }
    expect(typical('counterpart-compromise', 1)).toBeLessThan(2);
    for (const attack of attacksOf('mule', 1)) {
      const [collector] = new Set(attack.transactions.map((t) => t.entities[1]));
      expect(past.some((t) => t.entities[1] === collector)).toBe(false);
      expect(customersOf(attack).length).toBe(attack.transactions.length);
    }
    expect(mean(attacksOf('mule', 1).map((a) => a.transactions.length))).toBeGreaterThan(
      mean(attacksOf('mule', 0).map((a) => a.transactions.length)),
    );
    for (const strength of [0, 1])
      for (const t of attacksOf('structuring', strength).flatMap((a) => a.transactions)) {
        const limit = roundLimitMinor(t.amountMinor);
        expect(t.amountMinor / limit).toBeGreaterThan(0.949);
        expect(t.amountMinor / limit).toBeLessThan(0.9951);
      }
    expect(typical('structuring', 1)).toBeGreaterThan(5);
    expect(spanHours('random-burst', 1)).toBeLessThan(0.3);
    expect(spanHours('random-burst', 0)).toBeGreaterThan(5);
  });

  test('refunds are abused where the stream has refunds', () => {
    const withRefunds = past.map((t, i) => (i % 40 === 0 ? { ...t, amountMinor: -t.amountMinor } : t));
    const { passes, notApplicable } = planAttacks(observeStream(schema, withRefunds), window, settings, createRandom(1));
    expect(notApplicable).toEqual([]);
    const abuse = passes.flatMap((pass) => attacksOf('refund-abuse', 1, pass.attacks));
    expect(abuse).toHaveLength(6);
    for (const { transactions: rows } of abuse) {
      const refunded = -rows.reduce((sum, t) => sum + Math.min(0, t.amountMinor), 0);
      const bought = rows.reduce((sum, t) => sum + Math.max(0, t.amountMinor), 0);
      expect(refunded).toBeGreaterThan(bought);
      expect(rows.filter((t) => t.amountMinor < 0).length).toBe(rows.length / 2);
      expect(rows[0]!.amountMinor).toBeGreaterThan(0);
    }
  });

  test('a table without entities can show none of them, an empty history neither; wrong settings are refused', () => {
    const ulb = observeStream(loadSchema('ulb'), []);
    const none = planAttacks(ulb, window, settings, createRandom(1));
    expect(none.passes).toEqual([]);
    expect(none.notApplicable).toHaveLength(FRAUD_SCENARIOS.length);
    for (const { reason } of none.notApplicable) expect(reason).toContain('schema "ulb" names no entity');
    const empty = planAttacks(observeStream(schema, []), window, settings, createRandom(1));
    expect(empty.notApplicable.map(({ reason }) => reason)).toContain(
      'no customer of the stream has a habit (5 payments and more)',
    );
    const shortWindow = { fromMs, toMs: fromMs + DAY_MS / 2 };
    const short = planAttacks(stream, shortWindow, settings, createRandom(1));
    expect(short.notApplicable.map(({ scenario }) => scenario)).toEqual(['refund-abuse', 'bust-out']);
    expect(() => planAttacks(stream, { fromMs, toMs: fromMs }, settings, createRandom(1))).toThrow(/holds no time/);
    expect(() => planAttacks(stream, window, { ...settings, strengths: [1.5] }, createRandom(1))).toThrow(
      'strength: 1.5 is not a number from 0 to 1',
    );
  });

  test.each([1, 2, 3, 5, 6, 99, 100, 101, 250_001])(
    'the round limit at or above %i is the smallest of 1, 2, 5 times a power of ten',
    (minor) => {
      const limits = Array.from({ length: 12 }, (_, k) => [1, 2, 5].map((digit) => digit * 10 ** k)).flat();
      expect(roundLimitMinor(minor)).toBe(limits.find((limit) => limit >= minor));
    },
  );
});
