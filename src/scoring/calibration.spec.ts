import type { Calibration } from '../domain/calibration.js';
import { PolicySchema, type Policy } from '../domain/decision.js';
import { createRandom } from '../domain/random.js';
import { nextCalibration } from './calibration.js';
import { decide } from './decide.js';
import type { WindowScores } from './ports.js';
import { DAY_MS } from '../domain/time.js';

const policyOf = (budget: Policy['budget'], kind: 'lanes' | 'harmonic' = 'lanes'): Policy =>
  PolicySchema.parse({
    version: 'p1',
    budget,
    ranking: { kind, weights: { S: 0.7, T: 0.2, H: 0.1, D: 0 } },
    declineBelow: 0.1,
  });

/** Rows of one day; scores grow by `drift` a day, as under inflation. */
const dayScores = (day: number, rows: number, drift: number): WindowScores => {
  const random = createRandom(1000 + day);
  const scale = (1 + drift) ** day;
  const column = () => Float64Array.from({ length: rows }, () => scale * Math.exp(random.normal()));
  return {
    weight: 1,
    occurredAtMs: Float64Array.from({ length: rows }, (_, i) => (day + i / rows) * DAY_MS),
    channels: { S: column(), T: column(), H: column(), D: column() },
  };
};
const join = (days: readonly WindowScores[]): WindowScores => {
  const all = (pick: (w: WindowScores) => Float64Array) => Float64Array.from(days.flatMap((w) => [...pick(w)]));
  return {
    weight: 1,
    occurredAtMs: all((w) => w.occurredAtMs),
    channels: {
      S: all((w) => w.channels.S),
      T: all((w) => w.channels.T),
      H: all((w) => w.channels.H),
      D: all((w) => w.channels.D),
    },
  };
};
const alertsOf = (window: WindowScores, calibration: Calibration, policy: Policy): number => {
  const { S, T, H, D } = window.channels;
  return S.reduce((count, score, i) => {
    const scores = { S: score, T: T[i]!, H: H[i]!, D: D[i]! };
    return count + (decide(scores, calibration, policy).decision.outcome === 'approve' ? 0 : 1);
  }, 0);
};

/** The rolling loop of a service: 7 days of history, then `days` served days. Returns the share of alerts. */
const serve = (policy: Policy, days: number, drift: number): { rate: number; last: Calibration } => {
  const rows = 400;
  const history = Array.from({ length: 7 + days }, (_, day) => dayScores(day, rows, drift));
  let previous: Calibration | null = null;
  let counts: { rows: number; alerts: number } | null = null;
  let alerts = 0;
  for (let day = 7; day < 7 + days; day += 1) {
    previous = nextCalibration({ previous, window: join(history.slice(day - 7, day)), counts, policy, model: 'm', day });
    counts = { rows, alerts: alertsOf(history[day]!, previous, policy) };
    alerts += counts.alerts;
  }
  return { rate: alerts / (rows * days), last: previous! };
};

describe('rolling calibration', () => {
  it('keeps the mean alert rate at its budget under inflation, where rolling alone does not', () => {
    const policy = policyOf({ share: 0.02 });
    const adaptive = serve(policy, 60, 0.02).rate;
    const rolling = serve({ ...policy, adaptiveStep: 0 }, 20, 0.02).rate;
    expect(Math.abs(adaptive - 0.02)).toBeLessThan(0.0003);
    expect(rolling).toBeGreaterThan(0.022);
  });

  it('keeps it without drift, for the harmonic ranking as well', () => {
    expect(Math.abs(serve(policyOf({ share: 0.02 }, 'harmonic'), 20, 0).rate - 0.02)).toBeLessThan(0.001);
  });

  const window = join([0, 1, 2, 3, 4, 5, 6].map((day) => dayScores(day, 200, 0)));
  const first = (budget: Policy['budget']) =>
    nextCalibration({ previous: null, window, counts: null, policy: policyOf(budget), model: 'm', day: 7 });

  it('takes the smaller of share and count, and says which one bound', () => {
    expect(first({ share: 0.01, countPerDay: 1 })).toMatchObject({ nominal: 0.005, level: 0.005, bound: 'budget-count' });
    expect(first({ share: 0.01, countPerDay: 10 })).toMatchObject({ nominal: 0.01, level: 0.01, bound: 'budget-share' });
  });

  it('forecasts from the days that there are, when the window is young', () => {
    const young = join([5, 6].map((day) => dayScores(day, 200, 0)));
    const policy = policyOf({ share: 0.1, countPerDay: 2 });
    expect(nextCalibration({ previous: null, window: young, counts: null, policy, model: 'm', day: 7 }).nominal).toBeCloseTo(
      0.01,
      12,
    );
  });

  it('caps the level at a stated error rate', () => {
    expect(first({ share: 0.01, errorRate: 0.002 })).toMatchObject({ nominal: 0.01, level: 0.002, bound: 'error-rate' });
    expect(first({ share: 0.01, errorRate: 0.05 })).toMatchObject({ level: 0.01, bound: 'budget-share' });
  });

  const next = (previous: Calibration, counts: { rows: number; alerts: number } | null, day = 8) =>
    nextCalibration({ previous, window, counts, policy: policyOf({ share: 0.01 }), model: 'm', day });

  it('corrects by exp(0.3 (alpha - achieved) / alpha), within a factor of ten', () => {
    const previous = first({ share: 0.01 });
    const corrected = next(previous, { rows: 1000, alerts: 20 });
    expect(corrected.level).toBeCloseTo(0.01 * Math.exp(-0.3), 12);
    expect(corrected.achieved).toBe(0.02);
    expect(next(previous, { rows: 1000, alerts: 500 }).level).toBeCloseTo(0.001, 12);
    expect(next({ ...previous, level: 0.09 }, { rows: 1000, alerts: 0 }).level).toBeCloseTo(0.1, 12);
  });

  it('corrects once a day, and not for a day without traffic', () => {
    const corrected = next(first({ share: 0.01 }), { rows: 1000, alerts: 20 });
    expect(next(corrected, { rows: 1000, alerts: 20 })).toEqual(corrected);
    expect(next(corrected, { rows: 0, alerts: 0 }, 9)).toMatchObject({ level: corrected.level, achieved: null });
  });

  it('keeps the ratio of level to budget when the budget changes', () => {
    const previous = { ...first({ share: 0.01 }), level: 0.005 };
    const policy = policyOf({ share: 0.02 });
    expect(nextCalibration({ previous, window, counts: null, policy, model: 'm', day: 8 }).level).toBeCloseTo(0.01, 12);
  });
});
