/**
 * Types of events from amount and gap (the time since the event before): bins of equal mass, one below and one above all that
 * training saw, and one for a missing value. What lies beyond training is thus a type of its own, met by no one yet.
 */
export interface EventTypes {
  /** Ascending: least, inner borders, greatest. */
  readonly amountEdges: Float64Array;
  readonly gapEdges: Float64Array;
}

/** Edges of `bins` bins of equal mass over the values that are numbers; a bin for each value where there are no more values. */
export const fitEdges = (values: Float64Array, bins: number): Float64Array => {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) return sorted;
  const distinct = new Set(sorted);
  // The last edge twice: the greatest value has a bin of its own.
  if (distinct.size <= bins) return Float64Array.of(...distinct, sorted.at(-1)!);
  const edges = Array.from({ length: bins + 1 }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / bins)]!);
  return Float64Array.from(new Set(edges));
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
