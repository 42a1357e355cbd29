import fc from 'fast-check';
import type { Transaction } from '../../src/domain/transaction.js';
import { TransactionSchemaDefinition } from '../../src/domain/transaction-schema.js';
import { createFeatureSet } from '../../src/features/catalog.js';
import { burstSurprisal, lomaxLowerSurprisal } from '../../src/features/distributions.js';
import type { FeaturePriors } from '../../src/features/feature-priors.js';
import { AMOUNT_BINS } from '../../src/features/markov-filter.js';
import { logAmount } from '../../src/features/row-work.js';

export const DAY = 86_400_000;
export const HOUR = 3_600_000;
export const DELAY_DAYS = 2;
/** Events further behind are not learned from. */
export const LATE_DAYS_MAX = 30;

export const ORACLE_SCHEMA = TransactionSchemaDefinition.parse({
  name: 'oracle',
  description: '',
  id: 'id',
  time: { column: 'at', format: 'epoch-milliseconds' },
  entities: [
    { name: 'customer', column: 'customer' },
    { name: 'shop', column: 'shop', bucketSeconds: 1 },
    { name: 'device', column: 'device', bucketSeconds: 3600 },
  ],
  amount: { column: 'amount', currency: 'EUR' },
  numeric: [{ column: 'age', optional: true }],
  categorical: [{ column: 'kind', optional: true }],
  label: { column: 'fraud', delayDays: DELAY_DAYS },
  features: { set: 'full', windowsDays: [1, 7, 30], markovEntity: 'shop', sequence: 3 },
});
const priors: FeaturePriors = {
  rows: 100,
  m0: 3,
  v0: 0.8,
  hours: [0.1, 0.1, 0.2, 0.3, 0.2, 0.1],
  levels: { kind: ['food', 'fun'] },
  categories: [
    { share: 0.6, m0: 2.5, v0: 0.5 },
    { share: 0.39, m0: 4, v0: 1 },
    { share: 0.01, m0: 3, v0: 0.8 },
  ],
  markov: { rows: 100, q0: Array.from({ length: AMOUNT_BINS }, (_, i) => 0.004 + 0.05 * i), l01: 1e-3, l10: 1 / 28, e1: 0.6 },
};
export const ORACLE_FEATURES = createFeatureSet(ORACLE_SCHEMA, priors);

export const START_MS = 1_500_000_000_000 - (1_500_000_000_000 % DAY);

/** A transaction of the oracle's schema, but for its id and time. */
export const payment = fc
  .record({
    customer: fc.constantFrom('a', 'b'),
    shop: fc.constantFrom('s', 't'),
    device: fc.constantFrom('d', 'e'),
    amountMinor: fc.integer({ min: -5000, max: 200_000 }),
    age: fc.constantFrom(NaN, 1, 2.5),
    kind: fc.constantFrom(null, 'food', 'fun', 'new'),
  })
  .map((e): Omit<Transaction, 'id' | 'occurredAtMs'> => ({
    entities: [e.customer, e.shop, e.device],
    amountMinor: e.amountMinor,
    currency: 'EUR',
    numeric: [e.age],
    categorical: [e.kind],
  }));

/** What the definitions take from the line: the amount's surprise, which has tests of its own. */
export interface SeenRow {
  readonly amountBin: number;
  readonly z: number;
}

interface Earlier extends Transaction, SeenRow {
  readonly isFraud: boolean;
  readonly isLearned: boolean;
  readonly isLate: boolean;
  /** Newest event of its customer before it and with it; -Infinity: none. */
  readonly newestBefore: number;
  readonly newestAfter: number;
}

/**
 * Features of a row by the definitions alone (docs/late-events.md): everything is recomputed from the list of the rows that
 * arrived before it, without any state.
 *
 * @param arrived in the order of arrival; the row is the last one
 * @param seen of each row before it
 * @param isFraud what is known of the row of this index now
 */
export const oracle = (
  arrived: readonly Transaction[],
  seen: readonly SeenRow[],
  isFraud: (row: number) => boolean,
): { readonly late: boolean; readonly isTooLate: boolean; readonly features: Readonly<Record<string, number>> } => {
  const t = arrived.at(-1)!;
  const now = t.occurredAtMs;
  const earlier = placed(arrived.slice(0, -1), seen, isFraud);
  const learned = earlier.filter((e) => e.isLearned);
  const own = learned.filter((e) => e.entities[0] === t.entities[0]);
  const newest = own.at(-1)?.newestAfter ?? -Infinity;
  const features: Record<string, number> = { tx_amount: t.amountMinor / 100, log_amount: logAmount(t.amountMinor / 100) };
  const date = new Date(now);
  features['during_weekend'] = [0, 6].includes(date.getUTCDay()) ? 1 : 0;
  features['during_night'] = date.getUTCHours() <= 6 ? 1 : 0;
  Object.assign(features, windows(t, remembered(own, newest, now), learned));
  Object.assign(features, habits(t, own, newest));
  Object.assign(features, sequence(t, remembered(own, newest, now)));
  features['rel'] = features['log_amount']! - logAmount(features['customer_avg_30d']!);
  features['markov'] = exactFilter(
    learned.filter((e) => e.entities[1] === t.entities[1]),
    now,
  );
  return { late: now < newest, isTooLate: now < newest - LATE_DAYS_MAX * DAY, features };
};

const placed = (rows: readonly Transaction[], seen: readonly SeenRow[], isFraud: (row: number) => boolean): Earlier[] => {
  const newest: Record<string, number> = {};
  return rows.map((e, i) => {
    const newestBefore = newest[e.entities[0]!] ?? -Infinity;
    const newestAfter = Math.max(newestBefore, e.occurredAtMs);
    newest[e.entities[0]!] = newestAfter;
    const isLearned = e.occurredAtMs >= newestBefore - LATE_DAYS_MAX * DAY;
    const isLate = e.occurredAtMs < newestBefore;
    return { ...e, ...seen[i]!, isFraud: isFraud(i), isLearned, isLate, newestBefore, newestAfter };
  });
};

/** What lies a whole longest window behind the newest event is forgotten; what lies ahead of the row is not for it. */
const remembered = (own: readonly Earlier[], newest: number, now: number): readonly Earlier[] =>
  own.filter((e) => e.occurredAtMs <= now && e.occurredAtMs > newest - 30 * DAY);

const windows = (t: Transaction, own: readonly Earlier[], learned: readonly Earlier[]): Record<string, number> => {
  const now = t.occurredAtMs;
  const values: Record<string, number> = {};
  for (const days of [1, 7, 30]) {
    const amounts = own.filter((e) => e.occurredAtMs > now - days * DAY).map((e) => e.amountMinor / 100);
    amounts.push(t.amountMinor / 100);
    values[`customer_nb_${days}d`] = amounts.length;
    values[`customer_avg_${days}d`] = amounts.reduce((a, b) => a + b, 0) / amounts.length;
    values[`customer_max_${days}d`] = Math.max(...amounts);
    for (const [name, index, width] of [
      ['shop', 1, 1000],
      ['device', 2, HOUR],
    ] as const) {
      const inWindow = learned.filter((e) => {
        const bucket = Math.floor(e.occurredAtMs / width) * width;
        return (
          e.entities[index] === t.entities[index] &&
          bucket + width - 1000 <= now - DELAY_DAYS * DAY &&
          bucket > now - (DELAY_DAYS + days) * DAY
        );
      });
      values[`${name}_nb_${days}d`] = inWindow.length;
      values[`${name}_risk_${days}d`] = inWindow.length === 0 ? 0 : inWindow.filter((e) => e.isFraud).length / inWindow.length;
    }
  }
  return values;
};

/** The row and what is remembered before it by event time, newest first; of one time, the one that arrived last is the newer. */
const sequence = (t: Transaction, own: readonly Earlier[]): Record<string, number> => {
  const before = own
    .map((e, arrival) => ({ e, arrival }))
    .sort((a, b) => b.e.occurredAtMs - a.e.occurredAtMs || b.arrival - a.arrival);
  const events = [t, ...before.map(({ e }) => e)];
  const values: Record<string, number> = {};
  for (let lag = 0; lag <= ORACLE_SCHEMA.features.sequence; lag += 1) {
    const [event, previous] = [events[lag], events[lag + 1]];
    values[`lag${lag}_gap`] = event && previous ? Math.log(1 + (event.occurredAtMs - previous.occurredAtMs) / 1000) : NaN;
    if (lag === 0) continue;
    const date = event && new Date(event.occurredAtMs);
    values[`lag${lag}_hour`] = date ? date.getUTCHours() + date.getUTCMinutes() / 60 + date.getUTCSeconds() / 3600 : NaN;
    values[`lag${lag}_log_amount`] = event ? logAmount(event.amountMinor / 100) : NaN;
  }
  return values;
};

/** Half of it is forgotten after 60 further ones. */
const decayedSum = (values: readonly number[]): number =>
  values.reduce((sum, value, i) => sum + value * 0.5 ** ((values.length - 1 - i) / 60), 0);

/** Habits count by arrival; only the gaps leave late events out. */
const habits = (t: Transaction, own: readonly Earlier[], newest: number): Record<string, number> => {
  const now = t.occurredAtMs;
  const lastBefore = (rows: readonly Earlier[], newestThen: number, ms: number): number | null =>
    remembered(rows, newestThen, ms).reduce<number | null>((last, e) => Math.max(last ?? -Infinity, e.occurredAtMs), null);
  const gaps = own.flatMap((e, i) => {
    const last = lastBefore(own.slice(0, i), e.newestBefore, e.occurredAtMs);
    return e.isLate || last === null ? [] : [(e.occurredAtMs - last) / DAY + 1e-4];
  });
  const shape = 2 + decayedSum(gaps.map(() => 1));
  const scale = 1 + decayedSum(gaps);
  const last = lastBefore(own, newest, now);
  const burst = remembered(own, newest, now).filter((e) => e.occurredAtMs > now - HOUR).length;
  const partOfDay = (ms: number): number => Math.floor(new Date(ms).getUTCHours() / 4);
  const inPart = decayedSum(own.map((e) => (partOfDay(e.occurredAtMs) === partOfDay(now) ? 1 : 0)));
  const all = decayedSum(own.map(() => 1));
  // A late event counts as if it had happened with its customer's newest one.
  const recent = own.map((e) => ({
    z: Math.min(Math.max(e.z, 0), 8),
    weight: 0.5 ** ((Math.max(newest, now) - e.newestAfter) / (7 * DAY)),
  }));
  const atShop = own.map((e) => (e.entities[1] === t.entities[1] ? 1 : 0));
  return {
    s_gap: last === null ? 0 : lomaxLowerSurprisal((now - last) / DAY + 1e-4, shape, scale),
    s_burst: burstSurprisal(burst, shape, 1 / 24 / (scale + 1 / 24)),
    s_hour: -Math.log((inPart + 4 * priors.hours[partOfDay(now)]!) / (all + 4)),
    recent_z: recent.reduce((sum, e) => sum + e.z * e.weight, 0) / (recent.reduce((sum, e) => sum + e.weight, 0) + 1),
    recent_max: Math.max(0, ...recent.map((e) => e.z * e.weight)),
    s_counterpart: -Math.log((decayedSum(atShop) + 2 * 0.01) / (all + 2)),
    new_counterpart: atShop.includes(1) ? 0 : 1,
  };
};

/** The forward pass event by event (models.md, section 6), each event with its label. */
const exactFilter = (events: readonly Earlier[], now: number): number => {
  const { q0, l01, l10, e1 } = priors.markov!;
  const pi = l01 / (l01 + l10);
  // From the start of the UTC day that lies 60 days before the label delay.
  const from = new Date(now - (DELAY_DAYS + 60) * DAY).setUTCHours(0, 0, 0, 0);
  const known = events.filter((e) => e.occurredAtMs <= now - DELAY_DAYS * DAY && e.occurredAtMs >= from);
  known.sort((a, b) => a.occurredAtMs - b.occurredAtMs);
  let p = pi;
  let last = now;
  known.forEach((e, i) => {
    if (i > 0) p = pi + (p - pi) * Math.exp((-(l01 + l10) * (e.occurredAtMs - last)) / DAY);
    last = e.occurredAtMs;
    const a = e.isFraud ? e1 : 1 - e1;
    const b = e.isFraud ? q0[e.amountBin]! : 1 - q0[e.amountBin]!;
    p = (p * a) / (p * a + (1 - p) * b);
  });
  p = pi + (p - pi) * Math.exp((-(l01 + l10) * (now - last)) / DAY);
  return Math.log(p / (1 - p));
};

/** @throws Error naming the row's first feature that differs by more than float32 explains */
export const expectFeatures = (row: number, got: Float32Array, expected: Readonly<Record<string, number>>): void => {
  ORACLE_FEATURES.columns.forEach(({ name }, column) => {
    const wanted = expected[name];
    if (wanted === undefined || (Number.isNaN(wanted) && Number.isNaN(got[column]))) return;
    if (!(Math.abs(got[column]! - wanted) <= 1e-5 * Math.max(1, Math.abs(wanted))))
      throw new Error(`row ${row} ${name}: ${got[column]}, expected ${wanted}`);
  });
};

export const zOf = (features: Float32Array): number =>
  features[ORACLE_FEATURES.columns.findIndex(({ name }) => name === 'z_amt')]!;
