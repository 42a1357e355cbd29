import { fillHistogram, subtractHistogram, type GrowthData } from './histogram.js';
import { aboveThreshold, allBut, type Split } from './forest.js';
import { partition } from './grow-tree.js';

export interface ObliviousRules {
  /** The columns that the tree may test, rising. */
  readonly columns: readonly number[];
  readonly depth: number;
  /** L2 penalty of the leaves. */
  readonly penalty: number;
  /** What is added to a candidate's score, by chance. */
  readonly noise: () => number;
}

interface Leaf {
  readonly from: number;
  readonly to: number;
  /** Sums of gradients and weights per bin of every column. */
  readonly histogram: Float64Array;
}

/** Scores below this differ by rounding alone. */
const SCORE_MIN = 1e-9;

/**
 * Chooses a test a level for all leaves together: the one of greatest cosine between gradients and the leaves' means
 * (CatBoost's default score). Histograms of larger children are differences, as in `growTree`. Reorders `order`.
 */
export const growObliviousTree = (data: GrowthData, order: Uint32Array, rules: ObliviousRules): Split[] => {
  const tests: Split[] = [];
  const scratch = new Uint32Array(order.length);
  let leaves: Leaf[] = [{ from: 0, to: order.length, histogram: histogramOf(data, order, 0, order.length, rules.columns) }];
  for (let level = 0; level < rules.depth; level += 1) {
    const found = bestTest(data, leaves, rules);
    if (!found) break;
    tests.push(found);
    if (level + 1 < rules.depth) leaves = leaves.flatMap((leaf) => splitLeaf(data, order, scratch, leaf, found, rules.columns));
  }
  return tests;
};

const histogramOf = (
  data: GrowthData,
  order: Uint32Array,
  from: number,
  to: number,
  columns: readonly number[],
): Float64Array => {
  const histogram = new Float64Array(2 * data.layout.offsets.at(-1)!);
  for (const column of columns) fillHistogram(histogram, data, column, order, from, to);
  return histogram;
};

/** Cosine of every test: sum(g m) / |m|, where m is the mean gradient of a row's leaf. */
const bestTest = ({ layout }: GrowthData, leaves: readonly Leaf[], { columns, penalty, noise }: ObliviousRules): Split | null => {
  let best: Split | null = null;
  let greatest = SCORE_MIN;
  const products = new Float64Array(256);
  const squares = new Float64Array(256);
  for (const column of columns) {
    const bins = layout.offsets[column + 1]! - layout.offsets[column]!;
    const isLevel = layout.isCategorical[column] === 1;
    products.fill(0);
    squares.fill(0);
    for (const { histogram } of leaves) addScores(histogram, layout.offsets[column]!, bins, isLevel, penalty, products, squares);
    // A threshold at the last bin parts nothing; a level may be the last one.
    for (let bin = 0; bin < (isLevel ? bins : bins - 1); bin += 1) {
      if (squares[bin]! <= 0) continue;
      const score = products[bin]! / Math.sqrt(squares[bin]!) + noise();
      if (score <= greatest) continue;
      greatest = score;
      best = isLevel ? allBut(column, bin) : aboveThreshold(column, bin, false);
    }
  }
  return best;
};

/** One leaf's part of the products and squares of every test of a column. */
const addScores = (
  histogram: Float64Array,
  offset: number,
  bins: number,
  isLevel: boolean,
  penalty: number,
  products: Float64Array,
  squares: Float64Array,
): void => {
  const [start, end] = [2 * offset, 2 * (offset + bins)];
  let [gradient, weight] = [0, 0];
  for (let at = start; at < end; at += 2) {
    gradient += histogram[at]!;
    weight += histogram[at + 1]!;
  }
  let [left, leftWeight] = [0, 0];
  for (let at = start, bin = 0; at < end; at += 2, bin += 1) {
    left = histogram[at]! + (isLevel ? 0 : left);
    leftWeight = histogram[at + 1]! + (isLevel ? 0 : leftWeight);
    const [right, rightWeight] = [gradient - left, weight - leftWeight];
    const leftMean = left / (leftWeight + penalty);
    const rightMean = right / (rightWeight + penalty);
    products[bin]! += left * leftMean + right * rightMean;
    squares[bin]! += leftMean * leftMean * leftWeight + rightMean * rightMean * rightWeight;
  }
};

/** Both sides of a leaf, the left one first; the parent's histogram becomes the larger one's. */
const splitLeaf = (
  data: GrowthData,
  order: Uint32Array,
  scratch: Uint32Array,
  leaf: Leaf,
  test: Split,
  columns: readonly number[],
): Leaf[] => {
  const middle = partition(data, order, scratch, leaf.from, leaf.to, test);
  const leftSmaller = middle - leaf.from <= leaf.to - middle;
  const [from, to] = leftSmaller ? [leaf.from, middle] : [middle, leaf.to];
  const counted = histogramOf(data, order, from, to, columns);
  subtractHistogram(leaf.histogram, counted);
  return [
    { from: leaf.from, to: middle, histogram: leftSmaller ? counted : leaf.histogram },
    { from: middle, to: leaf.to, histogram: leftSmaller ? leaf.histogram : counted },
  ].filter(({ from, to }) => to > from);
};
