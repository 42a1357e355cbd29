import fc from 'fast-check';
import {
  DAY,
  DELAY_DAYS,
  expectFeatures,
  HOUR,
  oracle,
  ORACLE_FEATURES,
  payment,
  START_MS,
  zOf,
} from '../../test/support/feature-oracle.js';
import { entityKey, EvidenceColumns } from '../domain/evidence-columns.js';
import type { Transaction } from '../domain/transaction.js';
import { Activity, type EvidenceCount } from './activity.js';
import { computeFeatures } from './compute-features.js';
import { deliverOnce, EvidenceMemory } from './evidence-memory.js';
import { amountBin } from './markov-filter.js';

interface Event extends Transaction {
  readonly isFraud: boolean;
}

/** Times on a grid of half days, with a second or an hour beside it, so that they meet the borders of windows. */
const event = fc
  .record({
    step: fc.integer({ min: 0, max: 90 }),
    offset: fc.constantFrom(0, 0, 0, 1000, -1000, HOUR, HOUR - 1000),
    payment,
    isFraud: fc.boolean(),
  })
  .map(({ step, offset, payment: paid, isFraud }): Event => {
    return { id: '', occurredAtMs: START_MS + (step * DAY) / 2 + offset, ...paid, isFraud };
  });
const mostlyOrdered = fc
  .tuple(fc.array(event, { minLength: 1, maxLength: 60 }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }))
  .map(([events, from, to]) => {
    const sorted = [...events].sort((a, b) => a.occurredAtMs - b.occurredAtMs);
    const [moved] = sorted.splice(from % sorted.length, 1);
    sorted.splice(to % (sorted.length + 1), 0, moved!);
    return sorted;
  });

const byEntity = (a: EvidenceCount, b: EvidenceCount): number =>
  entityKey(a.entityType, a.entityId).localeCompare(entityKey(b.entityType, b.entityId));

const run = (
  events: readonly Event[],
  cuts: readonly number[],
): { values: Float32Array; bins: number[]; profiles: number[]; late: number[] } => {
  const states = new Map<string, Uint8Array>();
  const cells = new Map<string, EvidenceCount>();
  const values: number[] = [];
  const bins: number[] = [];
  const profiles: number[] = [];
  const late: number[] = [];
  const borders = [0, ...[...new Set(cuts.map((c) => c % events.length))].sort((a, b) => a - b), events.length];
  for (let b = 0; b + 1 < borders.length; b += 1) {
    const batch = events.slice(borders[b], borders[b + 1]);
    const activity = new Activity(ORACLE_FEATURES);
    for (const [id, bytes] of states) activity.addState(id, bytes);
    new EvidenceMemory().lend(deliverOnce(EvidenceColumns.of([...cells.values()].sort(byEntity))), activity);
    const computed = computeFeatures(ORACLE_FEATURES, batch, activity);
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
        const width = ORACLE_FEATURES.columns.length;
        const featuresOf = (row: number): Float32Array => values.subarray(row * width, (row + 1) * width);
        const seen = bins.map((amountBin, row) => ({ amountBin, z: zOf(featuresOf(row)) }));
        events.forEach((_, row) => {
          const { features } = oracle(events.slice(0, row + 1), seen, (i) => events[i]!.isFraud);
          expectFeatures(row, featuresOf(row), features);
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
          if (largest - least < DELAY_DAYS * DAY) return;
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
