import type { BinnedRows } from './column-bins.js';
import { kernelMemory, sumInBlocks } from './kernel-memory.js';

/** A node's test is packed into 30 bits: column, shift, threshold. */
const COLUMN_MASK = (1 << 14) - 1;
const SHIFT_AT = 14;
const THRESHOLD_AT = 22;
/** As a leaf's test: no bin is above it. */
const NEVER = 255 << THRESHOLD_AT;

/**
 * A cell goes right where (bin - shift) mod 256 is above the threshold. That says three things without a branch: bins above a
 * threshold (shift 0; missing cells, bin 0, go left), the same with missing cells to the right (shift 1), and all levels of a
 * category but one (its bin as shift, threshold 0).
 */
export interface Split {
  readonly column: number;
  readonly shift: number;
  readonly threshold: number;
}

export const aboveThreshold = (column: number, threshold: number, missingRight: boolean): Split =>
  missingRight ? { column, shift: 1, threshold: threshold - 1 } : { column, shift: 0, threshold };

export const allBut = (column: number, bin: number): Split => ({ column, shift: bin, threshold: 0 });

export const isRight = (bin: number, shift: number, threshold: number): boolean => ((bin - shift) & 255) > threshold;

/**
 * Binary trees over binned cells in flat arrays, a node per place. A node's right child follows its left one, so that a
 * step is one addition. `values` are of every node: what a tree that ended there would say.
 */
export interface Forest {
  /** Root of each tree; one more marks the end. */
  readonly roots: Int32Array;
  /** Column, shift and threshold. */
  readonly tests: Int32Array;
  /** 0: a leaf. */
  readonly lefts: Int32Array;
  readonly values: Float32Array;
}

/** Collects the nodes of one tree that is being grown; node 0 is its root. */
export interface TreeBuilder {
  /** Makes a leaf the parent of two leaves; returns the left one, the right one follows. */
  split(node: number, split: Split, leftValue: number, rightValue: number): number;
  build(): Forest;
}

export const treeBuilder = (rootValue: number): TreeBuilder => {
  const tests = [0];
  const lefts = [0];
  const values = [rootValue];
  return {
    split(node, { column, shift, threshold }, leftValue, rightValue) {
      const left = values.push(leftValue, rightValue) - 2;
      tests.push(0, 0);
      lefts.push(0, 0);
      lefts[node] = left;
      tests[node] = column | (shift << SHIFT_AT) | (threshold << THRESHOLD_AT);
      return left;
    },
    build: () => ({
      roots: Int32Array.of(0, values.length),
      tests: Int32Array.from(tests),
      lefts: Int32Array.from(lefts),
      values: Float32Array.from(values),
    }),
  };
};

export const columnOf = (test: number): number => test & COLUMN_MASK;

/** 1: to the right. */
export const stepOf = (test: number, cells: Uint8Array, base: number): number =>
  ((cells[base + (test & COLUMN_MASK)]! - (test >>> SHIFT_AT)) & 255) > test >>> THRESHOLD_AT ? 1 : 0;

/** Calls back with each node on a row's way from a root to its leaf. */
export const walk = (
  forest: Forest,
  root: number,
  { cells, width }: BinnedRows,
  row: number,
  visit: (node: number, column: number) => void,
): void => {
  for (let node = root; forest.lefts[node] !== 0;) {
    const column = forest.tests[node]! & COLUMN_MASK;
    node = forest.lefts[node]! + stepOf(forest.tests[node]!, cells, row * width);
    visit(node, column);
  }
};

/** Adds the leaf of one tree to the rows' `sums`, as trees are grown. */
export const addTree = ({ lefts, tests, values }: Forest, { cells, width, rowCount }: BinnedRows, sums: Float64Array): void => {
  for (let r = 0; r < rowCount; r += 1) {
    let node = 0;
    for (let left = lefts[node]!; left !== 0; left = lefts[node]!) node = left + stepOf(tests[node]!, cells, r * width);
    sums[r]! += values[node]!;
  }
};

/** As the kernel walks them: test and left child of a node side by side; a leaf leads to itself. */
const packNodes = ({ tests, lefts }: Forest): Int32Array => {
  const nodes = new Int32Array(2 * tests.length);
  tests.forEach((test, node) => {
    const isLeaf = lefts[node] === 0;
    nodes[2 * node] = isLeaf ? NEVER : test;
    nodes[2 * node + 1] = isLeaf ? node : lefts[node]!;
  });
  return nodes;
};

/** Sum of all trees' leaves for every row. The order of addition is the trees', whatever the batch. */
export const sumTrees = (forest: Forest, rows: BinnedRows): Float64Array => {
  const memory = kernelMemory();
  const arraysOf = () => [forest.roots, packNodes(forest), forest.values];
  const [roots, nodes, values] = memory.addressesOf(forest, arraysOf);
  const trees = forest.roots.length - 1;
  return sumInBlocks(rows, (at) =>
    memory.kernels.sumTrees(roots!, trees, nodes!, values!, at.cells, rows.width, at.rows, at.sums),
  );
};

/** Trees one after another; nodes get their new places. */
export const joinTrees = (trees: readonly Forest[]): Forest => {
  const nodes = trees.reduce((sum, { values }) => sum + values.length, 0);
  const joined: Forest = {
    roots: new Int32Array(trees.length + 1).fill(nodes),
    tests: new Int32Array(nodes),
    lefts: new Int32Array(nodes),
    values: new Float32Array(nodes),
  };
  let at = 0;
  trees.forEach(({ tests, lefts, values }, tree) => {
    joined.roots[tree] = at;
    joined.tests.set(tests, at);
    joined.values.set(values, at);
    lefts.forEach((left, node) => {
      joined.lefts[at + node] = left === 0 ? 0 : left + at;
    });
    at += values.length;
  });
  return joined;
};

/** As arrays of an artifact: all numbers are below 2^24, exact in 32-bit floats. */
export const saveForest = ({ roots, tests, lefts, values }: Forest): Record<string, Float32Array> => ({
  roots: Float32Array.from(roots),
  testColumns: Float32Array.from(tests, (test) => test & COLUMN_MASK),
  testBins: Float32Array.from(tests, (test) => test >>> SHIFT_AT),
  lefts: Float32Array.from(lefts),
  values,
});

export const loadForest = (arrays: Readonly<Record<string, Float32Array | Float64Array>>): Forest => ({
  roots: Int32Array.from(arrays['roots']!),
  tests: Int32Array.from(arrays['testColumns']!, (column, node) => column | (arrays['testBins']![node]! << SHIFT_AT)),
  lefts: Int32Array.from(arrays['lefts']!),
  values: arrays['values'] as Float32Array,
});
