/** Excesses beyond this many medians are censored: 1 in 32 of an exponential's, so 3 % of the rows' information. */
const CENSORED_AT_MEDIANS = 5;

/**
 * Scale of the exponential tail above `start`: the mean excess of the `count` largest values, robust. It is the
 * maximum-likelihood scale of an exponential censored at a multiple of the median excess,
 * Σ min(excess, cap) / #{excess <= cap}; without excesses beyond the cap the mean excess. One accepted row with an absurd
 * value (a payment of 10^12) would else make the scale, and with it every later probability, useless.
 *
 * Where all of the largest are ties there is no excess, and the sample's standard deviation stands in, or 1 for a constant
 * sample.
 *
 * @param sorted rising
 */
export const tailScaleOf = (sorted: Float64Array, start: number, count: number): number => {
  const largest = sorted.subarray(sorted.length - count);
  const firstAbove = largest.findIndex((value) => value > start);
  if (firstAbove < 0) return spreadOf(sorted);
  // The median of those above the start: where most of the tail are ties with it, the median of all would be 0.
  const above = largest.subarray(firstAbove);
  const median = above[Math.floor((above.length - 1) / 2)]! - start;
  const cap = CENSORED_AT_MEDIANS * median;
  let sum = 0;
  let within = 0;
  for (const value of largest) {
    const excess = value - start;
    sum += Math.min(excess, cap);
    if (excess <= cap) within += 1;
  }
  return sum / within;
};

const spreadOf = (sorted: Float64Array): number => {
  const mean = sorted.reduce((sum, x) => sum + x / sorted.length, 0);
  const spread = Math.sqrt(sorted.reduce((sum, x) => sum + (x - mean) ** 2 / sorted.length, 0));
  return spread > 0 ? spread : 1;
};
