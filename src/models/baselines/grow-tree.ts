import type { Random } from '../../domain/random.js';
import { isRight, treeBuilder, type Forest, type Split } from './forest.js';
import { bestSplit, fillHistogram, subtractHistogram, type GrowthData, type SplitRules } from './histogram.js';

export interface GrowthRules extends SplitRules {
  readonly depthMax: number;
  /** Share of the columns that a tree (boosting) or each split (forests) may look at. */
  readonly columnShare: number;
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
  /** Of all the tree's columns; null where each split draws its own. */
  readonly histogram: Float64Array | null;
}

/**
 * Grows one tree greedily over the rows of `order` (which it reorders). With columns per tree, the larger child's histogram
 * is its parent's less the smaller child's (LightGBM, Ke et al. 2017), which halves the work.
 */
export const growTree = (data: GrowthData, order: Uint32Array, rules: GrowthRules, random: Random): Forest => {
  const columnCount = data.layout.offsets.length - 1;
  const drawn = Math.max(1, Math.round(rules.columnShare * columnCount));
  const perTree = rules.columnsPer === 'tree';
  const columns = drawColumns(columnCount, random);
  const scratch = new Uint32Array(order.length);
  const free: Float64Array[] = [];
  const histogramOf = (from: number, to: number): Float64Array => {
    const histogram = free.pop()?.fill(0) ?? new Float64Array(2 * data.layout.offsets.at(-1)!);
    for (let i = 0; i < drawn; i += 1) fillHistogram(histogram, data, columns[i]!, order, from, to);
    return histogram;
  };
  const chooseSplit = ({ from, to, gradient, weight, histogram }: Pending) => {
    if (histogram) return bestSplit(histogram, data.layout, columns.subarray(0, drawn), gradient, weight, rules);
    return drawSplit(data, order, from, to, { gradient, weight, drawn, columns, random, rules, free });
  };

  let [gradient, weight] = [0, 0];
  for (const row of order) {
    gradient += data.gradients[row]!;
    weight += data.weights[row]!;
  }
  const builder = treeBuilder(rules.valueOf(gradient, weight));
  const first = { node: 0, from: 0, to: order.length, depth: 0, gradient, weight };
  const stack: Pending[] = [{ ...first, histogram: perTree && rules.depthMax > 0 ? histogramOf(0, order.length) : null }];
  for (let at = stack.pop(); at; at = stack.pop()) {
    const final = at.depth >= rules.depthMax || at.weight < 2 * rules.weightMin || rules.isPure?.(at.gradient, at.weight);
    const found = final ? null : chooseSplit(at);
    if (!found) {
      if (at.histogram) free.push(at.histogram);
      continue;
    }
    const middle = partition(data, order, scratch, at.from, at.to, found.split);
    const rightGradient = at.gradient - found.leftGradient;
    const rightWeight = at.weight - found.leftWeight;
    const left = builder.split(
      at.node,
      found.split,
      rules.valueOf(found.leftGradient, found.leftWeight),
      rules.valueOf(rightGradient, rightWeight),
    );
    const depth = at.depth + 1;
    const leftSide = { node: left, from: at.from, to: middle, depth, gradient: found.leftGradient, weight: found.leftWeight };
    const rightSide = { node: left + 1, from: middle, to: at.to, depth, gradient: rightGradient, weight: rightWeight };
    if (!at.histogram || depth === rules.depthMax) {
      if (at.histogram) free.push(at.histogram);
      stack.push({ ...rightSide, histogram: null }, { ...leftSide, histogram: null });
      continue;
    }
    const leftSmaller = middle - at.from <= at.to - middle;
    const smaller = leftSmaller ? leftSide : rightSide;
    const counted = histogramOf(smaller.from, smaller.to);
    subtractHistogram(at.histogram, counted);
    stack.push(
      { ...rightSide, histogram: leftSmaller ? at.histogram : counted },
      { ...leftSide, histogram: leftSmaller ? counted : at.histogram },
    );
  }
  return builder.build();
};

const drawColumns = (count: number, random: Random): Uint32Array => {
  const columns = Uint32Array.from({ length: count }, (_, i) => i);
  shuffleFront(columns, count, random);
  return columns;
};

/** The first `count` places become a random choice of all. */
const shuffleFront = (columns: Uint32Array, count: number, random: Random): void => {
  for (let i = 0; i < count; i += 1) {
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

interface SplitDraw {
  readonly gradient: number;
  readonly weight: number;
  readonly drawn: number;
  readonly columns: Uint32Array;
  readonly random: Random;
  readonly rules: GrowthRules;
  readonly free: Float64Array[];
}

/** The best split of freshly drawn columns; as in scikit-learn more are tried where none of them parts the node. */
const drawSplit = (data: GrowthData, order: Uint32Array, from: number, to: number, draw: SplitDraw) => {
  const { gradient, weight, columns, random, rules, free } = draw;
  shuffleFront(columns, columns.length, random);
  const histogram = free.pop() ?? new Float64Array(2 * data.layout.offsets.at(-1)!);
  const best = (first: number, end: number) => {
    for (let i = first; i < end; i += 1) {
      const column = columns[i]!;
      histogram.fill(0, 2 * data.layout.offsets[column]!, 2 * data.layout.offsets[column + 1]!);
      fillHistogram(histogram, data, column, order, from, to);
    }
    return bestSplit(histogram, data.layout, columns.subarray(first, end), gradient, weight, rules);
  };
  let found = best(0, draw.drawn);
  for (let i = draw.drawn; !found && i < columns.length; i += 1) found = best(i, i + 1);
  free.push(histogram);
  return found;
};
