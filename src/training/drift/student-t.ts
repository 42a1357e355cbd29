import { logGamma } from '../../features/distributions.js';
import { normalQuantile } from '../../models/normal-distribution.js';

const STEPS_MAX = 500;
const TINY = 1e-300;

/** Continued fraction of the incomplete beta function (Lentz's method; Numerical Recipes 6.4); for x < (a + 1) / (a + b + 2). */
const betaFraction = (a: number, b: number, x: number): number => {
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || TINY);
  let value = d;
  const step = (term: number): number => {
    d = 1 / (1 + term * d || TINY);
    c = 1 + term / c || TINY;
    value *= c * d;
    return c * d;
  };
  for (let m = 1; m <= STEPS_MAX; m += 1) {
    step((m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)));
    if (Math.abs(step((-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))) - 1) < 1e-14) break;
  }
  return value;
};

/** P(|T| >= |t|) of Student's t with `nu` >= 1 degrees of freedom: I_x(nu / 2, 1 / 2) at x = nu / (nu + t²). */
export const studentTTwoSided = (t: number, nu: number): number => {
  const x = nu / (nu + t * t);
  const [a, b] = [nu / 2, 0.5];
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  if (x >= 1) return 1;
  if (x <= 0) return 0;
  return Math.min(
    1,
    x < (a + 1) / (a + b + 2) ? (front * betaFraction(a, b, x)) / a : 1 - (front * betaFraction(b, a, 1 - x)) / b,
  );
};

/** z with P(|Z| <= z) = `confidence` of the standard normal. */
export const normalWidth = (confidence: number): number => normalQuantile(1 - (1 - confidence) / 2);
