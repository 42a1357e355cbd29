import type { FraudRate } from './fraud-rate.js';
import type { FieldDrift } from './compare-fields.js';
import type { DriftReference } from './drift-reference.js';
import type { ScoreDrift } from './score-drift.js';
import { testCount } from './compare-fields.js';
import { testLevel, type DriftSettings } from './drift-settings.js';
import type { EstimatedPerformance } from './estimated-performance.js';
import { performanceOf, type JudgedRows, type Performance } from './performance.js';
import type { ShareChange } from './share-change.js';

export type FindingKind = 'distribution' | 'new-levels' | 'missing' | 'scores' | 'fraud-rate' | 'performance' | 'estimate';

/** Something that lies beyond its effect limit. It is an alarm if it is also clear of chance. */
export interface DriftFinding {
  readonly kind: FindingKind;
  /** Column, score or figure. */
  readonly field: string;
  /** What `value` and `threshold` are of. */
  readonly statistic: string;
  readonly value: number;
  readonly threshold: number;
  /** Chance of it without drift and the level that it must not exceed; null where the threshold is itself a statement of chance. */
  readonly pValue: number | null;
  readonly level: number | null;
  readonly isAlarm: boolean;
  readonly sentence: string;
}

/** Findings of two days that are one alarm: there is one martingale of all scores, and which of them changed most may differ. */
export const alarmKey = ({ kind, field }: Pick<DriftFinding, 'kind' | 'field'>): string =>
  kind === 'scores' ? kind : `${kind}/${field}`;

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.01 ? 2 : 1)} %`;
const wording = (isAlarm: boolean): string => (isAlarm ? '' : '; too few rows or days to tell it from chance');

interface Evidence {
  readonly change: Pick<ShareChange, 'pValue'>;
  readonly level: number;
}

const found = (
  finding: Pick<DriftFinding, 'kind' | 'field' | 'statistic' | 'value' | 'threshold' | 'sentence'>,
  { change, level }: Evidence,
): DriftFinding[] => {
  if (finding.value < finding.threshold) return [];
  const isAlarm = change.pValue <= level;
  return [{ ...finding, pValue: change.pValue, level, isAlarm, sentence: finding.sentence + wording(isAlarm) }];
};

const distributionFinding = (drift: FieldDrift, settings: DriftSettings, level: number): DriftFinding[] => {
  const { name, clearest, ks, psi } = drift;
  if (!clearest || psi === null) return [];
  const statistic = ks !== null && ks / settings.ksMin >= psi / settings.psiMin ? 'KS' : 'PSI';
  const [value, threshold] = statistic === 'KS' ? [ks!, settings.ksMin] : [psi, settings.psiMin];
  const sentence = `${name}: ${statistic} ${value.toFixed(3)}; ${clearest.of} in ${percent(clearest.is)} of the rows, ${percent(clearest.was)} in training`;
  return found({ kind: 'distribution', field: name, statistic, value, threshold, sentence }, { change: clearest, level });
};

const newLevelFinding = ({ name, newLevels }: FieldDrift, settings: DriftSettings, level: number): DriftFinding[] => {
  if (!newLevels) return [];
  const sentence = `${name}: ${percent(newLevels.is)} of the rows have a level that training did not know, ${percent(newLevels.was)} were to be expected`;
  return found(
    {
      kind: 'new-levels',
      field: name,
      statistic: 'share of new levels',
      value: newLevels.is - newLevels.was,
      threshold: settings.newLevelShareMin,
      sentence,
    },
    { change: newLevels, level },
  );
};

const missingFinding = ({ name, missing }: FieldDrift, settings: DriftSettings, level: number): DriftFinding[] =>
  found(
    {
      kind: 'missing',
      field: name,
      statistic: 'change of the missing share',
      value: Math.abs(missing.is - missing.was),
      threshold: settings.missingChangeMin,
      sentence: `${name}: missing in ${percent(missing.is)} of the rows, ${percent(missing.was)} in training`,
    },
    { change: missing, level },
  );

export const fieldFindings = (
  reference: DriftReference,
  fields: readonly FieldDrift[],
  settings: DriftSettings,
): readonly DriftFinding[] => {
  const level = testLevel(settings, testCount(reference));
  return fields.flatMap((drift) => [
    ...distributionFinding(drift, settings, level),
    ...newLevelFinding(drift, settings, level),
    ...missingFinding(drift, settings, level),
  ]);
};

/** Its peak counts: Ville's inequality is about ever reaching the limit. */
export const scoreFindings = ({ peak, peakDay, changes }: ScoreDrift, settings: DriftSettings): readonly DriftFinding[] => {
  const threshold = 1 / settings.scoreLevel;
  if (peak < threshold) return [];
  const largest = changes.reduce((best, c) => (Math.abs(c.change ?? 0) > Math.abs(best.change ?? 0) ? c : best));
  const isAlarm = Math.abs(largest.change ?? 0) >= settings.scoreChangeMin;
  const words = `last week's ${largest.statistic} of the p-values of ${largest.score} ${(largest.change ?? 0) >= 0 ? 'rose' : 'fell'} by ${Math.abs(largest.change ?? 0).toFixed(3)}`;
  return [
    {
      kind: 'scores',
      field: largest.score,
      statistic: 'conformal test martingale',
      value: peak,
      threshold,
      pValue: 1 / peak,
      level: settings.scoreLevel,
      isAlarm,
      sentence: `days are not alike any more: the martingale reached ${peak.toFixed(0)} on day ${peakDay ?? 0}; ${words}${isAlarm ? '' : ', too little to matter'}`,
    },
  ];
};

export const fraudRateFindings = ({ change, rows, frauds }: FraudRate, settings: DriftSettings): readonly DriftFinding[] => {
  if (!change) return [];
  // Half a fraud on both sides keeps the ratio finite.
  const half = 0.5 / rows;
  const ratio = (change.is + half) / (change.was + half);
  return found(
    {
      kind: 'fraud-rate',
      field: 'frauds',
      statistic: 'ratio of fraud rates',
      value: Math.max(ratio, 1 / ratio),
      threshold: settings.fraudRateRatioMin,
      sentence: `${frauds} frauds in ${rows} matured rows, ${percent(change.is)}; ${percent(change.was)} in training`,
    },
    { change, level: testLevel(settings, 3) },
  );
};

/** An alarm where even the upper end of the interval at the level of false alarms is below what the gate measured. */
export const performanceFindings = (
  judged: JudgedRows,
  performance: Performance,
  expected: { readonly precision: number; readonly recall: number },
  settings: DriftSettings,
): readonly DriftFinding[] => {
  const level = testLevel(settings, 3);
  const strict = performanceOf(judged, performance.fromDay, performance.toDay, 1 - 2 * level);
  return (['precision', 'recall'] as const).flatMap((field) => {
    const { value, low, high } = performance[field];
    const threshold = expected[field] * (1 - settings.performanceLossMin);
    if (value === null || value >= threshold) return [];
    const isAlarm = strict[field].high! < expected[field];
    const sentence = `${field} ${percent(value)} (${percent(low!)} to ${percent(high!)}), ${percent(expected[field])} at the gate${wording(isAlarm)}`;
    return [{ kind: 'performance', field, statistic: field, value, threshold, pValue: null, level, isAlarm, sentence }];
  });
};

/** Never an alarm: an estimate that does not hold is a reason not to believe it, which labels show on their own. */
export const estimateFindings = ({ check, isTrusted, sentence }: EstimatedPerformance): readonly DriftFinding[] => {
  if (!check || isTrusted) return [];
  const { expected, found: frauds } = check.alerted;
  return [
    {
      kind: 'estimate',
      field: 'fraud probability',
      statistic: 'frauds among matured alerts',
      value: frauds,
      threshold: expected,
      pValue: null,
      level: null,
      isAlarm: false,
      sentence,
    },
  ];
};
