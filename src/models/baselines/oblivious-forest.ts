import type { BinnedRows } from './column-bins.js';

/** Rows scored at a time: their cells and one tree stay in the first cache. */
const BLOCK_ROWS = 128;
/** A test that no bin passes: trees of less depth are padded with it. */
export const NEVER = 255;

/**
 * Symmetric trees: one test a level for all nodes of the level, as `Split` has it. The tests' answers are the bits of
 * the leaf's index, so that a row needs no branch and no pointer.
 */
export interface ObliviousForest {
  readonly depth: number;
  /** trees x depth. */
  readonly columns: Uint16Array;
  readonly shifts: Uint8Array;
  readonly thresholds: Uint8Array;
  /** trees x 2^depth. */
  readonly leaves: Float32Array;
  /** Training rows in each leaf, of which averages over unknown columns are made (`shapleyTables`). */
  readonly counts: Float32Array;
}

export const treeCount = ({ columns, depth }: ObliviousForest): number => columns.length / depth;

export const leafOf = (
  { depth, columns, shifts, thresholds }: ObliviousForest,
  tree: number,
  cells: Uint8Array,
  base: number,
): number => {
  let leaf = 0;
  for (let level = 0, at = tree * depth; level < depth; level += 1, at += 1)
    leaf |= (((cells[base + columns[at]!]! - shifts[at]!) & 255) > thresholds[at]! ? 1 : 0) << level;
  return leaf;
};

/** Sum of all trees' leaves for every row. The order of addition is the trees', whatever the batch. */
export const sumOblivious = (forest: ObliviousForest, { cells, width, rowCount }: BinnedRows): Float64Array => {
  const sums = new Float64Array(rowCount);
  const trees = treeCount(forest);
  for (let from = 0; from < rowCount; from += BLOCK_ROWS) {
    const to = Math.min(from + BLOCK_ROWS, rowCount);
    for (let tree = 0; tree < trees; tree += 1) {
      const leaves = tree << forest.depth;
      for (let r = from; r < to; r += 1) sums[r]! += forest.leaves[leaves + leafOf(forest, tree, cells, r * width)]!;
    }
  }
  return sums;
};

/**
 * Shapley values of each tree's tests, by leaf: trees x leaves x (1 + depth), the tree's mean first. The value of a set of
 * known tests is the mean of the leaves that agree with them, by training rows. Since a leaf holds all of a row's answers,
 * a table per tree explains every row exactly, at the price of scoring it.
 */
export const shapleyTables = (forest: ObliviousForest): Float64Array => {
  const { depth } = forest;
  const size = 1 << depth;
  const tables = new Float64Array(treeCount(forest) * size * (1 + depth));
  const weights = subsetWeights(depth);
  const sums = new Float64Array(size);
  const counts = new Float64Array(size);
  for (let tree = 0; tree < treeCount(forest); tree += 1)
    for (let leaf = 0; leaf < size; leaf += 1) {
      for (let other = 0; other < size; other += 1) {
        // Bits in which `other` agrees with the leaf, folded into sums over all subsets of them.
        const agreed = ~(leaf ^ other) & (size - 1);
        counts[agreed] = forest.counts[tree * size + other]!;
        sums[agreed] = counts[agreed] * forest.leaves[tree * size + other]!;
      }
      sumOverSupersets(sums, depth);
      sumOverSupersets(counts, depth);
      const at = (tree * size + leaf) * (1 + depth);
      for (let known = 0; known < size; known += 1) sums[known] = counts[known]! > 0 ? sums[known]! / counts[known]! : NaN;
      fillUnknown(sums, depth, forest.leaves[tree * size + leaf]!);
      tables[at] = sums[0]!;
      for (let known = 0; known < size; known += 1)
        for (let level = 0; level < depth; level += 1)
          if ((known >>> level) % 2 === 0)
            tables[at + 1 + level]! += weights[known]! * (sums[known | (1 << level)]! - sums[known]!);
    }
  return tables;
};

/** |S|! (d - |S| - 1)! / d! for each set S of known tests. */
const subsetWeights = (depth: number): Float64Array => {
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  return Float64Array.from({ length: 1 << depth }, (_, set) => {
    let size = 0;
    for (let rest = set; rest > 0; rest &= rest - 1) size += 1;
    return size === depth ? 0 : (factorial(size) * factorial(depth - size - 1)) / factorial(depth);
  });
};

const sumOverSupersets = (values: Float64Array, depth: number): void => {
  for (let level = 0; level < depth; level += 1)
    for (let set = 0; set < values.length; set += 1) if ((set >>> level) % 2 === 0) values[set]! += values[set | (1 << level)]!;
};

/** Answers that no training row gave together say what the fewer of them say; all of them together say the leaf. */
const fillUnknown = (means: Float64Array, depth: number, leafValue: number): void => {
  for (let set = 1; set < means.length; set += 1) {
    if (!Number.isNaN(means[set]!)) continue;
    let highest = depth - 1;
    while ((set >>> highest) % 2 === 0) highest -= 1;
    means[set] = means[set ^ (1 << highest)]!;
  }
  means[means.length - 1] = leafValue;
};
