import { driftStream, joinDays, type DriftChange, type DriftStreamDay } from '../../../test/support/drift-stream.js';
import { fitScoreCalibration, minusLog10P } from '../../models/conformal.js';
import { summariseDay, summariseDays, type DriftDay } from './drift-day.js';
import { buildDriftReference, parseDriftReference, type DriftReference } from './drift-reference.js';
import { driftReport, type DriftInput, type DriftReport } from './drift-report.js';
import { DriftSettingsSchema, type DriftSettings } from './drift-settings.js';
import { scoreDay } from './score-day.js';
import { nextScoreMartingale, startScoreMartingale, type ScoreMartingale } from './score-martingale.js';

const START = 20_000;
const REFERENCE_DAYS = 28;
const defaults = DriftSettingsSchema.parse({});

interface Stream {
  readonly reference: DriftReference;
  readonly days: readonly DriftStreamDay[];
}

const streamOf = (seed: number, days: number, change: (day: number) => Partial<DriftChange> = () => ({})): Stream => {
  const world = driftStream({
    seed,
    from: START,
    customers: 250,
    growth: 0.01,
    shock: 0.03,
    change: (day) => (day < START + REFERENCE_DAYS ? {} : change(day - START - REFERENCE_DAYS + 1)),
  });
  const all = Array.from({ length: REFERENCE_DAYS + days }, (_, d) => world.day(START + d));
  const rows = joinDays(all.slice(0, REFERENCE_DAYS), START);
  return { reference: parseDriftReference(JSON.parse(JSON.stringify(buildDriftReference('m1', rows, defaults)))), days: all };
};

/** Served scores: each day's p-values by the seven days before it. */
const served = (days: readonly DriftStreamDay[], d: number): Float64Array => {
  const calibration = fitScoreCalibration(days.slice(d - 7, d).flatMap(({ scores }) => Array.from(scores)));
  return days[d]!.scores.map((score) => minusLog10P(calibration, score));
};

const inputOf = (
  reference: DriftReference,
  day: number,
  days: readonly DriftDay[],
  scores: ScoreMartingale | null,
): DriftInput => ({
  day,
  reference,
  days,
  scores,
  matured: [],
  judged: null,
  expected: null,
  estimate: null,
});

/** A report for every day after the reference. */
const reportsOf = ({ reference, days }: Stream, settings: DriftSettings = defaults): DriftReport[] => {
  let counted = [...summariseDays(reference, joinDays(days.slice(0, REFERENCE_DAYS), START), reference.toDay - 6)];
  let scores = startScoreMartingale('m1');
  return days.flatMap((today, d) => {
    if (d < 7) return [];
    const figures = scoreDay(served(days, d));
    scores = nextScoreMartingale(scores, START + d, { D: figures, fused: figures });
    if (d < REFERENCE_DAYS) return [];
    counted = [...counted, summariseDay(reference, START + d, today.rows)].slice(-14);
    return [driftReport(inputOf(reference, START + d, counted, scores), settings)];
  });
};

/** Days until the first alarm of a kind and field, counted from 1; Infinity: never. */
const daysUntil = (reports: readonly DriftReport[], kind: string, field: string): number => {
  const day = reports.findIndex(({ alarms }) => alarms.some((alarm) => alarm.kind === kind && alarm.field === field));
  return day < 0 ? Infinity : day + 1;
};

const SEEDS = [1, 2, 3];
const later = (days: number, kind: string, field: string, change: (day: number) => Partial<DriftChange>): number =>
  Math.max(...SEEDS.map((seed) => daysUntil(reportsOf(streamOf(seed, days, change)), kind, field)));

describe('drift report', () => {
  it('20 quiet streams of 60 days, with habits, weekends, common shocks and new customers every day: at most one alarm', () => {
    const alarms = Array.from({ length: 20 }, (_, i) => {
      const kinds = reportsOf(streamOf(i + 1, 60)).flatMap(({ alarms: found }) =>
        found.map(({ kind, field }) => `${kind}/${field}`),
      );
      return new Set(kinds).size;
    });
    expect(Math.max(...alarms)).toBeLessThanOrEqual(1);
    expect(alarms.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(1);
  });

  it('the same streams alarm all the time if neither evidence nor effect is asked for', () => {
    const careless = DriftSettingsSchema.parse({ ksMin: 0.001, psiMin: 0.0001, falseAlarms: { count: 1, perDays: 1 } });
    const loud = DriftSettingsSchema.parse({ ksMin: 0.01, psiMin: 0.001, falseAlarms: { count: 1, perDays: 1 } });
    const stream = streamOf(1, 10);
    expect(reportsOf(stream, careless).every(({ findings }) => findings.length >= 4)).toBe(true);
    expect(reportsOf(stream, loud).flatMap(({ alarms }) => alarms).length).toBeGreaterThanOrEqual(
      reportsOf(stream).flatMap(({ alarms }) => alarms).length,
    );
  });

  it('amounts that rise by 1 % a day are found within 30 days', () => {
    expect(later(30, 'distribution', 'amount', (day) => ({ amountFactor: 1.01 ** day }))).toBeLessThanOrEqual(30);
  });

  it('amounts that jump by 30 % are found within 8 days', () => {
    expect(later(8, 'distribution', 'amount', () => ({ amountFactor: 1.3 }))).toBeLessThanOrEqual(8);
  });

  it('a new level in 5 % of the rows is found within 7 days, by its kind', () => {
    expect(later(7, 'new-levels', 'country', () => ({ newCountry: 0.05 }))).toBeLessThanOrEqual(7);
  });

  it('a field that goes missing is found the day after, one that is lost in a tenth of the rows within 7 days', () => {
    expect(later(2, 'missing', 'distance', () => ({ lostDistance: 1 }))).toBeLessThanOrEqual(2);
    expect(later(7, 'missing', 'distance', () => ({ lostDistance: 0.1 }))).toBeLessThanOrEqual(7);
  });

  it('a score that doubles its spread is found by the martingale, though calibrations follow it', () => {
    const reports = reportsOf(streamOf(1, 12, () => ({ amountFactor: 2 })));
    expect(daysUntil(reports, 'scores', 'D')).toBeLessThanOrEqual(10);
  });
});

describe('what a drift report does not judge', () => {
  const { reference, days } = streamOf(4, 10);
  const counted = days.slice(REFERENCE_DAYS).map(({ rows }, i) => summariseDay(reference, START + REFERENCE_DAYS + i, rows));
  const report = (some: readonly DriftDay[], settings = defaults): DriftReport =>
    driftReport(inputOf(reference, START + REFERENCE_DAYS + 9, some, null), settings);

  it('a day without rows is stood in for by the same weekday before it; without that it says so', () => {
    expect(report(counted.filter((_, i) => i !== 8)).window!.fromDay).toBe(counted[1]!.day);
    expect(report(counted.slice(4))).toMatchObject({ window: null, fields: [], alarms: [] });
    expect(report([]).notJudged[0]).toBe('features: the last two weeks have no rows of some weekday since the training rows end');
  });

  it('too few rows or customers, days of another reference', () => {
    const few = DriftSettingsSchema.parse({ rowsMin: 1_000_000 });
    expect(report(counted, few).notJudged[0]).toMatch(/the window has \d+ rows; at least 1000000 are needed/);
    const alone = DriftSettingsSchema.parse({ entitiesMin: 10_000 });
    expect(report(counted, alone).notJudged[0]).toMatch(/primary entities; at least 10000 are needed/);
    expect(report(counted.map((day) => ({ ...day, reference: 'm2' }))).window).toBeNull();
  });

  it('is JSON', () => {
    const result = report(counted);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it('unknown keys of the settings are refused', () => {
    expect(DriftSettingsSchema.safeParse({ psi: 0.1 }).success).toBe(false);
  });
});
