/** Quantiles are taken of at most so many values, evenly thinned: sorting is the cost of a reference. */
const SORTED_MAX = 100_000;

/**
 * Where a numeric column is cut: at its quantiles, rising, a cut belonging to the values below it (value <= cut). A value that at
 * least one bin's share of the rows has (an atom: 0 of a count) is cut on both sides, so that more or fewer of it show.
 *
 * @param values NaN = missing; without a finite one there are no cuts
 */
export const numericCuts = (values: Float32Array, bins: number): number[] => {
  const present = values.filter(Number.isFinite);
  const stride = Math.max(1, Math.ceil(present.length / SORTED_MAX));
  const sorted = stride === 1 ? present.sort() : present.filter((_, i) => i % stride === 0).sort();
  const n = sorted.length;
  if (n === 0) return [];
  const cuts = new Set<number>();
  for (let b = 1; b < bins; b += 1) cuts.add(sorted[Math.ceil((b * n) / bins) - 1]!);
  for (let from = 0; from < n;) {
    const value = sorted[from]!;
    let to = from + 1;
    while (to < n && sorted[to] === value) to += 1;
    if ((to - from) * bins >= n) cuts.add(value).add(from > 0 ? sorted[from - 1]! : justBelow(value));
    from = to;
  }
  return [...cuts].sort((a, b) => a - b);
};

/** Below an atom that is the smallest value. */
const justBelow = (value: number): number => value - 1e-6 * Math.max(1, Math.abs(value));

/** How many cuts lie below the value: its bin. */
export const binOf = (cuts: readonly number[], value: number): number => {
  let [low, high] = [0, cuts.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (cuts[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
};
