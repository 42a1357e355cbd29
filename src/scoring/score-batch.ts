import type { Calibration } from '../domain/calibration.js';
import type { Channel, Policy } from '../domain/decision.js';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import { Activity } from '../features/activity.js';
import { computeFeatures } from '../features/compute-features.js';
import { EvidenceMemory, type EvidenceDelivery } from '../features/evidence-memory.js';
import type { FeatureMatrix } from '../domain/feature-matrix.js';
import { decide, type Decided } from './decide.js';
import type { EntityState, ScoringResult, ScoringWork, ShadowScores } from './ports.js';
import { raiseAlerts } from './raise-alerts.js';
import { channelFeatures, fraudProbability, type ScoringModel } from './scoring-model.js';

/** What decides beside the model; `calibration` is null while none exists, and then everything is approved. */
export interface ScoringTerms {
  readonly calibration: Calibration | null;
  readonly policy: Policy;
}

export interface DeliveredWork extends Pick<ScoringWork, 'transactions' | 'states'> {
  readonly evidence: EvidenceDelivery;
}

/**
 * The pure middle of the online line: transactions and what is remembered in; scored rows, new states and alerts out.
 * The same input gives the same bits, whatever the batch.
 *
 * @param memory evidence of earlier batches, which the delivery continues
 * @param shadow what challengers say of the same vectors; asked last, so that nothing that is decided depends on it
 */
export const scoreBatch = (
  work: DeliveredWork,
  model: ScoringModel,
  terms: ScoringTerms,
  memory = new EvidenceMemory(),
  shadow: (features: FeatureMatrix) => readonly ShadowScores[] = () => [],
): ScoringResult => {
  const { featureSet } = model;
  const activity = new Activity(featureSet);
  for (const state of work.states) activity.addState(state.entityId, state.bytes);
  const { computed, evidence } = withEvidence(work.evidence, memory, activity, () => ({
    computed: computeFeatures(featureSet, work.transactions, activity),
    evidence: activity.evidenceDeltas(),
  }));
  const scores = scoreChannels(model, computed.matrix);
  const width = featureSet.columns.length;
  const versions = {
    model: model.version,
    calibration: terms.calibration?.id ?? 'none',
    policy: terms.policy.version,
    featureSet: featureSet.id,
  };
  const rows = work.transactions.map((transaction, i) => {
    const raw = byChannel((channel) => scores[channel][i]!);
    const decided = terms.calibration ? decide(raw, terms.calibration, terms.policy) : undecided(raw);
    const scored: ScoredTransaction = {
      transaction,
      features: computed.matrix.values.slice(i * width, (i + 1) * width),
      ...decided,
      fraudProbability: fraudProbability(model, raw.S),
      late: computed.late[i] === 1,
      versions,
    };
    return { scored, amountBin: computed.amountBins[i]! };
  });
  const versionRead = new Map(work.states.map((state) => [state.entityId, state.version]));
  const states = activity.states().map((state): EntityState => ({ ...state, version: versionRead.get(state.entityId) ?? 0 }));
  const alerts = raiseAlerts(
    rows.map((row) => row.scored),
    computed,
    model,
    terms.calibration,
  );
  const shadows = shadow(computed.matrix);
  return { featureSet: featureSet.id, rows, states, evidence, alerts, ...(shadows.length > 0 && { shadows }) };
};

/** Whatever happens, the memory holds afterwards what the delivery says. */
const withEvidence = <T>(delivery: EvidenceDelivery, memory: EvidenceMemory, activity: Activity, work: () => T): T => {
  try {
    memory.lend(delivery, activity);
    return work();
  } finally {
    memory.settle(delivery);
  }
};

/** Raw scores of every channel, one per row. A channel that the model lacks is 0 throughout, whose p-value is 1. */
export const scoreChannels = (model: ScoringModel, features: FeatureMatrix): Record<Channel, Float64Array> =>
  byChannel((channel) => {
    const detector = model.detectors[channel];
    if (!detector) return new Float64Array(features.rowCount);
    return detector.score(channelFeatures(model.featureSet, channel, features, detector.estimator));
  });

/** Before the first calibration nothing is decided: every row is approved, and says so by null p-values. */
const undecided = (scores: Readonly<Record<Channel, number>>): Decided => ({
  channels: byChannel((channel) => ({ score: scores[channel], minusLog10P: null })),
  fused: { score: 0, minusLog10P: null },
  decision: { outcome: 'approve', bound: 'budget-share', lane: null, thresholdMinusLog10P: Infinity },
});

const byChannel = <T>(value: (channel: Channel) => T): Record<Channel, T> => ({
  S: value('S'),
  T: value('T'),
  H: value('H'),
  D: value('D'),
});
