import type { BinnedRows } from './column-bins.js';

/** Columns are packed into 14 bits of a node's test. */
export const COLUMNS_MAX = 1 << 14;
const COLUMN_MASK = COLUMNS_MAX - 1;
const THRESHOLD_SHIFT = 14;
const MISSING_RIGHT = 1 << 22;
const IS_SET = 1 << 23;
const SET_WORDS = 8;
/** Rows scored at a time: their cells and one tree stay in the first cache. */
const BLOCK_ROWS = 128;

/** Which cells go to the right: bins above a threshold, or those of a set. */
export type Split =
  | { readonly column: number; readonly threshold: number; readonly missingRight: boolean }
  | { readonly column: number; readonly right: Uint32Array };

export const setHas = (words: Uint32Array, offset: number, bin: number): number =>
  (words[offset + (bin >>> 5)]! >>> (bin & 31)) & 1;

export const setOf = (bins: Iterable<number>): Uint32Array => {
  const words = new Uint32Array(SET_WORDS);
  for (const bin of bins) words[bin >>> 5]! |= 1 << (bin & 31);
  return words;
};

/**
 * Binary trees over binned cells in flat arrays, a node per place. A node's right child follows its left one, so that a
 * step is one addition. `values` are of every node, not of leaves alone: what a tree would say there (`terms`).
 */
export interface Forest {
  /** Root of each tree; one more marks the end. */
  readonly roots: Int32Array;
  /** Column, threshold, direction of missing cells and whether a set decides, in 24 bits. */
  readonly tests: Int32Array;
  /** 0: a leaf. */
  readonly lefts: Int32Array;
  /** Index of a node's set in `sets`. */
  readonly setOfNode: Int32Array;
  readonly sets: Uint32Array;
  readonly values: Float32Array;
}

/** Collects the nodes of one tree that is being grown; node 0 is its root. */
export interface TreeBuilder {
  /** Makes a leaf the parent of two leaves; returns the left one, the right one follows. */
  split(node: number, split: Split, leftValue: number, rightValue: number): number;
  build(): Forest;
}

export const treeBuilder = (rootValue: number): TreeBuilder => {
  const tests: number[] = [];
  const lefts: number[] = [];
  const setOfNode: number[] = [];
  const sets: number[] = [];
  const values: number[] = [];
  const addLeaf = (value: number): number => {
    tests.push(0);
    lefts.push(0);
    setOfNode.push(0);
    return values.push(value) - 1;
  };
  addLeaf(rootValue);
  return {
    split(node, split, leftValue, rightValue) {
      const left = addLeaf(leftValue);
      addLeaf(rightValue);
      lefts[node] = left;
      if ('right' in split) {
        tests[node] = split.column | IS_SET;
        setOfNode[node] = sets.length / SET_WORDS;
        sets.push(...split.right);
      } else tests[node] = split.column | (split.threshold << THRESHOLD_SHIFT) | (split.missingRight ? MISSING_RIGHT : 0);
      return left;
    },
    build: () => ({
      roots: Int32Array.of(0, values.length),
      tests: Int32Array.from(tests),
      lefts: Int32Array.from(lefts),
      setOfNode: Int32Array.from(setOfNode),
      sets: Uint32Array.from(sets),
      values: Float32Array.from(values),
    }),
  };
};

/** 1: to the right. A missing cell is bin 0; one less, in a byte, is above every threshold. */
const goesRight = (forest: Forest, node: number, cells: Uint8Array, base: number): number => {
  const test = forest.tests[node]!;
  const bin = cells[base + (test & COLUMN_MASK)]!;
  if (test >= IS_SET) return setHas(forest.sets, forest.setOfNode[node]! * SET_WORDS, bin);
  const threshold = (test >>> THRESHOLD_SHIFT) & 255;
  return (test & MISSING_RIGHT) !== 0 && bin === 0 ? 1 : bin > threshold ? 1 : 0;
};

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
    node = forest.lefts[node]! + goesRight(forest, node, cells, row * width);
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
  const { lefts, values } = forest;
  for (let r = from; r < to; r += 1) {
    let node = root;
    for (let left = lefts[node]!; left !== 0; left = lefts[node]!) node = left + goesRight(forest, node, cells, r * width);
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

/** Trees one after another; nodes and sets get their new places. */
export const joinTrees = (trees: readonly Forest[]): Forest => {
  const nodes = trees.reduce((sum, { values }) => sum + values.length, 0);
  const joined: Forest = {
    roots: new Int32Array(trees.length + 1).fill(nodes),
    tests: new Int32Array(nodes),
    lefts: new Int32Array(nodes),
    setOfNode: new Int32Array(nodes),
    sets: Uint32Array.from(trees.flatMap(({ sets }) => [...sets])),
    values: new Float32Array(nodes),
  };
  let [at, set] = [0, 0];
  trees.forEach(({ tests, lefts, setOfNode, sets, values }, tree) => {
    joined.roots[tree] = at;
    joined.tests.set(tests, at);
    joined.values.set(values, at);
    for (let node = 0; node < values.length; node += 1) {
      joined.lefts[at + node] = lefts[node] === 0 ? 0 : lefts[node]! + at;
      joined.setOfNode[at + node] = setOfNode[node]! + set;
    }
    at += values.length;
    set += sets.length / SET_WORDS;
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

/** As arrays of an artifact: all numbers are below 2^24, exact in 32-bit floats; sets as halves of their words. */
export const saveForest = (forest: Forest): Record<string, Float32Array> => ({
  roots: Float32Array.from(forest.roots),
  tests: Float32Array.from(forest.tests),
  lefts: Float32Array.from(forest.lefts),
  setOfNode: Float32Array.from(forest.setOfNode),
  sets: Float32Array.from(Uint16Array.from([...forest.sets].flatMap((word) => [word & 0xffff, word >>> 16]))),
  values: forest.values,
});

export const loadForest = (arrays: Readonly<Record<string, Float32Array | Float64Array>>): Forest => ({
  roots: Int32Array.from(arrays['roots']!),
  tests: Int32Array.from(arrays['tests']!),
  lefts: Int32Array.from(arrays['lefts']!),
  setOfNode: Int32Array.from(arrays['setOfNode']!),
  sets: Uint32Array.from(
    { length: arrays['sets']!.length / 2 },
    (_, i) => (arrays['sets']![2 * i]! | (arrays['sets']![2 * i + 1]! << 16)) >>> 0,
  ),
  values: arrays['values'] as Float32Array,
});
