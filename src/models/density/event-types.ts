/**
 * Types of events from amount and gap (the time since the event before): bins of equal mass and of the tails, one below and one
 * above all that training saw, and one for a missing value. What lies beyond training is thus a type of its own, met by no one yet.
 */
export interface EventTypes {
  /** Ascending: least, inner borders, greatest. */
  readonly amountEdges: Float64Array;
  readonly gapEdges: Float64Array;
}

/** Besides the borders of equal mass: what is rare must be a type of its own to be surprising. */
const TAILS = [0.01, 0.05, 0.95, 0.99];

/** Edges of `bins` bins of equal mass and the tails' over the values that are numbers; a bin for each value where they are few. */
export const fitEdges = (values: Float64Array, bins: number): Float64Array => {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) return sorted;
  const distinct = new Set(sorted);
  // The last edge twice: the greatest value has a bin of its own.
  if (distinct.size <= bins) return Float64Array.of(...distinct, sorted.at(-1)!);
  const shares = [...Array.from({ length: bins + 1 }, (_, i) => i / bins), ...TAILS];
  return Float64Array.from(new Set(shares.map((share) => sorted[Math.round(share * (sorted.length - 1))]!))).sort();
};

/** Below all edges, between two of them, above all, and missing. */
export const binCount = (edges: Float64Array): number => edges.length + 2;

/** The greatest edge belongs to the bin below it: it was seen. */
export const binOf = (edges: Float64Array, value: number): number => {
  if (Number.isNaN(value)) return edges.length + 1;
  const last = edges.length - 1;
  if (last >= 0 && value === edges[last]) return last;
  let bin = 0;
  while (bin < edges.length && value >= edges[bin]!) bin += 1;
  return bin;
};

export const typeCount = ({ amountEdges, gapEdges }: EventTypes): number => binCount(amountEdges) * binCount(gapEdges);

export const typeOf = ({ amountEdges, gapEdges }: EventTypes, amount: number, gap: number): number =>
  binOf(amountEdges, amount) * binCount(gapEdges) + binOf(gapEdges, gap);
