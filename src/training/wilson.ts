import { normalQuantile } from '../models/normal-distribution.js';

/** A count among a number of trials, its share, and the interval of the share. */
export interface Share {
  readonly count: number;
  readonly of: number;
  /** NaN of nothing; its interval is then 0 to 1. */
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Share with Wilson's score interval (E. B. Wilson 1927): sound at shares of 0 and 1 and for few trials. It takes trials as
 * independent.
 *
 * @param confidence of the two-sided interval, in (0, 1)
 */
export const wilsonShare = (count: number, of: number, confidence = 0.95): Share => {
  if (of === 0) return { count, of, share: NaN, low: 0, high: 1 };
  const z = normalQuantile((1 + confidence) / 2);
  const p = count / of;
  const centre = (p + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const reach = (z * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of))) / (1 + (z * z) / of);
  return { count, of, share: p, low: Math.max(0, centre - reach), high: Math.min(1, centre + reach) };
};
