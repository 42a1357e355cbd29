import { fitScoreCalibration, minusLog10P } from '../../src/models/conformal.js';
import { summariseDay, summariseDays, type DriftDay } from '../../src/training/drift/drift-day.js';
import { buildDriftReference, parseDriftReference, type DriftReference } from '../../src/training/drift/drift-reference.js';
import { driftReport, type DriftInput, type DriftReport } from '../../src/training/drift/drift-report.js';
import { DriftSettingsSchema, type DriftSettings } from '../../src/training/drift/drift-settings.js';
import { scoreDay } from '../../src/training/drift/score-day.js';
import { nextScoreMartingale, startScoreMartingale, type ScoreMartingale } from '../../src/training/drift/score-martingale.js';
import { driftStream, joinDays, type DriftChange, type DriftStreamDay } from './drift-stream.js';

/** The first day of the reference. */
export const START = 20_000;
export const REFERENCE_DAYS = 28;
const defaults = DriftSettingsSchema.parse({});

export interface WatchedStream {
  readonly reference: DriftReference;
  readonly days: readonly DriftStreamDay[];
}

export interface WatchedStreamOptions {
  readonly seed: number;
  /** After those of the reference. */
  readonly days: number;
  readonly customers?: number;
  readonly growth?: number;
  /** By day after the reference, from 1. */
  readonly change?: (day: number) => Partial<DriftChange>;
}

/** Four weeks of reference, then days to be judged; half-remembered shocks of 3 % to all amounts of a day. */
export const watchedStream = ({
  seed,
  days,
  customers = 250,
  growth = 0.01,
  change = () => ({}),
}: WatchedStreamOptions): WatchedStream => {
  const world = driftStream({
    seed,
    from: START,
    customers,
    growth,
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

export const driftInput = (
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
export const reportsOf = ({ reference, days }: WatchedStream, settings: DriftSettings = defaults): DriftReport[] => {
  let counted = [...summariseDays(reference, joinDays(days.slice(0, REFERENCE_DAYS), START), reference.toDay - 6)];
  let scores = startScoreMartingale('m1');
  return days.flatMap((today, d) => {
    if (d < 7) return [];
    const figures = scoreDay(served(days, d));
    scores = nextScoreMartingale(scores, START + d, { D: figures, fused: figures });
    if (d < REFERENCE_DAYS) return [];
    counted = [...counted, summariseDay(reference, START + d, today.rows)].slice(-14);
    return [driftReport(driftInput(reference, START + d, counted, scores), settings)];
  });
};
