import { type EncodedColumn, type EncodedRows, isContinuous } from '../column-encoder.js';

/**
 * A column as a discrete variable of its own: each outcome is a state, and the continuous outcome of a numeric column falls
 * into bins of z instead. States: outcomes 0..counts.length-1, then the bins.
 */
export interface StateColumn {
  readonly column: EncodedColumn;
  /** Ascending z between bins; empty for categorical columns. */
  readonly edges: Float64Array;
}

export const stateCount = ({ column, edges }: StateColumn): number => column.counts.length + edges.length + 1;

export const stateOf = ({ column, edges }: StateColumn, outcome: number, z: number): number => {
  if (!isContinuous(column, outcome)) return outcome;
  let bin = 0;
  while (bin < edges.length && z > edges[bin]!) bin += 1;
  return column.counts.length + bin;
};

/** Bins of equal mass over the continuous cells of column `c`. */
export const fitStates = (column: EncodedColumn, rows: EncodedRows, c: number, bins: number): StateColumn => {
  const z: number[] = [];
  for (let at = c; at < rows.z.length; at += rows.width) if (isContinuous(column, rows.outcomes[at]!)) z.push(rows.z[at]!);
  const sorted = Float64Array.from(z).sort();
  const edges = Array.from({ length: bins - 1 }, (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / bins)]!);
  return { column, edges: sorted.length >= bins ? Float64Array.from(new Set(edges)) : new Float64Array(0) };
};

/** Which configuration of its parents' states a row has. */
export const configurationOf = (
  states: readonly StateColumn[],
  parents: readonly number[],
  rows: EncodedRows,
  row: number,
): number => {
  let configuration = 0;
  for (const p of parents) {
    const at = row * rows.width + p;
    configuration = configuration * stateCount(states[p]!) + stateOf(states[p]!, rows.outcomes[at]!, rows.z[at]!);
  }
  return configuration;
};

/** Rows by configuration of the parents and outcome of the child, configurations x outcomes. */
export const countTable = (
  states: readonly StateColumn[],
  child: number,
  parents: readonly number[],
  rows: EncodedRows,
): Float64Array => {
  const width = states[child]!.column.counts.length;
  const counts = new Float64Array(parents.reduce((product, p) => product * stateCount(states[p]!), 1) * width);
  for (let r = 0; r < rows.rowCount; r += 1)
    counts[configurationOf(states, parents, rows, r) * width + rows.outcomes[r * rows.width + child]!]! += 1;
  return counts;
};

/**
 * log P(outcome | configuration): each configuration starts with half a row for each seen outcome (Jeffreys' total), spread
 * by the outcome's own frequencies, so one that training never met says what the column says by itself. Outcomes that
 * training never saw keep the probability that the encoder gives them.
 */
export const logTable = (child: EncodedColumn, counts: Float64Array): Float64Array => {
  const width = child.counts.length;
  const logs = new Float64Array(counts.length).fill(child.logUnseen);
  const prior = child.seen.length / 2;
  let rows = 0;
  for (const outcome of child.seen) rows += child.counts[outcome]!;
  for (let from = 0; from < logs.length; from += width) {
    let total = 0;
    for (let o = 0; o < width; o += 1) total += counts[from + o]!;
    for (const o of child.seen)
      logs[from + o] = child.logSeen + Math.log((counts[from + o]! + (prior * child.counts[o]!) / rows) / (total + prior));
  }
  return logs;
};
