import { createRandom } from '../../domain/random.js';
import { featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { DriftSettingsSchema } from './drift-settings.js';
import { summariseDay, type DriftRows } from './drift-day.js';
import { buildDriftReference, parseDriftReference, type ReferenceRows } from './drift-reference.js';
import { DAY_MS } from '../../domain/time.js';

const settings = DriftSettingsSchema.parse({ levels: 2, knownLevels: 3 });

/** 30 days of 20 rows by 10 customers; the level "once" is one customer's. */
const rowsOf = (days: number): ReferenceRows => {
  const random = createRandom(11);
  const n = 20 * days;
  const amounts = Array.from({ length: n }, (_, i) => (i % 4 === 0 ? NaN : random.normal()));
  return {
    features: featureMatrix([numericColumn('amount')], Float32Array.from(amounts)),
    entities: Int32Array.from({ length: n }, (_, i) => i % 10),
    secondary: [],
    categorical: [
      {
        field: 'level',
        values: amounts.map((_, i) => (i === n - 3 ? 'once' : i % 10 === 9 ? null : i % 3 === 0 ? 'b' : 'a')),
      },
    ],
    occurredAtMs: Float64Array.from({ length: n }, (_, i) => (1000 + Math.floor(i / 20)) * DAY_MS + i),
    labels: Int8Array.from({ length: n }, (_, i) => (i % 50 === 0 ? 1 : i > n - 60 ? -1 : 0)),
  };
};

describe('reference of drift', () => {
  const rows = rowsOf(30);
  const reference = buildDriftReference('m1', rows, settings);
  const kept = Array.from({ length: 28 * 20 }, (_, i) => i + 2 * 20);

  it('has the newest whole weeks, and survives JSON', () => {
    expect([reference.fromDay, reference.toDay, reference.rows]).toEqual([1002, 1029, 560]);
    expect(parseDriftReference(JSON.parse(JSON.stringify(reference)))).toEqual(reference);
  });

  it('shares are those counted by hand', () => {
    const [amount, level] = reference.fields;
    const cuts = amount!.bins.kind === 'numeric' ? amount!.bins.cuts : [];
    const values = kept.map((row) => rows.features.values[row]!).filter((v) => !Number.isNaN(v));
    expect(amount!.values.shares).toEqual(cuts.map((cut) => values.filter((v) => v <= cut).length / values.length));
    expect(amount!.missing.shares).toEqual([0.25]);
    const levels = kept.map((row) => rows.categorical[0]!.values[row]).filter((v) => v !== null);
    const share = (name: string): number => levels.filter((v) => v === name).length / levels.length;
    expect(level!.bins).toMatchObject({ levels: ['a', 'b'], rareLevels: ['once'] });
    // The last is what is to be expected of unknown levels: those that one customer alone had (Good & Turing).
    expect(level!.values.shares).toEqual([share('a'), share('b'), share('once'), share('once')]);
    expect(level!.missing.shares[0]).toBeCloseTo(0.1, 2);
  });

  it('fraud rate: only rows with a matured label', () => {
    const known = kept.filter((row) => rows.labels![row]! >= 0);
    expect(reference.fraudRate!.all.rows).toBe(known.length);
    expect(reference.fraudRate!.all.counts[0]).toBe(known.filter((row) => rows.labels![row] === 1).length);
    expect(reference.fraudRate!.weeks).toHaveLength(4);
    const { labels: _labels, ...unlabelled } = rows;
    expect(buildDriftReference('m1', unlabelled, settings).fraudRate).toBeNull();
  });

  it('fewer than two weeks, a broken file and rows without a column are sentences', () => {
    expect(() => buildDriftReference('m1', rowsOf(13), settings)).toThrow(
      'the drift reference has rows of 1 whole weeks; at least 2 are needed',
    );
    expect(() => buildDriftReference('m1', rowsOf(0), settings)).toThrow('0 whole weeks');
    expect(() => parseDriftReference({ ...reference, rows: 'many' })).toThrow('drift reference: rows: ');
    const other: DriftRows = { ...rows, features: featureMatrix([numericColumn('other')], rows.features.values) };
    expect(() => summariseDay(reference, 1030, other)).toThrow('the rows have no feature column "amount"');
  });

  it('what lasts for days is told from what is new every day', () => {
    const lasting = (remains: number): number => {
      const random = createRandom(3);
      let shock = 0;
      const amounts = Array.from({ length: 56 }, () => {
        shock = remains * shock + Math.sqrt(1 - remains ** 2) * random.normal();
        return Array.from({ length: 100 }, () => shock + random.normal());
      }).flat();
      const all: ReferenceRows = {
        features: featureMatrix([numericColumn('amount')], Float32Array.from(amounts)),
        entities: Int32Array.from(amounts, (_, i) => i),
        secondary: [],
        categorical: [],
        occurredAtMs: Float64Array.from(amounts, (_, i) => Math.floor(i / 100) * DAY_MS),
      };
      return buildDriftReference('m1', all, settings).fields[0]!.values.lastingDays;
    };
    expect(lasting(0)).toBeLessThan(2);
    // (1 + 0.9) / (1 - 0.9) = 19; some weeks tell it roughly.
    expect(lasting(0.9)).toBeGreaterThan(5);
  });
});
