import type { BinnedRows } from './column-bins.js';
import { kernelMemory, sumInBlocks, TILE } from './kernel-memory.js';

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
export const sumOblivious = (forest: ObliviousForest, rows: BinnedRows): Float64Array => {
  const memory = kernelMemory();
  const arraysOf = () => [forest.columns, forest.shifts, forest.thresholds, forest.leaves];
  const [columns, shifts, thresholds, leaves] = memory.addressesOf(forest, arraysOf);
  const model = [columns!, shifts!, thresholds!, leaves!, treeCount(forest), forest.depth] as const;
  return sumInBlocks(
    rows,
    (at) => memory.kernels.sumOblivious(...model, at.cells, rows.width, at.rows, at.room, at.sums),
    (rows.width + 1) * TILE,
  );
};

/**
 * Shapley values of each tree's columns, by leaf: trees x leaves x (1 + depth), the tree's mean first, each column's at the
 * first of its tests. The value of a set of known columns is the mean of the leaves that agree with their tests, by training
 * rows. Since a leaf holds all of a row's answers, a table per tree explains every row exactly, at the price of scoring it.
 */
export const shapleyTables = (forest: ObliviousForest): Float64Array => {
  const { depth } = forest;
  const size = 1 << depth;
  const tables = new Float64Array(treeCount(forest) * size * (1 + depth));
  const weights = Array.from({ length: depth + 1 }, (_, players) => subsetWeights(players));
  const sums = new Float64Array(size);
  const counts = new Float64Array(size);
  for (let tree = 0; tree < treeCount(forest); tree += 1) {
    const columns = forest.columns.subarray(tree * depth, (tree + 1) * depth);
    const firsts = [...columns.keys()].filter((level) => columns.indexOf(columns[level]!) === level);
    const testsKnown = testsOfSets(columns, firsts);
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
      testsKnown.forEach((known, set) =>
        firsts.forEach((level, player) => {
          if ((set >>> player) % 2 === 0)
            tables[at + 1 + level]! += weights[firsts.length]![set]! * (sums[testsKnown[set | (1 << player)]!]! - sums[known]!);
        }),
      );
    }
  }
  return tables;
};

/** Of each set of a tree's columns, which are named by their first tests, the set of their tests. */
const testsOfSets = (columns: Uint16Array, firsts: readonly number[]): Uint16Array =>
  Uint16Array.from({ length: 1 << firsts.length }, (_, set) =>
    columns.reduce((tests, column, level) => {
      const player = firsts.findIndex((first) => columns[first] === column);
      return tests | (((set >>> player) & 1) << level);
    }, 0),
  );

/** |S|! (d - |S| - 1)! / d! for each set S of d known columns. */
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
