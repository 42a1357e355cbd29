import { CHANNELS, type Channel, type Policy } from '../domain/decision.js';
import type { Label } from '../domain/label.js';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import { auroc, averagePrecision, cardPrecisionAtK } from './evaluate.js';
import { DAY_MS } from '../domain/time.js';
import type { Transaction } from '../domain/transaction.js';

/** What happened, whatever the line knew of it. */
export interface Truth {
  readonly transactions: readonly Transaction[];
  readonly labels: readonly Label[];
  /** First moment of training. */
  readonly startMs: number;
  readonly trainToMs: number;
  readonly testFromMs: number;
}

/**
 * Judges replayed rows as the Fraud Detection Handbook does: transactions of customers already known as compromised are left
 * out, alert rates count all rows.
 */
export const judgeBacktest = (
  rows: readonly ScoredTransaction[],
  fitted: readonly Channel[],
  ranking: Policy['ranking'],
  happened: Truth,
) => {
  const truth = fraudLabels(happened);
  const isJudged = judgedByBook(happened);
  const judged = rows.filter(({ transaction }) => isJudged(transaction));
  const labels = Uint8Array.from(judged, (row) => (truth.has(row.transaction.id) ? 1 : 0));
  const rankedBy = rankingChannel(fitted, ranking);
  const scoreOf = (row: ScoredTransaction): number => (rankedBy ? row.channels[rankedBy].score : row.fused.score);
  const scores = Float64Array.from(judged, scoreOf);
  const ofChannel = (channel: Channel): Float64Array => Float64Array.from(judged, (row) => row.channels[channel].score);
  return {
    auroc: auroc(labels, scores),
    auprc: averagePrecision(labels, scores),
    rankedBy: rankedBy ?? ('F' as const),
    cardPrecisionAt100: cardPrecisionAtK(
      judged.map((row) => ({
        day: Math.floor(row.transaction.occurredAtMs / DAY_MS),
        card: row.transaction.entities[0] ?? row.transaction.id,
        isFraud: truth.has(row.transaction.id),
        score: scoreOf(row),
      })),
      100,
    ),
    judgedRows: judged.length,
    judgedFrauds: labels.reduce((sum, label) => sum + label, 0),
    alertRate: rows.filter((row) => row.decision.outcome !== 'approve').length / rows.length,
    recallByType: recallByType(judged, truth),
    channels: Object.fromEntries(
      fitted.map((channel) => [
        channel,
        { auroc: auroc(labels, ofChannel(channel)), auprc: averagePrecision(labels, ofChannel(channel)) },
      ]),
    ),
    judged: judged.map((row) => ({
      id: row.transaction.id,
      score: scoreOf(row),
      channels: Object.fromEntries(CHANNELS.map((channel) => [channel, row.channels[channel].score])) as Record<Channel, number>,
    })),
  };
};

/**
 * What rows are ranked by. Lanes spend parts of the alert budget on what S does not see and leave its ranking alone: one number
 * of all channels costs average precision on known fraud. Null: the fused score.
 */
export const rankingChannel = (fitted: readonly Channel[], { kind, weights }: Policy['ranking']): Channel | null => {
  if (fitted.length === 1) return fitted[0]!;
  return kind === 'lanes' && fitted.includes('S') && weights.S > 0 ? 'S' : null;
};

/** Whether a test transaction is judged: those of customers already known as compromised on its day are not. */
export const judgedByBook = (happened: Truth): ((transaction: Transaction) => boolean) => {
  const compromisedAt = firstFraudKnown(happened, fraudLabels(happened));
  return ({ id, entities, occurredAtMs }) => {
    const day = Math.floor((occurredAtMs - happened.testFromMs) / DAY_MS);
    return (compromisedAt.get(entities[0] ?? id) ?? Infinity) > day;
  };
};

const fraudLabels = ({ labels }: Truth): ReadonlyMap<string, Label> =>
  new Map(labels.filter((label) => label.isFraud).map((label) => [label.transactionId, label]));

/**
 * The first test day (0, 1, …) from which a customer counts as known: frauds of the training range from day 0, those
 * of the i-th day after it from test day i + 1 (their labels are `delayDays` old by then).
 */
const firstFraudKnown = (happened: Truth, truth: ReadonlyMap<string, Label>): ReadonlyMap<string, number> => {
  const known = new Map<string, number>();
  for (const t of happened.transactions) {
    if (t.occurredAtMs < happened.startMs || !truth.has(t.id)) continue;
    const day = Math.max(0, Math.floor((t.occurredAtMs - happened.trainToMs) / DAY_MS) + 1);
    const customer = t.entities[0] ?? t.id;
    known.set(customer, Math.min(known.get(customer) ?? Infinity, day));
  }
  return known;
};

/** Share of the alerts of each type of fraud, and of false alarms, that are among `newTypeIds`. */
export const newTypeShare = (
  rows: readonly ScoredTransaction[],
  newTypeIds: ReadonlySet<string>,
  labels: readonly Label[],
): Record<string, number> => {
  const types = new Map(labels.filter((l) => l.isFraud).map((l) => [l.transactionId, l.type ?? 'fraud']));
  const counts = new Map<string, { alerts: number; called: number }>();
  for (const { transaction, decision } of rows) {
    if (decision.outcome === 'approve') continue;
    const type = types.get(transaction.id) ?? 'legitimate';
    const count = counts.get(type) ?? { alerts: 0, called: 0 };
    count.alerts += 1;
    if (newTypeIds.has(transaction.id)) count.called += 1;
    counts.set(type, count);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b)).map(([type, c]) => [type, c.called / c.alerts]));
};

const recallByType = (judged: readonly ScoredTransaction[], truth: ReadonlyMap<string, Label>): Record<string, number> => {
  const byType = new Map<string, { frauds: number; alerts: number }>();
  for (const row of judged) {
    const type = truth.get(row.transaction.id)?.type;
    if (type === undefined || type === null) continue;
    const count = byType.get(type) ?? { frauds: 0, alerts: 0 };
    count.frauds += 1;
    if (row.decision.outcome !== 'approve') count.alerts += 1;
    byType.set(type, count);
  }
  return Object.fromEntries([...byType].sort(([a], [b]) => a.localeCompare(b)).map(([type, c]) => [type, c.alerts / c.frauds]));
};
