/** Natural logarithm of sqrt(2 pi). */
export const LOG_SQRT_2PI = 0.9189385332046727;

/**
 * Upper tail P(Z > z) of the standard normal for z >= 0, relative error below 1e-7 down to the smallest double
 * (rational Chebyshev fit of erfc, Numerical Recipes 6.2, "erfcc").
 */
const upperTail = (z: number): number => {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  let polynomial = 0.17087277;
  for (const c of [-0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368])
    polynomial = polynomial * t + c;
  return 0.5 * t * Math.exp(-x * x - 1.26551223 + t * polynomial);
};

/** Phi(z), the cumulative distribution of the standard normal. */
export const normalCdf = (z: number): number => (z > 0 ? 1 - upperTail(z) : upperTail(-z));

const CENTRAL = 0.02425;

/** Phi^-1(p) for 0 < p < 1; relative error below 1.2e-9 (P. J. Acklam's rational approximation). */
export const normalQuantile = (p: number): number => {
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p < CENTRAL) {
    const q = Math.sqrt(-2 * Math.log(p));
    const top =
      ((((-7.784894002430293e-3 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q +
        4.374664141464968) *
        q +
      2.938163982698783;
    const bottom = (((7.784695709041462e-3 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1;
    return top / bottom;
  }
  const q = p - 0.5;
  const r = q * q;
  const top =
    (((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r - 30.66479806614716) *
      r +
      2.506628277459239) *
    q;
  const bottom =
    ((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r - 13.28068155288572) *
      r +
    1;
  return top / bottom;
};

/** log(sum of exp(values[from .. from + count))), safe from overflow; -Infinity when all are. */
export const logSumExp = (values: ArrayLike<number>, from: number, count: number): number => {
  let top = -Infinity;
  for (let i = from; i < from + count; i += 1) top = Math.max(top, values[i]!);
  if (top === -Infinity) return -Infinity;
  let sum = 0;
  for (let i = from; i < from + count; i += 1) sum += Math.exp(values[i]! - top);
  return top + Math.log(sum);
};
