import { loadConfig } from '../config.js';
import type { Calibration } from '../domain/calibration.js';
import { createRandom } from '../domain/random.js';
import { DAY_MS } from '../domain/time.js';
import { ScoreLog } from '../training/score-log.js';
import { calibrateSoFar, firstWindowRows, firstWindowWords } from './calibrate-so-far.js';
import { decide } from './decide.js';

const { policy } = loadConfig(undefined, {});
const DAY = 20_000;
const NOTHING = { S: 0, H: 0, D: 0 };

const add = (log: ScoreLog, scores: readonly number[], atMs: (i: number) => number): void => {
  const zeros = new Float64Array(scores.length);
  log.addWindow({
    weight: 1,
    occurredAtMs: Float64Array.from(scores, (_, i) => atMs(i)),
    channels: { S: zeros, T: Float64Array.from(scores), H: zeros, D: zeros },
  });
};

/** Share of alerts of a day of rows, looked at after every 25 of them. */
const alertShare = async (scores: readonly number[]): Promise<{ share: number; windows: number[] }> => {
  const log = new ScoreLog();
  const windows: number[] = [];
  let calibration: Calibration | null = null;
  let alerts = 0;
  for (let from = 0; from < scores.length; from += 25) {
    const batch = scores.slice(from, from + 25);
    for (const T of batch)
      if (calibration && decide({ ...NOTHING, T }, calibration, policy).decision.outcome !== 'approve') alerts += 1;
    const atMs = (i: number): number => (DAY + (from + i) / scores.length) * DAY_MS;
    add(log, batch, atMs);
    const next: Calibration | null = await calibrateSoFar(log, 'm', calibration, policy, atMs(batch.length - 1));
    if (next !== calibration) windows.push(next!.fused.n);
    calibration = next;
  }
  return { share: alerts / scores.length, windows };
};

test.each([
  [0.01, 500],
  [0.003, 1_667],
  [0.1, 200],
  [0.00004, 100_000],
])('a budget of %d asks for %d rows', (share, rows) => expect(firstWindowRows(share)).toBe(rows));

test('of exchangeable rows a day has at most twice the budget, in each of 40 streams, and is calibrated again and again', async () => {
  const shares: number[] = [];
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = createRandom(seed);
    const { share, windows } = await alertShare(Array.from({ length: 3_000 }, () => random.normal()));
    expect(windows).toEqual([500, 625, 800, 1_000, 1_250, 1_575, 1_975, 2_475]);
    shares.push(share / policy.budget.share);
  }
  expect(Math.max(...shares)).toBeLessThan(2);
  const mean = shares.reduce((sum, x) => sum + x / 40, 0);
  // 2,500 of 3,000 rows are decided on.
  expect(mean).toBeGreaterThan(0.65);
  expect(mean).toBeLessThan(1.1);
});

test('scores that keep rising break it: the bound is of exchangeable rows, and the test can see where it fails', async () => {
  const random = createRandom(1);
  const { share } = await alertShare(Array.from({ length: 3_000 }, (_, i) => random.normal() + i / 500));
  expect(share / policy.budget.share).toBeGreaterThan(2);
});

describe('a calibration so far', () => {
  const scoresOf = (n: number): number[] => {
    const random = createRandom(7);
    return Array.from({ length: n }, () => random.normal());
  };
  const noon = (DAY + 0.5) * DAY_MS;

  test('is of the newest rows, provisional, and named by day and rows', async () => {
    const log = new ScoreLog();
    add(log, scoresOf(499), () => noon);
    expect(await calibrateSoFar(log, 'm', null, policy, noon)).toBeNull();
    add(log, [100, ...scoresOf(700)], () => noon);
    const first = (await calibrateSoFar(log, 'm', null, policy, noon))!;
    expect(first).toMatchObject({
      id: `m.${DAY}.${policy.version}.1200`,
      isProvisional: true,
      validFromDay: DAY,
      level: policy.budget.share,
    });
    expect(first.channels.T.knots.at(-1)).toBe(100);
    // 1,499 rows are less than a quarter more.
    add(log, scoresOf(299), () => noon);
    expect(await calibrateSoFar(log, 'm', first, policy, noon)).toBe(first);
    add(log, scoresOf(1), () => noon);
    expect(await calibrateSoFar(log, 'm', first, policy, noon)).toMatchObject({ fused: { n: 1_500 } });
  });

  test('gives way to the daily one once a day has closed with 2,000 rows, for good', async () => {
    const log = new ScoreLog();
    add(log, scoresOf(2_400), () => noon);
    const first = (await calibrateSoFar(log, 'm', null, policy, noon))!;
    expect(first.fused.n).toBe(2_400);
    add(log, scoresOf(5_000), () => noon + DAY_MS);
    const daily = (await calibrateSoFar(log, 'm', first, policy, noon + DAY_MS))!;
    expect(daily.isProvisional).toBeUndefined();
    expect(daily).toMatchObject({ id: `m.${DAY + 1}.${policy.version}`, fused: { n: 2_400 } });
    expect(await calibrateSoFar(log, 'm', daily, policy, noon + DAY_MS)).toBe(daily);
  });

  test('of a slow stream goes on growing, though no week has 2,000 rows', async () => {
    const log = new ScoreLog();
    let calibration: Calibration | null = null;
    const windows: number[] = [];
    for (let day = 0; day < 30; day += 1) {
      add(log, scoresOf(100), () => noon + day * DAY_MS);
      const next: Calibration | null = await calibrateSoFar(log, 'm', calibration, policy, noon + day * DAY_MS);
      if (next !== calibration) windows.push(next!.fused.n);
      calibration = next;
    }
    expect(windows).toEqual([500, 700, 900, 1_200, 1_500, 1_900, 2_400, 3_000]);
  });

  test('takes a count a day as a share of what the hours so far promise', async () => {
    const log = new ScoreLog();
    // 1,000 rows in half a day: 2,000 a day, of which 10 are half a per cent.
    add(log, scoresOf(1_000), (i) => DAY * DAY_MS + (i / 999) * 0.5 * DAY_MS);
    const counted = { ...policy, budget: { share: 0.01, countPerDay: 10 } };
    const made = (await calibrateSoFar(log, 'm', null, counted, noon))!;
    expect(made.bound).toBe('budget-count');
    expect(made.nominal).toBeCloseTo(0.005, 5);
  });

  test('waits with a count a day until five alerts were within it: a level that so many rows can carry', async () => {
    const log = new ScoreLog();
    // 80,000 rows a day and 10 alerts: five of them take half a day, and 40,000 rows.
    const counted = { ...policy, budget: { share: 0.01, countPerDay: 10 } };
    const spread = (from: number) => (i: number) => DAY * DAY_MS + ((from + i) / 80_000) * DAY_MS;
    add(log, scoresOf(39_900), spread(0));
    expect(await calibrateSoFar(log, 'm', null, counted, spread(0)(39_899))).toBeNull();
    add(log, scoresOf(101), spread(39_900));
    const made = (await calibrateSoFar(log, 'm', null, counted, spread(0)(40_000)))!;
    expect(made.fused.n).toBe(40_001);
    expect(made.nominal * made.fused.n).toBeCloseTo(5, 3);
  });

  test('comes at 100,000 rows for the smallest budgets too, and gives way to the daily one', async () => {
    const log = new ScoreLog();
    const tiny = { ...policy, budget: { share: 0.00004 } };
    add(log, scoresOf(99_999), () => noon);
    expect(await calibrateSoFar(log, 'm', null, tiny, noon)).toBeNull();
    add(log, scoresOf(1), () => noon);
    const first = (await calibrateSoFar(log, 'm', null, tiny, noon))!;
    expect(first).toMatchObject({ isProvisional: true, level: 0.00004, fused: { n: 100_000 } });
    const daily = (await calibrateSoFar(log, 'm', first, tiny, noon + DAY_MS))!;
    expect(daily.isProvisional).toBeUndefined();
    const rare = { ...policy, budget: { share: 0.01, countPerDay: 1 } };
    expect(await calibrateSoFar(log, 'm', null, rare, noon)).toMatchObject({ fused: { n: 100_000 } });
  });

  test.each([
    [{ share: 0.01 }, '500 transactions'],
    [{ share: 0.01, countPerDay: 500 }, '500 transactions'],
    [{ share: 0.01, countPerDay: 10 }, '500 transactions of 12 hours, or 100000 transactions'],
    [{ share: 0.00001, countPerDay: 10 }, '100000 transactions'],
  ])('says what it waits for: %j', (budget, words) => expect(firstWindowWords(budget)).toBe(words));
});
