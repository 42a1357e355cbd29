import { auroc, averagePrecision, rankingPoints, type RankingPoint } from '../domain/ranking.js';

export { auroc, averagePrecision, rankingPoints, type RankingPoint } from '../domain/ranking.js';

/** Alerts when at most `share` of all rows are alerted on; equal scores are alerted together or not at all. */
const alertsAtBudget = (points: readonly RankingPoint[], rows: number, share: number): RankingPoint => {
  const room = share * rows;
  let alerts: RankingPoint = { frauds: 0, legitimate: 0 };
  for (const point of points) if (point.frauds + point.legitimate <= room) alerts = point;
  return alerts;
};

/** Share of the frauds caught within the budget; NaN without frauds. */
export const recallAtBudget = (labels: ArrayLike<number>, scores: ArrayLike<number>, share: number): number => {
  const points = rankingPoints(labels, scores);
  const total = points.at(-1)?.frauds ?? 0;
  return total === 0 ? NaN : alertsAtBudget(points, scores.length, share).frauds / total;
};

/** Share of frauds among the alerts within the budget; NaN where ties or too few rows leave no alert. */
export const precisionAtBudget = (labels: ArrayLike<number>, scores: ArrayLike<number>, share: number): number => {
  const { frauds, legitimate } = alertsAtBudget(rankingPoints(labels, scores), scores.length, share);
  return frauds / (frauds + legitimate);
};

export interface CardRow {
  /** Any number that rises with time, one per day. */
  readonly day: number;
  readonly card: string;
  readonly isFraud: boolean;
  readonly score: number;
}

/**
 * Card precision@k (Fraud Detection Handbook): per day, of the k cards with the highest maximal score, the share of k
 * with a fraud that day; a card caught is left out on later days. Mean over the days.
 */
export const cardPrecisionAtK = (rows: readonly CardRow[], k: number): number => {
  const days = new Map<number, CardRow[]>();
  for (const row of rows) {
    const day = days.get(row.day);
    if (day) day.push(row);
    else days.set(row.day, [row]);
  }
  const caught = new Set<string>();
  let sum = 0;
  for (const day of [...days.keys()].sort((a, b) => a - b)) {
    const cards = new Map<string, { score: number; isFraud: boolean }>();
    for (const { card, score, isFraud } of days.get(day)!) {
      if (caught.has(card)) continue;
      const before = cards.get(card);
      cards.set(card, {
        score: Math.max(score, before?.score ?? -Infinity),
        isFraud: isFraud || (before?.isFraud ?? false),
      });
    }
    // The sort is stable: cards with equal scores stay in the order of the day.
    const top = [...cards].sort(([, a], [, b]) => b.score - a.score).slice(0, k);
    const hits = top.filter(([, { isFraud }]) => isFraud);
    for (const [card] of hits) caught.add(card);
    sum += hits.length / k;
  }
  return days.size === 0 ? NaN : sum / days.size;
};

/**
 * Expected calibration error of probabilities: rows in ten groups of equal size by probability, the mean distance of
 * a group's mean probability from its share of frauds, weighted by its rows.
 */
export const calibrationError = (labels: ArrayLike<number>, probabilities: ArrayLike<number>, groups = 10): number => {
  const n = labels.length;
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => probabilities[a]! - probabilities[b]!);
  let error = 0;
  for (let g = 0; g < groups; g += 1) {
    const rows = order.slice(Math.floor((g * n) / groups), Math.floor(((g + 1) * n) / groups));
    error += Math.abs(rows.reduce((sum, row) => sum + probabilities[row]! - labels[row]!, 0)) / n;
  }
  return error;
};

/** Ranking quality of one set of scores. */
export interface Evaluation {
  readonly rows: number;
  readonly frauds: number;
  readonly auroc: number;
  readonly auprc: number;
  /** Recall when 0.5 % and 1 % of the rows are alerted on. */
  readonly recallAtHalfPercent: number;
  readonly recallAtOnePercent: number;
}

/** @param labels 1 = fraud, 0 = legitimate, both present (else the areas are NaN) */
export const evaluateScores = (labels: ArrayLike<number>, scores: ArrayLike<number>): Evaluation => ({
  rows: labels.length,
  frauds: Array.from(labels).reduce((sum, label) => sum + label, 0),
  auroc: auroc(labels, scores),
  auprc: averagePrecision(labels, scores),
  recallAtHalfPercent: recallAtBudget(labels, scores, 0.005),
  recallAtOnePercent: recallAtBudget(labels, scores, 0.01),
});
