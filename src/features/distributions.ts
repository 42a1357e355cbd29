/** Lanczos approximation, g = 7, n = 9 (Godfrey 2001); relative error below 1e-14 for x >= 0.5, the range used here. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** log Γ(x), x >= 0.5. */
export const logGamma = (x: number): number => {
  let sum = LANCZOS[0]!;
  for (let i = 1; i < 9; i += 1) sum += LANCZOS[i]! / (x - 1 + i);
  const t = x + 6.5;
  return 0.9189385332046727 + (x - 0.5) * Math.log(t) - t + Math.log(sum);
};

/** −log density of a Student-t with `nu` degrees of freedom at standardised z, scale s, in nats. */
export const studentTSurprisal = (z: number, s: number, nu: number): number =>
  logGamma(nu / 2) -
  logGamma((nu + 1) / 2) +
  0.5 * Math.log(nu * Math.PI) +
  Math.log(s) +
  ((nu + 1) / 2) * Math.log1p((z * z) / nu);

/** Upper 95 % point of the standard Student-t (Abramowitz & Stegun 26.7.5); error below 2e-4 for nu >= 4. */
export const studentT95 = (nu: number): number => {
  const x = 1.6448536269514722;
  const x2 = x * x;
  const g1 = (x * (x2 + 1)) / 4;
  const g2 = (x * ((5 * x2 + 16) * x2 + 3)) / 96;
  const g3 = (x * (((3 * x2 + 19) * x2 + 17) * x2 - 15)) / 384;
  const g4 = (x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945)) / 92_160;
  return x + (g1 + (g2 + (g3 + g4 / nu) / nu) / nu) / nu;
};

/** −log P(G <= g) of a Lomax gap: rate ~ Gamma(shape, scale), gap exponential given the rate. Infinite evidence is cut at 1e-300. */
export const lomaxLowerSurprisal = (g: number, shape: number, scale: number): number =>
  -Math.log(Math.max(-Math.expm1(-shape * Math.log1p(g / scale)), 1e-300));

export const lomaxQuantile = (p: number, shape: number, scale: number): number => scale * Math.expm1(-Math.log1p(-p) / shape);

/**
 * −log P(K >= k) of a negative binomial: K events in a span where rate ~ Gamma(shape, scale), q = span / (scale + span).
 * Terms are summed on the side of the mean where nothing cancels.
 */
export const burstSurprisal = (k: number, shape: number, q: number): number => {
  if (k <= 0) return 0;
  const logEmpty = shape * Math.log1p(-q);
  if (k === 1) return -Math.log(-Math.expm1(logEmpty));
  if (k <= (shape * q) / (1 - q)) {
    let term = Math.exp(logEmpty);
    let below = 0;
    for (let j = 0; j < k; j += 1) {
      below += term;
      term *= ((shape + j) / (j + 1)) * q;
    }
    return -Math.log1p(-below);
  }
  const logFirst = logGamma(shape + k) - logGamma(shape) - logGamma(k + 1) + logEmpty + k * Math.log(q);
  let term = 1;
  let sum = 0;
  for (let j = k; term > 1e-16 * sum; j += 1) {
    sum += term;
    term *= ((shape + j) / (j + 1)) * q;
  }
  return -(logFirst + Math.log(sum));
};

/** Smallest k with P(K <= k) >= p, of the negative binomial above; at most `limit`. */
export const negativeBinomialQuantile = (p: number, shape: number, q: number, limit = 10_000): number => {
  let term = Math.exp(shape * Math.log1p(-q));
  let below = term;
  let k = 0;
  while (below < p && k < limit) {
    term *= ((shape + k) / (k + 1)) * q;
    k += 1;
    below += term;
  }
  return k;
};
