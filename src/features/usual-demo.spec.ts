import { demoHistory, WORLD_START_MS } from '../../test/support/demo-history.js';
import { DAY_MS } from '../domain/time.js';
import { Activity } from './activity.js';
import { createFeatureSet } from './catalog.js';
import { computeFeatures } from './compute-features.js';
import { fitPriors } from './priors.js';
import { PROFILE_WIDTH } from './profile-row.js';
import { fitUsualScales, usualValues, type Interval } from './usual.js';

/** The usual values that the demo's alerts show: a stated 5-95 % interval must hold about 90 % of later legitimate values. */
describe('usual values on the demo', () => {
  const { schema, transactions, labels } = demoHistory({ seed: 1, customers: 300, days: 40 });
  const set = createFeatureSet(schema, fitPriors(schema, transactions, labels, WORLD_START_MS + 30 * DAY_MS));
  const { profiles } = computeFeatures(set, transactions, new Activity(set));
  const frauds = new Set(labels.map((label) => label.transactionId));
  const day = (row: number): number => (transactions[row]!.occurredAtMs - WORLD_START_MS) / DAY_MS;
  const earlier = transactions.flatMap((t, row) => (day(row) >= 15 && day(row) < 30 && !frauds.has(t.id) ? [row] : []));
  const scales = fitUsualScales(set, transactions, profiles, earlier);
  const isWithin = (value: number, { low, high }: Interval): boolean =>
    low <= high ? value >= low && value <= high : value >= low || value <= high;

  test.each(['z_amt', 'z_amt_category', 's_hour', 's_gap'])('of %s hold 85 to 95 %% of what follows', (column) => {
    let inside = 0;
    let total = 0;
    transactions.forEach((transaction, row) => {
      if (day(row) < 30 || frauds.has(transaction.id)) return;
      const profile = profiles.subarray(row * PROFILE_WIDTH, (row + 1) * PROFILE_WIDTH);
      const usual = usualValues(set, transaction, profile, scales)[column];
      if (!usual) return;
      total += 1;
      if (isWithin(usual.observed!, usual)) inside += 1;
    });
    expect(total).toBeGreaterThan(5000);
    expect(inside / total).toBeGreaterThanOrEqual(0.85);
    expect(inside / total).toBeLessThanOrEqual(0.95);
  });
});
