import type { Calibration } from '../domain/calibration.js';
import { CHANNELS, type Channel, type Policy } from '../domain/decision.js';
import type { FeatureMatrix } from '../domain/feature-matrix.js';
import { decide } from './decide.js';
import type { ShadowScores } from './ports.js';
import { scoreChannels } from './score-batch.js';
import type { ScoringModel } from './scoring-model.js';

/** Scores beside the champion and decides nothing. */
export interface Challenger {
  readonly model: ScoringModel;
  /** Null until it has one of its own under the policy at hand: then it only scores. */
  readonly calibration: Calibration | null;
}

/**
 * What challengers say of vectors that were computed for the champion. No feature is computed again and nothing is
 * explained: a challenger costs each row its detectors' scores here and a narrow row in the store.
 *
 * A challenger that throws leaves the others as they are.
 *
 * @param policy null while the champion decides nothing (before its first calibration, and for a history)
 * @param failed told which challenger threw, and why
 */
export const scoreShadows = (
  challengers: Iterable<Challenger>,
  champion: ScoringModel,
  features: FeatureMatrix,
  policy: Policy | null,
  failed: (version: string, error: Error) => void,
): readonly ShadowScores[] => {
  const shadows: ShadowScores[] = [];
  for (const challenger of challengers) {
    const { version, featureSet } = challenger.model;
    // Just promoted: what it says is the decision now.
    if (version === champion.version) continue;
    try {
      if (featureSet.id !== champion.featureSet.id)
        throw new Error(`it reads the features ${featureSet.id}, the champion's are ${champion.featureSet.id}`);
      shadows.push(scoreShadow(challenger, features, policy));
    } catch (error) {
      failed(version, error as Error);
    }
  }
  return shadows;
};

const scoreShadow = ({ model, calibration }: Challenger, features: FeatureMatrix, policy: Policy | null): ShadowScores => {
  const { version } = model;
  const raw = scoreChannels(model, features);
  // A detector may answer with a part of a larger memory, which would be cloned whole on its way between threads.
  const scores = ofChannels((channel) => raw[channel].slice());
  for (const channel of CHANNELS) {
    const row = scores[channel].findIndex((score) => Number.isNaN(score));
    if (row >= 0) throw new Error(`its channel ${channel} scores row ${row} as NaN`);
  }
  if (!calibration || !policy || calibration.policy !== policy.version) return { version, scores, decided: null };
  const decided = Array.from({ length: features.rowCount }, (_, row) =>
    decide(
      ofChannels((channel) => scores[channel][row]!),
      calibration,
      policy,
    ),
  );
  return {
    version,
    scores,
    decided: {
      calibration: calibration.id,
      minusLog10P: Float64Array.from(decided, ({ fused }) => fused.minusLog10P!),
      outcomes: decided.map(({ decision }) => decision.outcome),
      lanes: decided.map(({ decision }) => decision.lane),
    },
  };
};

const ofChannels = <T>(value: (channel: Channel) => T): Record<Channel, T> =>
  Object.fromEntries(CHANNELS.map((channel) => [channel, value(channel)])) as Record<Channel, T>;
