import { REFERENCE_DAYS, START, driftInput, reportsOf, watchedStream } from '../../../test/support/drift-days.js';
import type { DriftChange } from '../../../test/support/drift-stream.js';
import { summariseDay, type DriftDay } from './drift-day.js';
import { driftReport, type DriftReport } from './drift-report.js';
import { DriftSettingsSchema } from './drift-settings.js';

const defaults = DriftSettingsSchema.parse({});

/** Days until the first alarm of a kind and field, counted from 1; Infinity: never. */
const daysUntil = (reports: readonly DriftReport[], kind: string, field: string): number => {
  const day = reports.findIndex(({ alarms }) => alarms.some((alarm) => alarm.kind === kind && alarm.field === field));
  return day < 0 ? Infinity : day + 1;
};

const SEEDS = [1, 2, 3];
const later = (days: number, kind: string, field: string, change: (day: number) => Partial<DriftChange>): number =>
  Math.max(...SEEDS.map((seed) => daysUntil(reportsOf(watchedStream({ seed, days, change })), kind, field)));

describe('drift report', () => {
  // `npm run bench:drift` runs as many streams as one likes, of any size.
  it('4 quiet streams of 30 days, with habits, weekends, common shocks and new customers every day: no alarm', () => {
    const alarms = [101, 102, 103, 104].flatMap((seed) =>
      reportsOf(watchedStream({ seed, days: 30, customers: 120 })).flatMap((report) => report.alarms),
    );
    expect(alarms).toEqual([]);
  });

  it('levels that training expected and that do not come are no drift: the estimate of Good and Turing is none of a share', () => {
    // Of 120 customers some are alone with their country: 4 % of new levels were to be expected.
    const { reference, days } = watchedStream({ seed: 1, days: 8, customers: 120 });
    const country = reference.fields.find(({ bins }) => bins.name === 'country')!;
    expect(country.values.shares.at(-1)!).toBeGreaterThan(0.02);
    const reports = reportsOf({ reference, days });
    const drift = reports.at(-1)!.fields.find(({ name }) => name === 'country')!;
    expect(drift.newLevels!.is).toBeLessThan(0.01);
    expect(drift.psi!).toBeLessThan(0.1);
    expect(reports.flatMap(({ findings }) => findings.filter(({ field }) => field === 'country'))).toEqual([]);
  });

  it('the same streams alarm all the time if neither evidence nor effect is asked for', () => {
    const careless = DriftSettingsSchema.parse({ ksMin: 0.001, psiMin: 0.0001, falseAlarms: { count: 1, perDays: 1 } });
    const loud = DriftSettingsSchema.parse({ ksMin: 0.01, psiMin: 0.001, falseAlarms: { count: 1, perDays: 1 } });
    const stream = watchedStream({ seed: 1, days: 10 });
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
    const reports = reportsOf(watchedStream({ seed: 1, days: 12, change: () => ({ amountFactor: 2 }) }));
    expect(daysUntil(reports, 'scores', 'D')).toBeLessThanOrEqual(10);
  });
});

describe('what a drift report does not judge', () => {
  const { reference, days } = watchedStream({ seed: 4, days: 10 });
  const counted = days.slice(REFERENCE_DAYS).map(({ rows }, i) => summariseDay(reference, START + REFERENCE_DAYS + i, rows));
  const report = (some: readonly DriftDay[], settings = defaults): DriftReport =>
    driftReport(driftInput(reference, START + REFERENCE_DAYS + 9, some, null), settings);

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
