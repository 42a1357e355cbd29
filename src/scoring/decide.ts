import type { Calibration } from '../domain/calibration.js';
import { CHANNELS, type Channel, type Decision, type Outcome, type Policy } from '../domain/decision.js';
import type { ChannelScore } from '../domain/scored-transaction.js';
import { fuse } from '../models/ensemble.js';
import { minusLog10P } from '../models/conformal.js';

export interface Decided {
  readonly channels: Readonly<Record<Channel, ChannelScore>>;
  readonly fused: ChannelScore;
  readonly decision: Decision;
}

/**
 * Channel scores to p-values to F to an outcome. `review` where p(F) is at most the calibration's level, `decline`
 * where it is at most `declineBelow` of that level.
 *
 * `calibration` and `policy` belong together: F's window was fused by the same ranking.
 */
export const decide = (
  scores: Readonly<Record<Channel, number>>,
  calibration: Calibration,
  policy: Pick<Policy, 'ranking' | 'declineBelow'>,
): Decided => {
  const p = Object.fromEntries(
    CHANNELS.map((channel) => [channel, minusLog10P(calibration.channels[channel], scores[channel])]),
  ) as Record<Channel, number>;
  const fused = fuse(p, policy.ranking);
  const fusedP = minusLog10P(calibration.fused, fused.score);
  const thresholdMinusLog10P = -Math.log10(calibration.level);
  const outcome = outcomeOf(fusedP, thresholdMinusLog10P, policy.declineBelow);
  return {
    channels: Object.fromEntries(
      CHANNELS.map((channel) => [channel, { score: scores[channel], minusLog10P: p[channel] }]),
    ) as Record<Channel, ChannelScore>,
    fused: { score: fused.score, minusLog10P: fusedP },
    decision: { outcome, bound: calibration.bound, lane: outcome === 'approve' ? null : fused.lane, thresholdMinusLog10P },
  };
};

const outcomeOf = (fusedP: number, threshold: number, declineBelow: number): Outcome => {
  if (fusedP < threshold) return 'approve';
  // declineBelow = 0 puts the second threshold at infinity: nothing is declined.
  return fusedP >= threshold - Math.log10(declineBelow) ? 'decline' : 'review';
};
