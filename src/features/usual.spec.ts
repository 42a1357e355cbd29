import { createRandom } from '../domain/random.js';
import type { Transaction } from '../domain/transaction.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { Activity } from './activity.js';
import { hourOfDay } from './calendar.js';
import { createFeatureSet } from './catalog.js';
import { computeFeatures } from './compute-features.js';
import { fitPriors } from './priors.js';
import { PROFILE_WIDTH } from './profile-row.js';
import { usualHours, usualValues, type Interval } from './usual.js';

const DAY = 86_400_000;
const schema = TransactionSchemaDefinition.parse({
  name: 'usual',
  description: '',
  id: 'id',
  time: { column: 'at', format: 'sql' },
  entities: [{ name: 'customer', column: 'customer' }],
  amount: { column: 'amount', currency: 'EUR' },
  categorical: [{ column: 'kind' }],
  features: { set: 'full' },
});

/** Customers with habits of their own: amounts, a daily rate, a favourite hour. */
const world = (): Transaction[] => {
  const random = createRandom(3);
  const rows: Transaction[] = [];
  for (let c = 0; c < 30; c += 1) {
    const [mean, sd, rate, hour] = [
      2 + 2 * random.uniform(),
      0.3 + 0.5 * random.uniform(),
      0.5 + 3 * random.uniform(),
      24 * random.uniform(),
    ];
    for (let day = 0; day < 60; day += 1)
      for (let k = 0; k < 8; k += 1) {
        if (random.uniform() > rate / 8) continue;
        const ms = Math.floor(day * DAY + ((hour + 2.5 * random.normal() + 48) % 24) * 3_600_000);
        const kind = random.integer(2);
        const amount = Math.exp(mean + kind + sd * random.normal());
        rows.push({
          id: String(rows.length),
          occurredAtMs: ms,
          entities: [`c${c}`],
          amountMinor: Math.round(100 * amount),
          currency: 'EUR',
          numeric: [],
          categorical: [kind === 0 ? 'small' : 'large'],
        });
      }
  }
  return rows.sort((a, b) => a.occurredAtMs - b.occurredAtMs);
};

const isWithin = (value: number, { low, high }: Interval): boolean =>
  low <= high ? value >= low && value <= high : value >= low || value <= high;

describe('usual values', () => {
  const rows = world();
  const set = createFeatureSet(schema, fitPriors(schema, rows, [], 20 * DAY));
  const { profiles, matrix } = computeFeatures(set, rows, new Activity(set));
  const usualOf = (row: number) =>
    usualValues(set, rows[row]!, profiles.subarray(row * PROFILE_WIDTH, (row + 1) * PROFILE_WIDTH));
  const cell = (row: number, name: string): number =>
    matrix.values[row * set.columns.length + set.columns.findIndex((c) => c.name === name)]!;

  it.each<[string, (row: number) => number, number, number]>([
    ['tx_amount', (row) => rows[row]!.amountMinor / 100, 0.86, 0.95],
    ['z_amt_category', (row) => rows[row]!.amountMinor / 100, 0.86, 0.95],
    ['hour', (row) => hourOfDay(rows[row]!.occurredAtMs), 0.85, 0.97],
    ['customer_nb_7d', (row) => cell(row, 'customer_nb_7d'), 0.85, 1],
  ])('of %s cover about 90 %% of what follows', (name, value, least, most) => {
    let inside = 0;
    let total = 0;
    rows.forEach((t, row) => {
      if (t.occurredAtMs < 20 * DAY) return;
      total += 1;
      if (isWithin(value(row), usualOf(row)[name]!)) inside += 1;
    });
    expect(total).toBeGreaterThan(1000);
    expect(inside / total).toBeGreaterThan(least);
    expect(inside / total).toBeLessThanOrEqual(most);
  });

  it('are of columns of the set, in order, and say nothing of a gap that is none', () => {
    const first = usualOf(0);
    expect(first['s_gap']).toBeUndefined();
    const later = usualOf(rows.length - 1);
    expect(later['s_gap']!.low).toBeGreaterThan(0);
    for (const [name, { low, median, high, basis }] of Object.entries(later)) {
      expect(set.columns.map((c) => c.name)).toContain(name);
      expect(basis).toBe('entity');
      if (!name.includes('hour')) expect(low <= median && median <= high).toBe(true);
    }
  });

  it('of hours may pass midnight', () => {
    const span = ({ low, high }: Interval): number => (high - low + 24) % 24;
    const night = usualHours([0.5, 0, 0, 0, 0, 0.5]);
    expect(span(night)).toBeCloseTo(7.2, 9);
    expect(night.low).toBeGreaterThan(night.high);
    expect(isWithin(0.1, night) && isWithin(23.9, night)).toBe(true);
    const morning = usualHours([0, 0, 1, 0, 0, 0]);
    expect([morning.low, morning.median, morning.high].map((hour) => Math.round(hour * 10) / 10)).toEqual([8, 9.8, 11.6]);
    expect(span(usualHours(Array<number>(6).fill(1 / 6)))).toBeCloseTo(21.6, 9);
  });

  it('are none where nothing is remembered', () => {
    expect(usualValues(set, rows[0]!, new Float64Array(0))).toEqual({});
  });
});
