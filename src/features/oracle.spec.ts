import fc from 'fast-check';
import type { Transaction } from '../domain/transaction.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { Activity } from './activity.js';
import { createFeatureSet } from './catalog.js';
import { computeFeatures } from './compute-features.js';
import { amountBin, AMOUNT_BINS } from './markov-filter.js';
import type { FeaturePriors } from './feature-priors.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const DELAY = 2;
const schema = TransactionSchemaDefinition.parse({
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
  label: { column: 'fraud', delayDays: DELAY },
  features: { set: 'full', windowsDays: [1, 7, 30], markovEntity: 'shop' },
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
const featureSet = createFeatureSet(schema, priors);

interface Event extends Transaction {
  readonly isFraud: boolean;
}

/** Times on a grid of half days, with a second or an hour beside it, so that they meet the borders of windows. */
const event = fc
  .record({
    step: fc.integer({ min: 0, max: 90 }),
    offset: fc.constantFrom(0, 0, 0, 1000, -1000, HOUR, HOUR - 1000),
    customer: fc.constantFrom('a', 'b'),
    shop: fc.constantFrom('s', 't'),
    device: fc.constantFrom('d', 'e'),
    amountMinor: fc.integer({ min: -5000, max: 200_000 }),
    age: fc.constantFrom(NaN, 1, 2.5),
    kind: fc.constantFrom(null, 'food', 'fun', 'new'),
    isFraud: fc.boolean(),
  })
  .map((e): Event => ({
    id: '',
    occurredAtMs: 1_500_000_000_000 - (1_500_000_000_000 % DAY) + (e.step * DAY) / 2 + e.offset,
    entities: [e.customer, e.shop, e.device],
    amountMinor: e.amountMinor,
    currency: 'EUR',
    numeric: [e.age],
    categorical: [e.kind],
    isFraud: e.isFraud,
  }));
const mostlyOrdered = fc
  .tuple(fc.array(event, { minLength: 1, maxLength: 60 }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }))
  .map(([events, from, to]) => {
    const sorted = [...events].sort((a, b) => a.occurredAtMs - b.occurredAtMs);
    const [moved] = sorted.splice(from % sorted.length, 1);
    sorted.splice(to % (sorted.length + 1), 0, moved!);
    return sorted;
  });

/** Features by the definitions alone: everything recomputed from the list of earlier rows, without any state. */
const oracle = (events: readonly Event[], row: number, bins: readonly number[]): Record<string, number> => {
  const t = events[row]!;
  const now = t.occurredAtMs;
  const earlier = events.slice(0, row).map((e, i) => ({ ...e, bin: bins[i]!, isLearned: true }));
  const newest: Record<string, number> = {};
  for (const e of earlier) {
    const last = newest[e.entities[0]!] ?? -Infinity;
    e.isLearned = e.occurredAtMs >= last - 30 * DAY;
    newest[e.entities[0]!] = Math.max(last, e.occurredAtMs);
  }
  const learned = earlier.filter((e) => e.isLearned);
  const values: Record<string, number> = { tx_amount: t.amountMinor / 100 };
  const date = new Date(now);
  values['during_weekend'] = [0, 6].includes(date.getUTCDay()) ? 1 : 0;
  values['during_night'] = date.getUTCHours() <= 6 ? 1 : 0;
  const newestOwn = newest[t.entities[0]!] ?? -Infinity;
  // What lies a whole longest window behind the newest event is forgotten.
  const own = learned.filter(
    (e) => e.entities[0] === t.entities[0] && e.occurredAtMs <= now && e.occurredAtMs > newestOwn - 30 * DAY,
  );
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
          bucket + width - 1000 <= now - DELAY * DAY &&
          bucket > now - (DELAY + days) * DAY
        );
      });
      values[`${name}_nb_${days}d`] = inWindow.length;
      values[`${name}_risk_${days}d`] = inWindow.length === 0 ? 0 : inWindow.filter((e) => e.isFraud).length / inWindow.length;
    }
  }
  values['markov'] = exactFilter(
    learned.filter((e) => e.entities[1] === t.entities[1]),
    now,
  );
  return values;
};

/** The forward pass event by event (models.md, section 6), each event with its label. */
const exactFilter = (events: readonly (Event & { bin: number })[], now: number): number => {
  const { q0, l01, l10, e1 } = priors.markov!;
  const pi = l01 / (l01 + l10);
  const known = events.filter((e) => e.occurredAtMs <= now - DELAY * DAY && e.occurredAtMs > now - (DELAY + 60) * DAY);
  known.sort((a, b) => a.occurredAtMs - b.occurredAtMs);
  let p = pi;
  let last = now;
  known.forEach((e, i) => {
    if (i > 0) p = pi + (p - pi) * Math.exp((-(l01 + l10) * (e.occurredAtMs - last)) / DAY);
    last = e.occurredAtMs;
    const a = e.isFraud ? e1 : 1 - e1;
    const b = e.isFraud ? q0[e.bin]! : 1 - q0[e.bin]!;
    p = (p * a) / (p * a + (1 - p) * b);
  });
  p = pi + (p - pi) * Math.exp((-(l01 + l10) * (now - last)) / DAY);
  return Math.log(p / (1 - p));
};

const run = (
  events: readonly Event[],
  cuts: readonly number[],
): { values: Float32Array; bins: number[]; profiles: number[]; late: number[] } => {
  const states = new Map<string, Uint8Array>();
  const cells = new Map<
    string,
    { entityType: string; entityId: string; bucketMs: number; bin: number; n: number; nFraud: number }
  >();
  const values: number[] = [];
  const bins: number[] = [];
  const profiles: number[] = [];
  const late: number[] = [];
  const borders = [0, ...[...new Set(cuts.map((c) => c % events.length))].sort((a, b) => a - b), events.length];
  for (let b = 0; b + 1 < borders.length; b += 1) {
    const batch = events.slice(borders[b], borders[b + 1]);
    const activity = new Activity(featureSet);
    for (const [id, bytes] of states) activity.addState(id, bytes);
    for (const cell of cells.values()) activity.addEvidence(cell);
    const computed = computeFeatures(featureSet, batch, activity);
    values.push(...computed.matrix.values);
    bins.push(...computed.amountBins);
    profiles.push(...computed.profiles);
    late.push(...computed.late);
    batch.forEach((e, i) => {
      const row = { entities: e.entities, occurredAtMs: e.occurredAtMs, amountBin: computed.amountBins[i]! };
      if (e.isFraud) activity.applyLabel(row, 1);
    });
    for (const { entityId, bytes } of activity.states()) states.set(entityId, bytes);
    for (const delta of activity.evidenceDeltas()) {
      const key = JSON.stringify([delta.entityType, delta.entityId, delta.bucketMs, delta.bin]);
      const stored = cells.get(key);
      cells.set(key, stored ? { ...stored, n: stored.n + delta.n, nFraud: stored.nFraud + delta.nFraud } : delta);
    }
  }
  return { values: Float32Array.from(values), bins, profiles, late };
};

/** One row a batch, so that labels are there as soon as they may be: what the oracle sees. */
const everyRow = (events: readonly Event[]): number[] => events.map((_, i) => i);

describe('features of a stream', () => {
  it('equal a brute-force oracle, times on the borders of windows and late events included', () => {
    fc.assert(
      fc.property(mostlyOrdered, (events) => {
        const { values, bins } = run(events, everyRow(events));
        const width = featureSet.columns.length;
        events.forEach((_, row) => {
          const expected = oracle(events, row, bins);
          featureSet.columns.forEach(({ name }, column) => {
            if (expected[name] === undefined) return;
            const got = values[row * width + column]!;
            if (Math.abs(got - expected[name]) > 1e-5 * Math.max(1, Math.abs(expected[name])))
              throw new Error(`row ${row} ${name}: ${got}, expected ${expected[name]}`);
          });
        });
      }),
      { numRuns: 150 },
    );
  });

  it('are the same bits in any batching, with states and cells stored in between', () => {
    fc.assert(
      fc.property(mostlyOrdered, fc.array(fc.nat(60), { maxLength: 6 }), (events, cuts) => {
        const unlabelled = events.map((e) => ({ ...e, isFraud: false }));
        const whole = run(unlabelled, []);
        const cut = run(unlabelled, cuts);
        expect(Buffer.from(cut.values.buffer).equals(Buffer.from(whole.values.buffer))).toBe(true);
        expect(cut.profiles).toEqual(whole.profiles);
        expect([cut.bins, cut.late]).toEqual([whole.bins, whole.late]);
      }),
      { numRuns: 150 },
    );
  });

  it('are the same bits with labels, in any batching that spans less than the label delay', () => {
    fc.assert(
      fc.property(mostlyOrdered, fc.array(fc.nat(60), { maxLength: 6 }), (events, more) => {
        const cuts = [...more];
        let [least, largest] = [Infinity, -Infinity];
        events.forEach(({ occurredAtMs }, i) => {
          [least, largest] = [Math.min(least, occurredAtMs), Math.max(largest, occurredAtMs)];
          if (largest - least < DELAY * DAY) return;
          cuts.push(i);
          [least, largest] = [occurredAtMs, occurredAtMs];
        });
        const cut = run(events, cuts);
        const single = run(events, everyRow(events));
        expect(Buffer.from(cut.values.buffer).equals(Buffer.from(single.values.buffer))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('put amounts into the bins of the stated edges', () => {
    expect([-9, -1, -0.5, 0, 1, 1.49, 1.5, 2, 2.5, 3, 4, 6, 99].map(amountBin)).toEqual([0, 1, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 9]);
  });
});
