import type { BinnedRows } from './column-bins.js';

/** A node's test is packed into 30 bits: column, shift, threshold. */
const COLUMN_MASK = (1 << 14) - 1;
const SHIFT_AT = 14;
const THRESHOLD_AT = 22;
/** Rows scored at a time: their cells and one tree stay in the first cache. */
const BLOCK_ROWS = 128;

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
 * step is one addition. `values` are of every node, not of leaves alone: what a tree would say there (`terms`).
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

/** 1: to the right. */
const stepOf = (test: number, cells: Uint8Array, base: number): number =>
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

/** Adds the leaf of one tree to `sums` of some rows. */
export const addTree = (
  forest: Forest,
  root: number,
  { cells, width }: BinnedRows,
  sums: Float64Array,
  from: number,
  to: number,
): void => {
  const { lefts, tests, values } = forest;
  for (let r = from; r < to; r += 1) {
    let node = root;
    for (let left = lefts[node]!; left !== 0; left = lefts[node]!) node = left + stepOf(tests[node]!, cells, r * width);
    sums[r]! += values[node]!;
  }
};

/** Sum of all trees' leaves for every row. The order of addition is the trees', whatever the batch. */
export const sumTrees = (forest: Forest, rows: BinnedRows): Float64Array => {
  const sums = new Float64Array(rows.rowCount);
  for (let from = 0; from < rows.rowCount; from += BLOCK_ROWS) {
    const to = Math.min(from + BLOCK_ROWS, rows.rowCount);
    for (let tree = 0; tree + 1 < forest.roots.length; tree += 1) addTree(forest, forest.roots[tree]!, rows, sums, from, to);
  }
  return sums;
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

/** What the trees say together before they look at a row. */
export const sumOfRoots = ({ roots, values }: Forest): number =>
  roots.subarray(0, -1).reduce((sum, root) => sum + values[root]!, 0);

/**
 * What each column adds on a row's way down: the change of the nodes' values at its tests (Saabas 2014). Row-major; with
 * `sumOfRoots` they add up to `sumTrees`. Costs what scoring costs.
 */
export const pathTerms = (forest: Forest, rows: BinnedRows): Float64Array => {
  const terms = new Float64Array(rows.rowCount * rows.width);
  for (let r = 0; r < rows.rowCount; r += 1)
    for (let tree = 0; tree + 1 < forest.roots.length; tree += 1) {
      let above = forest.roots[tree]!;
      walk(forest, above, rows, r, (node, column) => {
        terms[r * rows.width + column]! += forest.values[node]! - forest.values[above]!;
        above = node;
      });
    }
  return terms;
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
