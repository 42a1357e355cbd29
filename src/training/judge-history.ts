import { DAY_MS } from '../domain/time.js';
import type { CountedShare } from '../domain/version-comparison.js';
import { shareOf } from './compare-versions.js';
import { auroc, averagePrecision, cardPrecisionAtK, type CardRow } from './evaluate.js';

const CARDS = 100;

/** A decided row whose label has matured. */
export interface MaturedRow {
  readonly occurredAtMs: number;
  readonly card: string;
  readonly isFraud: boolean;
  readonly alerted: boolean;
  readonly score: number;
}

/** How well a stream was decided, on its matured rows. Null: there is no fraud among them, or nothing else. */
export interface HistoryQuality {
  readonly rows: number;
  readonly frauds: number;
  /** Frauds that were alerted on. */
  readonly recall: CountedShare;
  /** Alerts that were frauds. */
  readonly precision: CountedShare;
  readonly auroc: number | null;
  readonly averagePrecision: number | null;
  /** As the Fraud Detection Handbook has it, of the 100 best cards of each day. */
  readonly cardPrecisionAt100: number | null;
}

export const judgeHistory = async (rows: AsyncIterable<readonly MaturedRow[]>): Promise<HistoryQuality> => {
  const [labels, scores, cards]: [number[], number[], CardRow[]] = [[], [], []];
  const counts = { frauds: 0, alerts: 0, caught: 0 };
  for await (const part of rows)
    for (const { occurredAtMs, card, isFraud, alerted, score } of part) {
      labels.push(isFraud ? 1 : 0);
      scores.push(score);
      cards.push({ day: Math.floor(occurredAtMs / DAY_MS), card, isFraud, score });
      if (isFraud) counts.frauds += 1;
      if (alerted) counts.alerts += 1;
      if (alerted && isFraud) counts.caught += 1;
    }
  const isJudged = counts.frauds > 0 && counts.frauds < labels.length;
  return {
    rows: labels.length,
    frauds: counts.frauds,
    recall: shareOf(counts.caught, counts.frauds),
    precision: shareOf(counts.caught, counts.alerts),
    auroc: isJudged ? auroc(labels, scores) : null,
    averagePrecision: isJudged ? averagePrecision(labels, scores) : null,
    cardPrecisionAt100: isJudged ? cardPrecisionAtK(cards, CARDS) : null,
  };
};
