import { featureMatrix, numericColumn } from '../../src/domain/feature-matrix.js';
import { createRandom, type Random } from '../../src/domain/random.js';
import type { DriftRows } from '../../src/training/drift/drift-day.js';

export interface DriftStreamOptions {
  readonly seed: number;
  /** The first day. */
  readonly from: number;
  /** Customers on the first day. */
  readonly customers: number;
  /** New customers a day, as a share of those of the first day. */
  readonly growth: number;
  /** Standard deviation of the day's common shock to log amounts, which half remains of on the next day. */
  readonly shock: number;
  /** What happens on top, by day; default nothing. */
  readonly change?: (day: number) => Partial<DriftChange>;
}

/** A change of the world. */
export interface DriftChange {
  readonly amountFactor: number;
  /** Share of rows whose country is one nobody had. */
  readonly newCountry: number;
  /** Share of rows that lose their distance. */
  readonly lostDistance: number;
}

export interface DriftStreamDay {
  readonly rows: DriftRows;
  /** An anomaly score: how unusual the amount is for the customer, with noise. */
  readonly scores: Float64Array;
}

interface Habits {
  readonly rate: number;
  readonly weekday: readonly number[];
  readonly logAmount: number;
  readonly spread: number;
  readonly category: number;
  readonly country: number;
  readonly hour: number;
  readonly missing: number;
}

const habitsOf = (random: Random): Habits => ({
  rate: 0.5 + 3 * random.uniform() ** 2,
  weekday: Array.from({ length: 7 }, (_, d) => (d < 2 ? 0.3 + 1.4 * random.uniform() : 0.5 + random.uniform())),
  logAmount: 3.3 + 0.65 * random.normal(),
  spread: 0.3 + 0.4 * random.uniform(),
  category: random.integer(8),
  // A few large countries and a long tail of small ones.
  country: Math.floor(30 * random.uniform() ** 3),
  hour: 24 * random.uniform(),
  missing: random.uniform() < 0.1 ? 0.8 : 0.02,
});

const poisson = (random: Random, mean: number): number => {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random.uniform(); product > limit; product *= random.uniform()) count += 1;
  return count;
};

const COLUMNS = ['amount', 'hour', 'count', 'distance'].map((name) => numericColumn(name));

/**
 * Customers with habits of their own, weekends that differ from workdays (fewer and other payments), shocks that all customers
 * share on a day, and new customers every day: what transactions do without drift. A day depends on the seed and its number alone.
 */
export const driftStream = ({ seed, from, customers, growth, shock, change }: DriftStreamOptions) => {
  const root = createRandom(seed);
  const known: Habits[] = [];
  const habits = (i: number): Habits => (known[i] ??= habitsOf(root.fork(`customer/${i}`)));
  const shockOf = (day: number): number => {
    let sum = 0;
    for (let lag = 0; lag < 6; lag += 1) sum += 0.5 ** lag * root.fork(`shock/${day - lag}`).normal();
    return shock * Math.sqrt(0.75) * sum;
  };
  return {
    day(day: number): DriftStreamDay {
      const random = root.fork(`day/${day}`);
      const { amountFactor = 1, newCountry = 0, lostDistance = 0 } = change?.(day) ?? {};
      const isWeekend = day % 7 < 2;
      const common = shockOf(day);
      const values: number[] = [];
      const entities: number[] = [];
      const categories: string[] = [];
      const countries: (string | null)[] = [];
      const scores: number[] = [];
      const count = Math.floor(customers * (1 + growth * (day - from)));
      for (let c = 0; c < count; c += 1) {
        const habit = habits(c);
        for (let n = poisson(random, habit.rate * habit.weekday[day % 7]!); n > 0; n -= 1) {
          const z = random.normal();
          const logAmount = habit.logAmount + habit.spread * z + common + (isWeekend ? 0.15 : 0) + Math.log(amountFactor);
          const hour = (habit.hour + 3 * random.normal() + (isWeekend ? 2 : 0) + 48) % 24;
          const isMissing = random.uniform() < habit.missing || random.uniform() < lostDistance;
          values.push(Math.exp(logAmount), hour, n - 1, isMissing ? NaN : -Math.log(1 - random.uniform()) * habit.rate);
          entities.push(c);
          categories.push(`c${random.uniform() < 0.7 ? habit.category : random.integer(8)}`);
          countries.push(random.uniform() < newCountry ? 'atlantis' : `n${habit.country}`);
          scores.push((logAmount - habit.logAmount) / habit.spread + 0.5 * random.normal());
        }
      }
      return {
        rows: {
          features: featureMatrix(COLUMNS, Float32Array.from(values)),
          entities: Int32Array.from(entities),
          secondary: [],
          categorical: [
            { field: 'category', values: categories },
            { field: 'country', values: countries },
          ],
        },
        scores: Float64Array.from(scores),
      };
    },
  };
};

/** Rows of several days as one. */
export const joinDays = (
  days: readonly DriftStreamDay[],
  fromDay: number,
): DriftRows & { readonly occurredAtMs: Float64Array } => {
  const rows = days.map((day) => day.rows);
  const values = new Float32Array(rows.reduce((sum, { features }) => sum + features.values.length, 0));
  let at = 0;
  for (const { features } of rows) {
    values.set(features.values, at);
    at += features.values.length;
  }
  return {
    features: featureMatrix(COLUMNS, values),
    entities: Int32Array.from(rows.flatMap(({ entities }) => [...entities])),
    secondary: [],
    categorical: rows[0]!.categorical.map(({ field }, i) => ({ field, values: rows.flatMap((r) => r.categorical[i]!.values) })),
    occurredAtMs: Float64Array.from(
      rows.flatMap(({ entities }, i) => [...entities].map((_, row) => (fromDay + i) * 86_400_000 + row)),
    ),
  };
};
