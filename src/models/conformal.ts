import type { ScoreCalibration } from '../domain/calibration.js';
import { firstAtLeast, survivalTable, tailScaleOf } from './survival-table.js';

/**
 * Conformal p-values (Vovk et al. 2005): p = (#{reference >= s} + 1) / (n + 1), linear between the knots so that
 * different scores never tie, and an exponential tail above the k-th largest reference score that only ranks: without
 * it every score beyond the window would share 1 / (n + 1), and fusion of p-values would lose their order
 * (models.md section 5).
 */

/** k of models.md section 5. */
const channelTailCount = (n: number): number => Math.max(20, Math.ceil(n / 100));

/**
 * Smallest tail that still has a scale. For the fused score: its threshold lies in the top per cent and is to be the
 * window's own quantile, not an extrapolation.
 */
export const FUSED_TAIL_COUNT = 20;

/** Excesses beyond this many medians are censored: 1 in 32 of an exponential's, so 3 % of the rows' information. */
const CENSORED_AT_MEDIANS = 5;

/**
 * The mean excess, robust: the maximum-likelihood scale of an exponential censored at a multiple of the median excess,
 * Σ min(excess, cap) / #{excess <= cap}. Without excesses beyond the cap it is the mean excess. One accepted row with an
 * absurd score (a payment of 10^12) would else make the scale, and with it every later p-value, useless for as long as it
 * is in the window.
 */
const robustTailScale = (sorted: Float64Array, start: number, count: number): number => {
  const largest = sorted.subarray(sorted.length - count);
  const firstAbove = largest.findIndex((score) => score > start);
  if (firstAbove < 0) return tailScaleOf(sorted, start, count);
  // The median of those above the start: where most of the tail are ties with it, the median of all would be 0.
  const above = largest.subarray(firstAbove);
  const median = above[Math.floor((above.length - 1) / 2)]! - start;
  const cap = CENSORED_AT_MEDIANS * median;
  let sum = 0;
  let within = 0;
  for (const score of largest) {
    const excess = score - start;
    sum += Math.min(excess, cap);
    if (excess <= cap) within += 1;
  }
  return sum / within;
};

/**
 * @param scores the reference window, any order; never rows that the model was fitted on
 * @param tailCount k: how many of the largest scores the exponential tail replaces
 * @throws RangeError when there is no score or one of them is not finite
 */
export const fitScoreCalibration = (scores: ArrayLike<number>, tailCount = channelTailCount(scores.length)): ScoreCalibration => {
  const n = scores.length;
  if (n === 0) throw new RangeError('a calibration window needs at least one score; it has none');
  const sorted = Float64Array.from(scores).sort();
  const broken = sorted.find((s) => !Number.isFinite(s));
  if (broken !== undefined) throw new RangeError(`a calibration window holds the score ${broken}; expected finite numbers`);
  const { knots, survival } = survivalTable(sorted);
  const count = Math.max(1, Math.min(tailCount, n - 1));
  const tailStart = sorted[n - count]!;
  return {
    n,
    knots: Array.from(knots),
    survival: Array.from(survival),
    tailStart,
    // With one score in the window, all that is known of a larger one is p <= 1 / (n + 1).
    tailShare: n > 1 ? count / n : 0.5,
    tailScale: robustTailScale(sorted, tailStart, count),
  };
};

/**
 * -log10 of the conformal p-value: above 0, strictly rising in the score, never clipped.
 *
 * The smallest knot has p = (n + 1/2) / (n + 1) instead of 1, which leaves the scores below it room to differ.
 *
 * @param score finite
 */
export const minusLog10P = (calibration: ScoreCalibration, score: number): number => {
  const { n, knots, survival, tailStart, tailShare, tailScale } = calibration;
  if (score > tailStart) return ((score - tailStart) / tailScale - Math.log(tailShare)) / Math.LN10;
  const above = firstAtLeast(knots, score);
  const counted = (i: number): number => (i === 0 ? n + 0.5 : survival[i]! + 1);
  if (above === 0) {
    const room = (0.5 / (n + 1)) * (tailScale / (tailScale + (knots[0]! - score)));
    return -Math.log1p(-room) / Math.LN10;
  }
  const share = (score - knots[above - 1]!) / (knots[above]! - knots[above - 1]!);
  const count = counted(above - 1) + share * (counted(above) - counted(above - 1));
  return -Math.log(count / (n + 1)) / Math.LN10;
};
