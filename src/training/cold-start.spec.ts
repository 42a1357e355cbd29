import { loadConfig } from '../config.js';
import { coldWorld, replayCold } from '../../test/support/cold-start.js';

const { policy } = loadConfig(undefined, {});

// Twenty seeds, and larger worlds: npm run bench:cold-start.
test('the first day of a demo world has alerts, and at most twice the budget of them', async () => {
  let alerts = 0;
  for (let seed = 1; seed <= 4; seed += 1) {
    const { days, rows, calibrations } = await replayCold(coldWorld({ seed, customers: 300, days: 1 }), policy);
    const [day] = days;
    expect(day!.alerts / day!.rows).toBeLessThanOrEqual(2 * policy.budget.share);
    expect(day!.undecided).toBe(500);
    expect(calibrations[0]!.fused.n).toBe(500);
    expect(new Set(rows.map(({ versions }) => versions.model)).size).toBe(1);
    alerts += day!.alerts;
  }
  expect(alerts).toBeGreaterThan(0);
}, 30_000);

test.each([
  ['ENABLED', 'perhaps', 'coldStart.enabled: true or false'],
  ['ROWS_MIN', '399', 'coldStart.rowsMin: a whole number from 400 to 10000000'],
  ['ROWS_MIN', '1e9', 'coldStart.rowsMin: a whole number from 400 to 10000000'],
  ['ROWS_MIN', '1000.5', 'coldStart.rowsMin: a whole number from 400 to 10000000'],
])('the setting %s=%s is refused with what is expected', (key, value, sentence) => {
  expect(() => loadConfig(undefined, { [`SURPRISAL__TRAINING__COLD_START__${key}`]: value })).toThrow(sentence);
});
