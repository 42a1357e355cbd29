import type { Calibration } from '../domain/calibration.js';
import { fitScoreCalibration } from '../models/conformal.js';
import { fuse } from '../models/ensemble.js';
import { decide } from './decide.js';

const reference = fitScoreCalibration(Float64Array.from({ length: 1000 }, (_, i) => i / 1000));
const ranking = { kind: 'lanes' as const, weights: { S: 0.5, T: 0.5, H: 0, D: 0 } };
const scores = (S: number, T = 0) => ({ S, T, H: 0, D: 5 });
const calibration: Calibration = {
  id: 'c',
  model: 'm',
  policy: 'p',
  validFromDay: 0,
  channels: { S: reference, T: reference, H: reference, D: reference },
  fused: fitScoreCalibration(
    Float64Array.from({ length: 1000 }, (_, i) => Math.log(0.5) - Math.log((i + 1) / 1001)),
    20,
  ),
  level: 0.1,
  bound: 'budget-count',
  nominal: 0.1,
  achieved: null,
};

describe('decide', () => {
  it('alerts where p(F) is at most the level, and says which channel and which statement', () => {
    const { decision, fused, channels } = decide(scores(0.2, 0.95), calibration, { ranking, declineBelow: 0.01 });
    expect(decision).toEqual({ outcome: 'review', bound: 'budget-count', lane: 'T', thresholdMinusLog10P: 1 });
    expect(fused.minusLog10P).toBeGreaterThanOrEqual(1);
    expect(channels.T).toEqual({ score: 0.95, minusLog10P: expect.closeTo(-Math.log10(51 / 1001), 9) as number });
  });

  it('approves below the threshold, without a lane', () => {
    const { decision } = decide(scores(0.5, 0.5), calibration, { ranking, declineBelow: 0.01 });
    expect(decision.outcome).toBe('approve');
    expect(decision.lane).toBeNull();
  });

  it('holds the threshold itself for an alert', () => {
    const { fused } = decide(scores(0.93), calibration, { ranking, declineBelow: 0 });
    const level = 10 ** -fused.minusLog10P!;
    const at = (factor: number) =>
      decide(scores(0.93), { ...calibration, level: level * factor }, { ranking, declineBelow: 0 }).decision.outcome;
    expect(at(1 + 1e-12)).toBe('review');
    expect(at(1 - 1e-9)).toBe('approve');
  });

  it('declines at the stated share of the level, and never where it is 0', () => {
    const outcome = (declineBelow: number) => decide(scores(9), calibration, { ranking, declineBelow }).decision.outcome;
    expect(outcome(0.01)).toBe('decline');
    expect(outcome(0)).toBe('review');
    expect(decide(scores(0.95), calibration, { ranking, declineBelow: 1 }).decision.outcome).toBe('decline');
  });

  it('leaves out channels of weight 0', () => {
    const { fused } = decide({ ...scores(0.4), D: 1e9 }, calibration, { ranking, declineBelow: 0 });
    const p = -Math.log10(601 / 1001);
    expect(fused.score).toBeCloseTo(fuse({ S: p, T: 0, H: 0, D: 0 }, ranking).score, 9);
  });
});
