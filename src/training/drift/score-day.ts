/** Scores whose p-values are watched: the density's, which no label taught, and the fused one, which decides. */
export const WATCHED_SCORES = ['D', 'fused'] as const;
export type WatchedScore = (typeof WATCHED_SCORES)[number];

/** What a day's p-values are looked at for: all of them, and the share that looks unusual. */
export const DAY_STATISTICS = ['mean', 'tail'] as const;
export type DayStatistic = (typeof DAY_STATISTICS)[number];

/** p-values up to here are the tail. Far above the tail knot, beyond which a p-value is an extrapolation that only ranks. */
const TAIL = 0.05;

/** A day's mean p-value and its share of p-values of at most 5 %: 1/2 and 0.05 if they are uniform. */
export type ScoreDay = Readonly<Record<DayStatistic, number>>;

/**
 * @param minusLog10P of one event day, as they were served: under the calibration that decided each row
 * @throws RangeError without rows, or naming a value that is not a number from 0 up
 */
export const scoreDay = (minusLog10P: Float64Array): ScoreDay => {
  if (minusLog10P.length === 0) throw new RangeError('a day of scores needs at least one p-value; it has none');
  let [sum, tail] = [0, 0];
  for (const value of minusLog10P) {
    if (!(value >= 0)) throw new RangeError(`-log10 p is ${value}; expected a number from 0 up`);
    const p = 10 ** -value;
    sum += p;
    if (p <= TAIL) tail += 1;
  }
  return { mean: sum / minusLog10P.length, tail: tail / minusLog10P.length };
};
