import { BUDGET, models, sliceOf } from '../../test/support/gate-sides.js';
import { judgeCandidate, type GateVerdict } from './gate.js';
import { GateSettingsSchema } from './gate-settings.js';

/** Fewer resamples than by default, for the sake of time: their outer percentiles are closer in, so more is rejected. */
const settings = GateSettingsSchema.parse({ resamples: 200 });
const SEEDS = 50;

/** How often each verdict falls on candidates of a strength, against champions of strength 2.5, each on a slice of its own. */
const verdicts = async (separation: number): Promise<Record<GateVerdict, number>> => {
  const counts = { promote: 0, 'await-approval': 0, shadow: 0, reject: 0 };
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const rows = sliceOf(seed);
    const report = await judgeCandidate({ rows, ...models(seed, rows, separation), budget: BUDGET, settings });
    counts[report.verdict] += 1;
  }
  return counts;
};

describe('the gate under noise', () => {
  test('the same scores as the champion are promoted', async () => {
    for (let seed = 0; seed < 5; seed += 1) {
      const rows = sliceOf(seed);
      const { champion } = models(seed, rows, 2.5);
      expect((await judgeCandidate({ rows, candidate: champion, champion, budget: BUDGET, settings })).verdict).toBe('promote');
    }
  });

  test('an equally good model, of which half the noise is its own, is rejected in at most 2 of 50 seeds', async () => {
    const counts = await verdicts(2.5);
    expect(counts.reject).toBeLessThanOrEqual(2);
    expect(counts.promote).toBeGreaterThan(0);
  });

  test('a clearly worse one is rejected in at least 48 of 50 seeds, and never promoted', async () => {
    const counts = await verdicts(1.5);
    expect(counts.reject).toBeGreaterThanOrEqual(48);
    expect(counts.promote).toBe(0);
  });
});
