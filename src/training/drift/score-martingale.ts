import { z } from 'zod';
import { WEEK_DAYS } from './daily-shares.js';
import { DAY_STATISTICS, WATCHED_SCORES, type DayStatistic, type ScoreDay, type WatchedScore } from './score-day.js';
import { studentTTwoSided } from './student-t.js';

/**
 * Conformal test martingale (Vovk, Gammerman & Shafer 2005, sections 7 and 8; Vovk et al. 2021, "Retrain or not retrain") over
 * event days.
 *
 * Rows are no independent bets: a customer's transactions resemble each other, all rows of a day share its weather and its
 * calibration's chance, and conservative p-values (ties) are wrong in the same way every day. A martingale over rows takes each
 * of these for drift and grows without bound as rows do. So the day is the example: its statistics (mean p-value, share of
 * p-values of at most 5 %) of channel D and of the fused score are held against what all days before predict for its weekday:
 * Student's t of the Gauss linear model, whose places u are uniform and independent if days vary normally about a mean of their
 * weekday, whatever that mean is and however the p-values of a day depend on each other. It alarms on days unlike the days
 * before, which rolling calibrations follow: a jump shows for as long as their window, a slow drift hardly (the features do).
 *
 * Power bets κ u^(κ−1) on low and on high places, mixed by the simple jumper, which also may not bet. No day pays more than
 * PAY_MAX: one holiday is no drift, and a bet that pays less than a fair one keeps the game a supermartingale.
 * Ville's inequality: it ever reaches 1 / level with probability at most `level`.
 */
const POWERS = [0.25, 0.5] as const;
const PAY_MAX = 30;
const power =
  (kappa: number) =>
  (u: number): number =>
    Math.min(PAY_MAX, kappa * u ** (kappa - 1));
const BETS = [
  ...POWERS.map(power),
  ...POWERS.map(
    (kappa) =>
      (u: number): number =>
        power(kappa)(1 - u),
  ),
  (): number => 1,
];
/** Share of the capital that changes its bet every day. */
const JUMP = 0.02;
/** Before the first bet: fewer days say nothing of how much days differ. */
const QUIET_DAYS = 2 * WEEK_DAYS;
/** Oldest days are forgotten beyond. */
const DAYS_MAX = 400;
const CAPITAL_MAX = 1e12;

export const SCORE_STREAMS = WATCHED_SCORES.flatMap((score) => DAY_STATISTICS.map((statistic) => ({ score, statistic })));

export const ScoreMartingaleSchema = z.strictObject({
  format: z.literal(1),
  /** Of the model whose p-values these are: another one starts anew. */
  model: z.string(),
  days: z
    .array(z.strictObject({ day: z.number().int(), values: z.array(z.number()).length(SCORE_STREAMS.length) }))
    .max(DAYS_MAX),
  /** Capital of each stream by bet; they start with 1 together, and their mean is the martingale. */
  capital: z.array(z.array(z.number().min(0)).length(BETS.length)).length(SCORE_STREAMS.length),
  /** Largest value of the martingale, and the first day of it. */
  peak: z.number(),
  peakDay: z.number().int().nullable(),
});
/** Kept from day to day; some 20 KB at most. */
export type ScoreMartingale = z.infer<typeof ScoreMartingaleSchema>;

export const startScoreMartingale = (model: string): ScoreMartingale => ({
  format: 1,
  model,
  days: [],
  capital: SCORE_STREAMS.map(() => BETS.map(() => 1 / BETS.length)),
  peak: 1,
  peakDay: null,
});

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** 1 before the first bet. */
export const martingaleValue = ({ capital }: ScoreMartingale): number => total(capital.map(total)) / capital.length;

/** Chance, by the days before, of a day of its weekday with at least this value; null where they predict nothing. */
const upperPlace = (before: ScoreMartingale['days'], day: number, value: number, stream: number): number | null => {
  const ofWeekday = (weekday: number): ScoreMartingale['days'] =>
    before.filter(({ day: other }) => other % WEEK_DAYS === weekday);
  const weekdays = Array.from({ length: WEEK_DAYS }, (_, weekday) => ofWeekday(weekday)).filter((days) => days.length > 0);
  const own = ofWeekday(day % WEEK_DAYS);
  const freedom = before.length - weekdays.length;
  if (own.length === 0 || before.length < QUIET_DAYS || freedom < 1) return null;
  const meanOf = (days: typeof before): number => total(days.map(({ values }) => values[stream]!)) / days.length;
  let within = 0;
  for (const days of weekdays) {
    const mean = meanOf(days);
    for (const { values } of days) within += (values[stream]! - mean) ** 2;
  }
  const standardError = Math.sqrt((within / freedom) * (1 + 1 / own.length));
  // Days that were all alike but for rounding: shares of very few different scores.
  if (standardError < 1e-9) return null;
  const t = (value - meanOf(own)) / standardError;
  const tail = studentTTwoSided(t, freedom) / 2;
  return t > 0 ? tail : 1 - tail;
};

const bet = (capital: readonly number[], u: number | null): readonly number[] => {
  const sum = total(capital);
  if (u === null || sum >= CAPITAL_MAX) return capital;
  return capital.map((part, j) => ((1 - JUMP) * part + (JUMP * sum) / BETS.length) * BETS[j]!(u));
};

/**
 * One closed event day further; a day that is not after the last one changes nothing. Days with too few rows are the caller's to
 * leave out: their chance is another than that of full ones.
 */
export const nextScoreMartingale = (
  state: ScoreMartingale,
  day: number,
  scores: Readonly<Record<WatchedScore, ScoreDay>>,
): ScoreMartingale => {
  if (day <= (state.days.at(-1)?.day ?? -Infinity)) return state;
  const values = SCORE_STREAMS.map(({ score, statistic }) => scores[score][statistic]);
  const capital = state.capital.map((parts, stream) => [...bet(parts, upperPlace(state.days, day, values[stream]!, stream))]);
  const days = [...state.days, { day, values }].slice(-DAYS_MAX);
  const next = { ...state, days, capital };
  const value = martingaleValue(next);
  return value > state.peak ? { ...next, peak: value, peakDay: day } : next;
};

/** Change of the last week's mean from the mean of the days before, by stream; null before there is an earlier week. */
export const weekChange = ({ days }: ScoreMartingale, score: WatchedScore, statistic: DayStatistic): number | null => {
  const stream = SCORE_STREAMS.findIndex((s) => s.score === score && s.statistic === statistic);
  const values = days.map((day) => day.values[stream]!);
  if (values.length < 2 * WEEK_DAYS) return null;
  const mean = (part: readonly number[]): number => total(part) / part.length;
  return mean(values.slice(-WEEK_DAYS)) - mean(values.slice(0, -WEEK_DAYS));
};
