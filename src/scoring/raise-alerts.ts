import { v5 as uuidV5 } from 'uuid';
import type { Alert } from '../domain/alert.js';
import type { Calibration } from '../domain/calibration.js';
import { selectRows } from '../domain/feature-matrix.js';
import { decimalAmount } from '../domain/money.js';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import type { ComputedFeatures } from '../features/compute-features.js';
import { PROFILE_WIDTH } from '../features/profile-row.js';
import { patternOf } from './alert-pattern.js';
import { explain, gatherEvidence } from './explain.js';
import { noveltyOf } from './known-fraud.js';
import { nearestTypical } from './nearest-typical.js';
import type { ScoringModel } from './scoring-model.js';

/** Namespace of alert ids: an alert's id is UUIDv5 of "schema/transaction id", so a repeat has the same id. */
const ALERT_NAMESPACE = 'f2b6b7c2-4a3e-5d0c-9a57-6d1c2f0b8e11';

/** An alert for every row that is not approved, in the rows' order, with reasons and one readable line. */
export const raiseAlerts = (
  rows: readonly ScoredTransaction[],
  computed: ComputedFeatures,
  model: ScoringModel,
  calibration: Calibration | null,
): Alert[] => {
  return rows.flatMap((scored, i) => {
    const { outcome, lane } = scored.decision;
    if (outcome === 'approve' || lane === null) return [];
    const { schema } = model.featureSet;
    const { transaction } = scored;
    const features = selectRows(computed.matrix, [i]);
    const profile = computed.profiles.slice(i * PROFILE_WIDTH, (i + 1) * PROFILE_WIDTH);
    const evidence = gatherEvidence(model, lane, { transaction, features, profile });
    const reasons = evidence ? explain(model, evidence, transaction) : [];
    const novelty = model.knownFraud && noveltyOf(model.knownFraud, features, scored.channels);
    const alert: Omit<Alert, 'sentence'> = {
      id: uuidV5(`${schema.name}/${transaction.id}`, ALERT_NAMESPACE),
      schema: schema.name,
      transactionId: transaction.id,
      occurredAt: new Date(transaction.occurredAtMs).toISOString(),
      entities: Object.fromEntries(schema.entities.map((entity, e) => [entity.name, transaction.entities[e]!])),
      amount: schema.amount ? decimalAmount(transaction.amountMinor, schema.amount.minorDigits) : null,
      currency: schema.amount ? transaction.currency : null,
      outcome,
      lane,
      bound: scored.decision.bound,
      fraudProbability: scored.fraudProbability,
      channels: scored.channels,
      fused: scored.fused,
      versions: scored.versions,
      reasons,
      typical: evidence && calibration && nearestTypical(model, evidence, transaction, calibration.channels[lane]),
      pattern: patternOf(reasons, schema),
      novelty,
    };
    return [{ ...alert, sentence: sentenceOf(alert) }];
  });
};

const LANES = { S: 'supervised', T: 'tails', H: 'Markov filter', D: 'density' } as const;

/** "DECLINE 412.00 EUR, customer c12, merchant m7: density 1 in 8,300; amount 412.00 EUR, usually 12.10 to 61.90 EUR (6.2 nats)" */
const sentenceOf = (alert: Omit<Alert, 'sentence'>): string => {
  const who = Object.entries(alert.entities).map(([name, id]) => `${name} ${id}`);
  const what = [
    ...(alert.amount === null ? [`transaction ${alert.transactionId}`] : [`${alert.amount} ${alert.currency}`]),
    ...who,
  ];
  const rarity = oneIn(alert.channels[alert.lane].minusLog10P ?? 0);
  // Two terms may say the same of a field (its amount against two habits): a person reads it once.
  const distinct = alert.reasons.filter((reason, i) => alert.reasons.findIndex((other) => other.text === reason.text) === i);
  const reasons = distinct.slice(0, 3).map((reason) => `${reason.text} (${reason.nats.toFixed(1)} nats)`);
  const novelty = alert.novelty?.isNew ? [`new type: unlike ${alert.novelty.knownFrauds} known frauds`] : [];
  const parts = [`${LANES[alert.lane]} ${rarity}`, ...novelty, ...reasons];
  return `${alert.outcome.toUpperCase()} ${what.join(', ')}: ${parts.join('; ')}`;
};

const oneIn = (minusLog10P: number): string => {
  const n = 10 ** minusLog10P;
  return n >= 1e9 ? 'rarer than 1 in a thousand million' : `1 in ${Math.round(n).toLocaleString('en-US')}`;
};
