import { fraudRateOf, type FraudRate } from './fraud-rate.js';
import { compareFields, windowDays, type FieldDrift } from './compare-fields.js';
import type { DriftDay } from './drift-day.js';
import type { DriftReference } from './drift-reference.js';
import type { DriftSettings } from './drift-settings.js';
import type { EstimatedPerformance } from './estimated-performance.js';
import {
  fraudRateFindings,
  estimateFindings,
  fieldFindings,
  performanceFindings,
  scoreFindings,
  type DriftFinding,
} from './findings.js';
import type { MaturedDay } from './matured-shares.js';
import { performanceByWeek, performanceOf, type JudgedRows, type Performance } from './performance.js';
import { scoreDrift, type ScoreDrift } from './score-drift.js';
import type { ScoreMartingale } from './score-martingale.js';
import { WEEK_DAYS } from './daily-shares.js';

export interface DriftInput {
  /** Newest closed event day (epoch day, UTC). */
  readonly day: number;
  readonly reference: DriftReference;
  /** At least the last two weeks; a day that is missing was without rows. */
  readonly days: readonly DriftDay[];
  /** null: not watched, or no scores yet. */
  readonly scores: ScoreMartingale | null;
  /** Matured days, at least of the last `labelWeeks` weeks of them. */
  readonly matured: readonly MaturedDay[];
  /** Alerts and frauds of these weeks. */
  readonly judged: JudgedRows | null;
  /** What the gate measured of the champion at the running budget; null: nothing to hold it against. */
  readonly expected: { readonly precision: number; readonly recall: number } | null;
  /** Of the rows after the newest matured day; null without fraud probabilities. */
  readonly estimate: EstimatedPerformance | null;
}

/** One day's look at drift, as JSON. Findings say what is seen; only alarms ask for somebody. */
export interface DriftReport {
  readonly day: number;
  readonly reference: string;
  /** The week that was compared; null: not judged, `notJudged` says why. */
  readonly window: { readonly fromDay: number; readonly toDay: number; readonly rows: number } | null;
  readonly fields: readonly FieldDrift[];
  readonly scores: ScoreDrift | null;
  readonly fraudRate: FraudRate | null;
  /** By week, oldest first. */
  readonly performance: readonly Performance[];
  readonly estimate: EstimatedPerformance | null;
  readonly findings: readonly DriftFinding[];
  readonly alarms: readonly DriftFinding[];
  readonly notJudged: readonly string[];
}

const fieldsOf = (input: DriftInput, settings: DriftSettings): Pick<DriftReport, 'window' | 'fields' | 'notJudged'> => {
  const not = (reason: string) => ({ window: null, fields: [], notJudged: [`features: ${reason}`] });
  const days = windowDays(
    input.reference,
    input.days.filter(({ day }) => day <= input.day),
  );
  if (!days) return not('the last two weeks have no rows of some weekday since the training rows end');
  const rows = days.reduce((sum, day) => sum + day.rows, 0);
  const entities = Math.max(...days.map((day) => day.entities));
  if (rows < settings.rowsMin) return not(`the window has ${rows} rows; at least ${settings.rowsMin} are needed`);
  if (entities < settings.entitiesMin)
    return not(`no day of the window has more than ${entities} primary entities; at least ${settings.entitiesMin} are needed`);
  const window = { fromDay: days[0]!.day, toDay: days.at(-1)!.day, rows };
  return { window, fields: compareFields(input.reference, days), notJudged: [] };
};

const performancesOf = ({ judged, matured }: DriftInput, { labelWeeks, confidence }: DriftSettings) => {
  if (!judged || matured.length === 0) return { weeks: [], all: null };
  const lastDay = Math.max(...matured.map(({ day }) => day));
  return {
    weeks: performanceByWeek(judged, lastDay, labelWeeks, confidence),
    all: performanceOf(judged, lastDay - labelWeeks * WEEK_DAYS + 1, lastDay, confidence),
  };
};

/**
 * What drifted since the model's training rows: features, scores, labels, performance. Pure; it decides nothing and changes no
 * model. Run once for every closed event day: the limit of false alarms counts days.
 */
export const driftReport = (input: DriftInput, settings: DriftSettings): DriftReport => {
  const { window, fields, notJudged } = fieldsOf(input, settings);
  const scores = input.scores && scoreDrift(input.scores);
  const fraudRate = fraudRateOf(input.reference.fraudRate, input.matured, settings);
  const { weeks, all } = performancesOf(input, settings);
  const findings = [
    ...fieldFindings(input.reference, fields, settings),
    ...(scores ? scoreFindings(scores, settings) : []),
    ...(fraudRate ? fraudRateFindings(fraudRate, settings) : []),
    ...(all && input.expected ? performanceFindings(input.judged!, all, input.expected, settings) : []),
    ...(input.estimate ? estimateFindings(input.estimate) : []),
  ];
  return {
    day: input.day,
    reference: input.reference.id,
    window,
    fields,
    scores,
    fraudRate,
    performance: weeks,
    estimate: input.estimate,
    findings,
    alarms: findings.filter(({ isAlarm }) => isAlarm),
    notJudged: [
      ...notJudged,
      ...(scores ? [] : ['scores: no p-values yet']),
      ...(fraudRate ? [] : ['labels: no matured label in the last weeks']),
      ...(input.estimate ? [] : ['estimated performance: no fraud probabilities']),
    ],
  };
};
