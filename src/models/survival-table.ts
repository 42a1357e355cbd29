/**
 * How many values of a sample are at least x, kept in a bounded number of knots.
 *
 * Half of the knots are spread evenly over the ranks. The other half covers the largest hundredth: every value where
 * there is room, else ranks in geometric progression, so that the count's relative error stays about 1 % however far
 * out (a p-value is read on a log scale).
 */
export interface SurvivalTable {
  /** Distinct values, rising. */
  readonly knots: Float64Array;
  /** `survival[i]`: number of sample values >= `knots[i]`; falling, the first is the sample's size. */
  readonly survival: Float64Array;
  /** True when every distinct value of the sample is a knot. */
  readonly exact: boolean;
}

export const KNOTS_MAX = 2000;

const TOP_SHARE = 0.01;

/** Ranks (0 = largest) of the upper half of the knots. */
const topRanks = (n: number, room: number): number[] => {
  const deepest = Math.max(1, Math.ceil(n * TOP_SHARE));
  if (deepest <= room) return Array.from({ length: deepest }, (_, i) => i);
  const growth = Math.log(deepest) / (room - 1);
  return Array.from({ length: room }, (_, i) => Math.floor(Math.exp(growth * i)) - 1);
};

/** Distinct values of a rising sample with their survival counts. Cost: one pass. */
const distinctValues = (sorted: Float64Array): { knots: Float64Array; survival: Float64Array } => {
  const knots: number[] = [];
  const survival: number[] = [];
  for (let i = 0; i < sorted.length; i += 1) {
    if (i > 0 && sorted[i] === sorted[i - 1]) continue;
    knots.push(sorted[i]!);
    survival.push(sorted.length - i);
  }
  return { knots: Float64Array.from(knots), survival: Float64Array.from(survival) };
};

/** @param sorted rising, finite, at least one value */
export const survivalTable = (sorted: Float64Array, knotsMax = KNOTS_MAX): SurvivalTable => {
  const all = distinctValues(sorted);
  if (all.knots.length <= knotsMax) return { ...all, exact: true };
  const n = sorted.length;
  const half = Math.floor(knotsMax / 2);
  const even = Array.from({ length: half }, (_, i) => Math.round((i * (n - 1)) / (half - 1)));
  const chosen = new Set([...even, ...topRanks(n, half).map((rank) => n - 1 - rank)].map((i) => sorted[i]!));
  const kept = [...all.knots.keys()].filter((i) => chosen.has(all.knots[i]!));
  return {
    knots: Float64Array.from(kept, (i) => all.knots[i]!),
    survival: Float64Array.from(kept, (i) => all.survival[i]!),
    exact: false,
  };
};

/** Index of the first knot >= x; `knots.length` when there is none. */
export const firstAtLeast = (knots: ArrayLike<number>, x: number): number => {
  let low = 0;
  let high = knots.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (knots[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
};
