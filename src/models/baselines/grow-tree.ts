import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import { isRight, treeBuilder, type Forest, type Split, type TreeBuilder } from './forest.js';
import { bestSplit, fillHistogram, subtractHistogram, type FoundSplit, type GrowthData, type SplitRules } from './histogram.js';

/** A share of the columns, or as many as the square root of their number, rounded up. */
export const ColumnShare = z.union([z.literal('sqrt'), z.number().positive().max(1)]);
export type ColumnShare = z.infer<typeof ColumnShare>;

export const columnsDrawn = (share: ColumnShare, columns: number): number =>
  share === 'sqrt' ? Math.ceil(Math.sqrt(columns)) : Math.max(1, Math.round(share * columns));

export interface GrowthRules extends SplitRules {
  readonly depthMax: number;
  /** Columns that a tree (boosting) or each split (forests) may look at. */
  readonly columnShare: ColumnShare;
  readonly columnsPer: 'tree' | 'split';
  /** True where no split can improve a node; spares the search. */
  readonly isPure?: (gradient: number, weight: number) => boolean;
  /** What a node of these sums says. */
  readonly valueOf: (gradient: number, weight: number) => number;
}

interface Pending {
  readonly node: number;
  readonly from: number;
  readonly to: number;
  readonly depth: number;
  readonly gradient: number;
  readonly weight: number;
  /** Null at the greatest depth, where no split follows. */
  readonly histogram: Float64Array | null;
}

/**
 * Grows one tree greedily over the rows of `order` (which it reorders). The larger child's histogram is its parent's less the
 * smaller child's (LightGBM, Ke et al. 2017): where few frauds leave a large rest at every split, most of the work is saved.
 */
export const growTree = (data: GrowthData, order: Uint32Array, rules: GrowthRules, random: Random): Forest => {
  const columnCount = data.layout.offsets.length - 1;
  const drawn = columnsDrawn(rules.columnShare, columnCount);
  const perTree = rules.columnsPer === 'tree';
  const columns = Uint32Array.from({ length: columnCount }, (_, i) => i);
  shuffle(columns, random);
  const scratch = new Uint32Array(order.length);
  const free: Float64Array[] = [];
  const histogramOf = (from: number, to: number): Float64Array => {
    const histogram = free.pop()?.fill(0) ?? new Float64Array(2 * data.layout.offsets.at(-1)!);
    for (const column of perTree ? columns.subarray(0, drawn) : columns) fillHistogram(histogram, data, column, order, from, to);
    return histogram;
  };
  const chooseSplit = ({ gradient, weight, histogram }: Pending): FoundSplit | null => {
    const best = (from: number, to: number): FoundSplit | null =>
      bestSplit(histogram!, data.layout, columns.subarray(from, to), gradient, weight, rules);
    if (perTree) return best(0, drawn);
    shuffle(columns, random);
    let found = best(0, drawn);
    // As in scikit-learn more columns are tried where none of those drawn parts the node.
    for (let i = drawn; !found && i < columnCount; i += 1) found = best(i, i + 1);
    return found;
  };

  let [gradient, weight] = [0, 0];
  for (const row of order) {
    gradient += data.gradients[row]!;
    weight += data.weights[row]!;
  }
  const builder = treeBuilder(rules.valueOf(gradient, weight));
  const first = { node: 0, from: 0, to: order.length, depth: 0, gradient, weight };
  const stack: Pending[] = [{ ...first, histogram: histogramOf(0, order.length) }];
  for (let at = stack.pop(); at; at = stack.pop()) {
    const final = at.depth >= rules.depthMax || at.weight < 2 * rules.weightMin || rules.isPure?.(at.gradient, at.weight);
    const found = final ? null : chooseSplit(at);
    if (!found) {
      if (at.histogram) free.push(at.histogram);
      continue;
    }
    const [left, right] = splitNode(at, found, partition(data, order, scratch, at.from, at.to, found.split), builder, rules);
    if (!at.histogram || left.depth === rules.depthMax) {
      if (at.histogram) free.push(at.histogram);
      stack.push({ ...right, histogram: null }, { ...left, histogram: null });
      continue;
    }
    const leftSmaller = left.to - left.from <= right.to - right.from;
    const smaller = leftSmaller ? left : right;
    const counted = histogramOf(smaller.from, smaller.to);
    subtractHistogram(at.histogram, counted);
    stack.push(
      { ...right, histogram: leftSmaller ? at.histogram : counted },
      { ...left, histogram: leftSmaller ? counted : at.histogram },
    );
  }
  return builder.build();
};

type Side = Omit<Pending, 'histogram'>;

/** Both children of a node whose right side begins at `middle`. */
const splitNode = (
  at: Side,
  { split, leftGradient, leftWeight }: FoundSplit,
  middle: number,
  builder: TreeBuilder,
  { valueOf }: GrowthRules,
): [Side, Side] => {
  const gradient = at.gradient - leftGradient;
  const weight = at.weight - leftWeight;
  const node = builder.split(at.node, split, valueOf(leftGradient, leftWeight), valueOf(gradient, weight));
  const depth = at.depth + 1;
  return [
    { node, from: at.from, to: middle, depth, gradient: leftGradient, weight: leftWeight },
    { node: node + 1, from: middle, to: at.to, depth, gradient, weight },
  ];
};

const shuffle = (columns: Uint32Array, random: Random): void => {
  for (let i = 0; i + 1 < columns.length; i += 1) {
    const j = i + random.integer(columns.length - i);
    [columns[i], columns[j]] = [columns[j]!, columns[i]!];
  }
};

/** Rows that go left to the front, both sides in their order. */
export const partition = (
  { cells, rowCount }: GrowthData,
  order: Uint32Array,
  scratch: Uint32Array,
  from: number,
  to: number,
  { column, shift, threshold }: Split,
): number => {
  const start = column * rowCount;
  let [left, right] = [from, 0];
  for (let i = from; i < to; i += 1) {
    const row = order[i]!;
    if (isRight(cells[start + row]!, shift, threshold)) scratch[right++] = row;
    else order[left++] = row;
  }
  order.set(scratch.subarray(0, right), left);
  return left;
};
