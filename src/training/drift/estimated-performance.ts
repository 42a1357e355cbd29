import { rowsByEntity } from './drift-day.js';
import type { Interval } from './share-table.js';
import { normalWidth } from './student-t.js';

/** All scored rows of a window, labels or not. */
export interface ScoredRows {
  readonly entities: Int32Array;
  /** 1 = alerted on. */
  readonly alerted: Uint8Array;
  /** Calibrated fraud probability of each row, 0 to 1. */
  readonly probabilities: Float64Array;
}

/**
 * Performance expected before labels mature, from calibrated probabilities (confidence-based performance estimation, Kivimäki et
 * al. 2025; NannyML's CBPE): precision Σ p of alerts / alerts, recall Σ p of alerts / Σ p.
 *
 * It is right only as far as the probabilities are: shifts of the features are followed, but if what a row means changes (fraud
 * that looks like ordinary rows, an alert pattern that has become harmless) or new frauds are outside what they learned, the
 * estimate stays where it was while the truth moves. Nothing unlabelled can tell; `isTrusted` says whether it held on matured rows.
 */
export interface EstimatedPerformance {
  readonly rows: number;
  readonly alerts: number;
  /** Expected frauds, alerted on or not. */
  readonly frauds: number;
  readonly precision: Interval;
  readonly recall: Interval;
  /** Frauds expected and found on matured rows; null without such rows. */
  readonly check: ProbabilityCheck | null;
  /** False where the check fails or there is none. */
  readonly isTrusted: boolean;
  readonly sentence: string;
}

export interface ProbabilityCheck {
  readonly rows: number;
  /** Of rows that were alerted on, which is where precision comes from, and of the others, where lost recall does. */
  readonly alerted: FraudCheck;
  readonly others: FraudCheck;
}

export interface FraudCheck {
  readonly expected: number;
  readonly found: number;
  /** Of found less expected, with the entities as clusters. */
  readonly standardError: number;
  /** Its square over the variance of independent outcomes, at least 1: frauds of one taken card come together. */
  readonly designEffect: number;
}

const NOTHING: Interval = { value: null, low: null, high: null };
/** The check fails beyond so many standard errors. */
const CHECK_WIDTH = 3;

/** Expected against found frauds. @param labels of the same rows, 1 fraud, 0 legitimate, -1 not matured: left out */
export const checkProbabilities = ({ entities, alerted, probabilities }: ScoredRows, labels: Int8Array): ProbabilityCheck => {
  const matured = Uint32Array.from(labels.keys()).filter((row) => labels[row]! >= 0);
  const part = (isAlerted: number): FraudCheck => {
    let [expected, found, independent, clustered] = [0, 0, 0, 0];
    const chosen = matured.filter((row) => alerted[row] === isAlerted);
    for (const group of rowsByEntity(entities, chosen)) {
      let departure = 0;
      for (const row of group) {
        const p = probabilities[row]!;
        expected += p;
        found += labels[row]!;
        independent += p * (1 - p);
        departure += labels[row]! - p;
      }
      clustered += departure * departure;
    }
    const designEffect = independent === 0 ? 1 : Math.max(1, clustered / independent);
    return { expected, found, standardError: Math.sqrt(designEffect * independent), designEffect };
  };
  return { rows: matured.length, alerted: part(1), others: part(0) };
};

/** A standard error of at least one fraud keeps a handful of them from failing the check. */
const holds = ({ expected, found, standardError }: FraudCheck): boolean =>
  Math.abs(found - expected) <= CHECK_WIDTH * Math.max(standardError, 1);

const around = (value: number, variance: number, confidence: number): Interval => {
  const half = normalWidth(confidence) * Math.sqrt(variance);
  return { value, low: Math.max(0, value - half), high: Math.min(1, value + half) };
};

const wordsOf = (check: ProbabilityCheck | null): string => {
  if (!check || check.rows === 0) return 'no matured rows tell whether the probabilities hold';
  const { alerted, others } = check;
  const counts = `${check.rows} matured rows: ${alerted.found} frauds among the alerts where ${alerted.expected.toFixed(1)} were expected, ${others.found} among the others where ${others.expected.toFixed(1)} were`;
  return holds(alerted) && holds(others) ? `held on ${counts}` : `do not trust it: on ${counts}`;
};

/** Variance of Σ w (y − p) of independent outcomes. */
const outcomeVariance = ({ probabilities }: ScoredRows, weight: (row: number) => number): number =>
  probabilities.reduce((sum, p, row) => sum + weight(row) ** 2 * p * (1 - p), 0);

/**
 * Intervals have the design effect that matured rows showed, which nothing else tells.
 *
 * @param check of the newest matured rows; null: none
 * @throws RangeError naming a probability that is none
 */
export const estimatePerformance = (
  rows: ScoredRows,
  check: ProbabilityCheck | null,
  confidence: number,
): EstimatedPerformance => {
  const { alerted, probabilities } = rows;
  const broken = probabilities.find((p) => !(p >= 0 && p <= 1));
  if (broken !== undefined) throw new RangeError(`a fraud probability is ${broken}; expected a number from 0 to 1`);
  let [alerts, caught, frauds] = [0, 0, 0];
  for (let row = 0; row < alerted.length; row += 1) {
    frauds += probabilities[row]!;
    if (alerted[row] !== 1) continue;
    alerts += 1;
    caught += probabilities[row]!;
  }
  const recall = caught / frauds;
  const ofAlerts = check?.alerted.designEffect ?? 1;
  const ofAll = Math.max(ofAlerts, check?.others.designEffect ?? 1);
  const precisionVariance = (): number => ofAlerts * outcomeVariance(rows, (row) => alerted[row]! / alerts);
  const recallVariance = (): number => ofAll * outcomeVariance(rows, (row) => (alerted[row]! - recall) / frauds);
  return {
    rows: alerted.length,
    alerts,
    frauds,
    precision: alerts === 0 ? NOTHING : around(caught / alerts, precisionVariance(), confidence),
    recall: frauds === 0 ? NOTHING : around(recall, recallVariance(), confidence),
    check,
    isTrusted: check !== null && check.rows > 0 && holds(check.alerted) && holds(check.others),
    sentence: `expected before labels: ${wordsOf(check)}`,
  };
};
