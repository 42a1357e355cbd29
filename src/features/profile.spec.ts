import type { Transaction } from '../domain/transaction.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { Activity } from './activity.js';
import { createFeatureSet } from './catalog.js';
import { computeFeatures } from './compute-features.js';
import { NOT_LEARNED } from './markov-filter.js';

const DAY = 86_400_000;
const START = Date.UTC(2018, 4, 1);
const schema = TransactionSchemaDefinition.parse({
  name: 'golden',
  description: '',
  id: 'id',
  time: { column: 'at', format: 'sql' },
  entities: [
    { name: 'customer', column: 'customer' },
    { name: 'shop', column: 'shop' },
  ],
  amount: { column: 'amount', currency: 'EUR' },
  features: { set: 'full' },
});
const featureSet = createFeatureSet(schema, {
  rows: 1,
  m0: 3,
  v0: 0.8,
  hours: [0.1, 0.1, 0.2, 0.3, 0.2, 0.1],
  levels: {},
  categories: null,
  markov: null,
});
const transaction = (seconds: number, customer: string, shop: string, amountMinor: number): Transaction => ({
  id: `${customer}${seconds}`,
  occurredAtMs: START + seconds * 1000,
  entities: [customer, shop],
  amountMinor,
  currency: 'EUR',
  numeric: [],
  categorical: [],
});
const compute = (rows: readonly Transaction[], activity = new Activity(featureSet)) =>
  computeFeatures(featureSet, rows, activity);
const column = (name: string): number => featureSet.columns.findIndex((c) => c.name === name);
const cell = (computed: ReturnType<typeof compute>, row: number, name: string): number =>
  computed.matrix.values[row * featureSet.columns.length + column(name)]!;

const NAMES = ['s_amt', 'z_amt', 's_gap', 's_burst', 's_hour', 'recent_z', 'recent_max', 'rel', 's_counterpart'];
/** Computed row by row by a Python script from the formulas of the profile alone (dictionaries, no state, lgamma of libm). */
const GOLDEN: readonly [number, string, string, number, readonly number[]][] = [
  [0, 'a', 's', 1000, [1.137558, -0.6731735, 0, 0, 2.302585, 0, 0, 0, 4.60517]],
  [3600, 'a', 's', 1250, [0.6656805, -0.1316775, 2.543677, 0, 1.272966, 0, 0, 0.09716375, 1.07881]],
  [7300, 'a', 't', 900, [0.6903455, -0.5789338, 2.170839, 0, 0.9191719, 0, 0, -0.1397619, 5.295442]],
  [86450, 'b', 's', 10000, [2.359736, 1.80576, 0, 0, 2.302585, 0, 0, 0, 4.60517]],
  [90000, 'a', 's', 1100, [0.4281337, -0.1577067, 0.08352902, 0, 0.7273661, 0, 0, 0.0317487, 0.9165906]],
  [90000, 'a', 'u', 40000, [8.463203, 6.412811, 8.321142, 2.348601, 0.6049167, 0, 0, 1.499723, 5.692319]],
  [208800, 'a', 's', 1050, [1.336822, -0.5654529, 0.04755121, 0, 2.407671, 1.093749, 5.596513, -1.894944, 0.8547953]],
  [259200, 'a', 's', 50, [3.327085, -2.229161, 0.4082879, 0, 0.6309985, 0.9061298, 5.282405, -3.780938, 0.6980856]],
  [425600, 'a', 't', 1300, [1.258508, -0.04526663, 0.04556603, 0, 3.292438, 0.7503694, 4.365245, -1.443763, 2.19606]],
  [432000, 'b', 's', 9000, [1.222361, 0.7534566, 0.04082997, 0, 1.272966, 0.7263981, 1.215256, -0.05348868, 1.07881]],
  [777600, 'a', 's', -1250, [6.806714, -4.072378, 0.00972587, 0, 0.64868, 0.5968019, 2.916124, -6.543192, 0.702894]],
  [777601, 'a', 'v', 1500, [1.487779, 0.2930049, 9.118585, 3.218221, 0.5814635, 0.4954127, 2.916121, -1.096527, 6.272631]],
];

describe('the profile', () => {
  it('equals golden values, row by row', () => {
    const computed = compute(GOLDEN.map(([seconds, customer, shop, amount]) => transaction(seconds, customer, shop, amount)));
    GOLDEN.forEach(([, , , , expected], row) => {
      const got = NAMES.map((name) => cell(computed, row, name));
      expected.forEach((value, i) => expect(Math.abs(got[i]! - value)).toBeLessThan(2e-6 * Math.max(1, Math.abs(value))));
    });
  });

  it('stays finite for the largest amounts, refunds and events of one millisecond', () => {
    const largest = Number.MAX_SAFE_INTEGER;
    const amounts = [largest, -largest, 0, 1, largest, -1];
    const computed = compute(amounts.map((amount) => transaction(0, 'a', 's', amount)));
    expect([...computed.matrix.values].every(Number.isFinite)).toBe(true);
  });

  it('is not poisoned by one huge amount once there is a habit', () => {
    const habit = Array.from({ length: 30 }, (_, i) => transaction(i * 40_000, 'a', 's', 1000 + 40 * (i % 5)));
    const after = transaction(40 * 40_000, 'a', 's', 1000);
    const quiet = cell(compute([...habit, after]), 30, 'z_amt');
    const poisoned = cell(compute([...habit, transaction(30 * 40_000, 'a', 's', 5_000_000), after]), 31, 'z_amt');
    expect(Math.abs(poisoned - quiet)).toBeLessThan(0.5);
  });

  it('scores a late event against the state as it is and never sees a negative gap', () => {
    const day = 86_400;
    const rows = [
      transaction(5 * day, 'a', 's', 1000),
      transaction(10 * day, 'a', 's', 3000),
      transaction(7 * day, 'a', 's', 2000),
    ];
    const computed = compute([...rows, transaction(10 * day + 60, 'a', 's', 4000)]);
    expect([...computed.late]).toEqual([0, 0, 1, 0]);
    // Only the event before it in time counts; afterwards it counts in the windows that hold it.
    expect(cell(computed, 2, 'customer_nb_7d')).toBe(2);
    expect(cell(computed, 2, 'customer_avg_7d')).toBe(15);
    expect(cell(computed, 3, 'customer_nb_7d')).toBe(4);
    expect(cell(computed, 3, 'customer_nb_1d')).toBe(2);
    expect(cell(computed, 2, 's_gap')).toBeGreaterThan(0);
    // The gap that follows is learned from the newest event on, as if the late one had not been.
    const without = compute([rows[0]!, rows[1]!, transaction(10 * day + 60, 'a', 's', 4000)]);
    expect(cell(computed, 3, 's_gap')).toBe(cell(without, 2, 's_gap'));
  });

  it('learns nothing from an event more than 30 days late', () => {
    const activity = new Activity(featureSet);
    compute([transaction(40 * 86_400, 'a', 's', 1000)], activity);
    const before = [activity.states(), activity.evidenceDeltas()];
    const computed = compute([transaction(10 * 86_400 - 1, 'a', 's', 90_000)], activity);
    expect([computed.late[0], computed.amountBins[0]]).toEqual([1, NOT_LEARNED]);
    activity.applyLabel({ entities: ['a', 's'], occurredAtMs: START + 10 * DAY, amountBin: NOT_LEARNED }, 1);
    expect([activity.states(), activity.evidenceDeltas()]).toEqual(before);
  });

  it('refuses the activity of another feature set', () => {
    const other = createFeatureSet(schema, { ...featureSet.priors, m0: 4 });
    expect(() => computeFeatures(featureSet, [], new Activity(other))).toThrow(
      `activity of feature set ${other.id} cannot serve`,
    );
  });
});
