import type { Channel, Decision } from './decision.js';
import type { Transaction } from './transaction.js';

export interface ChannelScore {
  /** Raw score of the channel; higher = more anomalous. */
  readonly score: number;
  /** -log10 of its conformal p-value; null until a calibration exists. */
  readonly minusLog10P: number | null;
}

/** What a row was scored with: enough to score it again to the same bits. */
export interface Versions {
  readonly model: string;
  readonly calibration: string;
  readonly policy: string;
  readonly featureSet: string;
}

export interface ScoredTransaction {
  readonly transaction: Transaction;
  /** The served feature vector, in the order of the feature set's columns. */
  readonly features: Float32Array;
  readonly channels: Readonly<Record<Channel, ChannelScore>>;
  /** F of the policy's ranking, calibrated by its own window. */
  readonly fused: ChannelScore;
  /** Calibrated output of the supervised side; null where the model has none. */
  readonly fraudProbability: number | null;
  readonly decision: Decision;
  /** Behind its primary entity's newest event. */
  readonly late: boolean;
  readonly versions: Versions;
}
