import type { Random } from '../domain/random.js';

/** Poisson count by Knuth's product method: about `mean` draws, meant for means below 50. */
export const poisson = (random: Random, mean: number): number => {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random.uniform(); product > limit; product *= random.uniform()) count += 1;
  return count;
};

/** Running sums of weights, for `pick`: the last one is the total. */
export const cumulative = (weights: readonly number[]): Float64Array => {
  const sums = new Float64Array(weights.length);
  let total = 0;
  weights.forEach((weight, i) => (sums[i] = total += weight));
  return sums;
};

/** An index, chosen with the probability of its weight. @param sums running sums from `cumulative`, at least one */
export const pick = (random: Random, sums: Float64Array): number => {
  const at = random.uniform() * sums[sums.length - 1]!;
  const index = sums.findIndex((sum) => at < sum);
  return index < 0 ? sums.length - 1 : index;
};

/** One element, all equally likely. @param items at least one */
export const choose = <T>(random: Random, items: readonly T[]): T => items[random.integer(items.length)]!;

/** Uniform in [low, high). */
export const between = (random: Random, low: number, high: number): number => low + (high - low) * random.uniform();
