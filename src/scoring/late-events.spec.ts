import fc from 'fast-check';
import { DAY, ORACLE_FEATURES, ORACLE_SCHEMA, START_MS } from '../../test/support/feature-oracle.js';
import { expectOracle, scoreStream, streams, transactionsIn, type ScoredRow, type Step } from '../../test/support/late-stream.js';
import type { Transaction } from '../domain/transaction.js';
import { Activity } from '../features/activity.js';
import { createFeatureSet } from '../features/catalog.js';
import { computeFeatures } from '../features/compute-features.js';
import { NOT_LEARNED } from '../features/markov-filter.js';
import { MemoryScoringStore } from './memory-store.js';

const BUCKETS = ORACLE_SCHEMA.entities
  .slice(1)
  .map(({ name, bucketSeconds }) => ({ entityType: name, widthMs: bucketSeconds * 1000 }));
const run = (steps: readonly Step[], cuts?: readonly number[]): Promise<readonly ScoredRow[]> => {
  const store = new MemoryScoringStore(BUCKETS);
  return scoreStream(steps, store, (label) => store.applyLabel(label), cuts && { cuts });
};

const paid = (id: string, occurredAtMs: number, more: Partial<Transaction> = {}): Transaction => ({
  id,
  occurredAtMs,
  entities: ['a', 's', 'd'],
  amountMinor: 1200,
  currency: 'EUR',
  numeric: [NaN],
  categorical: ['food'],
  ...more,
});
const at = (...payment: Parameters<typeof paid>): Step => ({ kind: 'transaction', transaction: paid(...payment) });
const label = (transactionId: string, isFraud: boolean, knownAtMs = START_MS): Step => ({
  kind: 'label',
  label: { transactionId, isFraud, type: null, source: 'test', knownAtMs },
});
const feature = ({ features }: ScoredRow, name: string): number =>
  features[ORACLE_FEATURES.columns.findIndex((column) => column.name === name)]!;

describe('docs/late-events.md', () => {
  it('holds for any order of arrival, and for labels that come late or are withdrawn: every feature is the oracle’s', async () => {
    const met = { late: 0, tooLate: 0, withdrawn: 0, waiting: 0 };
    await fc.assert(
      fc.asyncProperty(streams('rising'), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (steps, cuts) => {
        const rows = await run(steps, cuts);
        expectOracle(steps, rows);
        const ids = transactionsIn(steps).map(({ id }) => id);
        met.late += rows.filter((row) => row.late && row.amountBin !== NOT_LEARNED).length;
        met.tooLate += rows.filter((row) => row.amountBin === NOT_LEARNED).length;
        rows.forEach((row, i) => {
          met.withdrawn += [...(rows[i - 1]?.frauds ?? [])].filter((id) => !row.frauds.has(id)).length;
          met.waiting += row.frauds.has(ids[i]!) ? 1 : 0;
        });
      }),
      { numRuns: 250 },
    );
    // Each of these has been met often: the comparison is no empty one.
    expect(Math.min(...Object.values(met))).toBeGreaterThan(50);
  });

  it('has the same bits in any batching', async () => {
    await fc.assert(
      fc.asyncProperty(streams('rising'), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), async (steps, cuts) => {
        const [single, cut] = [await run(steps), await run(steps, cuts)];
        const bits = (rows: readonly ScoredRow[]): string[] =>
          rows.map((row) => `${row.late} ${Buffer.from(row.features.buffer).toString('hex')}`);
        expect(bits(cut)).toEqual(bits(single));
      }),
      { numRuns: 120 },
    );
  });

  it('late is strictly behind the newest of the customer; another customer’s time does not matter', async () => {
    const other = { entities: ['b', 's', 'd'] };
    const rows = await run([at('1', START_MS), at('2', START_MS), at('3', START_MS - 1), at('4', START_MS - DAY, other)]);
    expect(rows.map(({ late }) => late)).toEqual([false, false, true, false]);
  });

  it('30 days behind is learned from, a millisecond more is not', async () => {
    const behind = async (ms: number): Promise<readonly ScoredRow[]> =>
      run([at('1', START_MS), at('2', START_MS - ms), at('3', START_MS + 5 * DAY)]);
    const [within, beyond] = [await behind(30 * DAY), await behind(30 * DAY + 1)];
    expect([within[1]!.late, beyond[1]!.late]).toEqual([true, true]);
    expect([within[1]!.amountBin, beyond[1]!.amountBin]).toEqual([expect.any(Number), NOT_LEARNED]);
    expect(within[1]!.amountBin).toBeLessThan(NOT_LEARNED);
    expect([feature(within[2]!, 'log_amount'), feature(within[2]!, 'z_amt')]).not.toEqual([
      feature(beyond[2]!, 'log_amount'),
      feature(beyond[2]!, 'z_amt'),
    ]);
    // The shop's evidence counts it in the window of 30 days that ends two days before.
    const [one, none] = await Promise.all(
      [30 * DAY, 30 * DAY + 1].map((ms) => run([at('1', START_MS), at('2', START_MS - ms), at('3', START_MS + DAY)])),
    );
    expect([feature(one![2]!, 'shop_nb_30d'), feature(none![2]!, 'shop_nb_30d')]).toEqual([1, 0]);
  });

  it('behind a longest window of 7 days it is learned from, but no window holds it', () => {
    const schema = { ...ORACLE_SCHEMA, features: { ...ORACLE_SCHEMA.features, windowsDays: [1, 7] } };
    const features = createFeatureSet(schema, ORACLE_FEATURES.priors);
    const transactions = [START_MS, START_MS - 8 * DAY, START_MS - 2 * DAY].map((ms) => paid(`${ms}`, ms));
    const { matrix, amountBins, late } = computeFeatures(features, transactions, new Activity(features));
    const column = features.columns.findIndex(({ name }) => name === 'customer_nb_7d');
    expect([matrix.values[2 * features.columns.length + column], ...late]).toEqual([1, 0, 1, 1]);
    expect(amountBins[1]).toBeLessThan(NOT_LEARNED);
  });

  it('a late label changes the rows after it, and withdrawing it leaves no trace', async () => {
    const base = [at('1', START_MS), at('2', START_MS + 3 * DAY)];
    const probe = at('3', START_MS + 4 * DAY);
    const [never, said, withdrawn] = [
      await run([...base, probe]),
      await run([...base, label('1', true), probe]),
      await run([...base, label('1', true), label('1', false), probe]),
    ];
    expect(said.slice(0, 2).map(({ features }) => features)).toEqual(never.slice(0, 2).map(({ features }) => features));
    expect([never, said].map((rows) => feature(rows[2]!, 'shop_risk_7d'))).toEqual([0, 1]);
    expect(feature(said[2]!, 'markov')).toBeGreaterThan(feature(never[2]!, 'markov') + 1);
    expect(withdrawn[2]!.features).toEqual(never[2]!.features);
  });

  it('a label that is faster than the delay changes nothing before the delay is over', async () => {
    const [never, said] = [false, true].map((isFraud) =>
      run([at('1', START_MS), label('1', isFraud), at('2', START_MS + 2 * DAY - 1), at('3', START_MS + 2 * DAY)]),
    );
    const [without, fast] = [await never!, await said!];
    expect(fast[1]!.features).toEqual(without[1]!.features);
    expect([feature(without[2]!, 'shop_risk_1d'), feature(fast[2]!, 'shop_risk_1d')]).toEqual([0, 1]);
  });

  it('a label of a row that came too late changes no feature', async () => {
    const steps = [at('1', START_MS), at('2', START_MS - 31 * DAY)];
    const probe = at('3', START_MS + 4 * DAY);
    const [without, fast] = [await run([...steps, probe]), await run([...steps, label('2', true), probe])];
    expect(fast[2]!.features).toEqual(without[2]!.features);
  });

  it('late events of a busy customer, beyond the 256 that are kept exactly, still count once each', async () => {
    const count = 400;
    const times = Array.from({ length: count }, (_, i) => START_MS + ((i * 163) % count) * 600_000);
    const newest = START_MS + count * 600_000;
    const steps = [at('first', newest), ...times.map((ms, i) => at(`t${i}`, ms, { amountMinor: i === 7 ? 99_900 : 1200 }))];
    const rows = await run([...steps, at('probe', newest)], [50]);
    const probe = rows.at(-1)!;
    expect(rows.slice(1, -1).every(({ late }) => late)).toBe(true);
    expect([feature(probe, 'customer_nb_7d'), feature(probe, 'customer_nb_30d')]).toEqual([count + 2, count + 2]);
    expect(feature(probe, 'customer_max_30d')).toBe(999);
    expect(feature(probe, 'customer_avg_30d')).toBeCloseTo((12 * (count + 1) + 999) / (count + 2), 3);
    // The newest 256 span 42 hours: the last day is exact.
    expect(feature(probe, 'customer_nb_1d')).toBe(2 + times.filter((ms) => ms > newest - DAY).length);
  });
});
