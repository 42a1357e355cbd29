import type { ScoreCalibration } from '../domain/calibration.js';
import { firstAtLeast, survivalTable } from './survival-table.js';
import { tailScaleOf } from './tail-scale.js';

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
    tailScale: tailScaleOf(sorted, tailStart, count),
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
