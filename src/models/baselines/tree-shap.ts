import type { BinnedRows } from './column-bins.js';
import { columnOf, type Forest, walk } from './forest.js';
import { kernelMemory } from './kernel-memory.js';

/** Training rows that come by each node: they say what a tree means where a column is not known. */
export const coversOf = (forest: Forest, rows: BinnedRows): Float32Array => {
  const covers = new Float32Array(forest.values.length);
  for (let tree = 0; tree + 1 < forest.roots.length; tree += 1) {
    const root = forest.roots[tree]!;
    covers[root] = rows.rowCount;
    for (let r = 0; r < rows.rowCount; r += 1) walk(forest, root, rows, r, (node) => (covers[node]! += 1));
  }
  return covers;
};

/** For trees of which no covers are kept: both sides of a test count alike. Children follow their parents. */
export const evenCovers = ({ roots, lefts }: Forest): Float32Array => {
  const covers = new Float32Array(lefts.length);
  for (const root of roots.subarray(0, -1)) covers[root] = 1;
  lefts.forEach((left, node) => {
    if (left !== 0) covers.fill(covers[node]! / 2, left, left + 2);
  });
  return covers;
};

/** What the trees say together of an unknown row: the mean of their leaves by cover. */
export const meanOfTrees = ({ roots, lefts, values }: Forest, covers: Float32Array): number => {
  let sum = 0;
  for (let tree = 0; tree + 1 < roots.length; tree += 1) {
    const root = roots[tree]!;
    for (let node = root; node < roots[tree + 1]!; node += 1)
      if (lefts[node] === 0) sum += (values[node]! * covers[node]!) / covers[root]!;
  }
  return sum;
};

/** Points and weights that integrate polynomials of degree below 2 `count` over [0, 1] exactly (Gauss-Legendre). */
export const quadrature = (count: number): { readonly points: Float64Array; readonly weights: Float64Array } => {
  const points = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 0;
    // Newton's steps to the root of the Legendre polynomial, of which six are more than enough.
    for (let step = 0; step < 10; step += 1) {
      let [before, value] = [1, x];
      for (let n = 2; n <= count; n += 1) [before, value] = [value, ((2 * n - 1) * x * value - (n - 1) * before) / n];
      slope = (count * (before - x * value)) / (1 - x * x);
      x -= value / slope;
    }
    points[i] = (1 - x) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return { points, weights };
};

/**
 * What is the same for every row, by node: the test of its parent leads to it. `unknowns` is the share of the training rows
 * that pass all tests of this column on the way, where none of them is known; `aboves` is the node behind the test of the
 * same column before it, or -1.
 */
interface Edges {
  readonly parents: Int32Array;
  readonly columns: Uint16Array;
  readonly unknowns: Float64Array;
  readonly aboves: Int32Array;
  /** A leaf of nothing adds nothing: in a forest that looks for few frauds most are. */
  readonly isEmpty: Uint8Array;
  /** By tree: how many points integrate its products exactly. */
  readonly pointCounts: readonly number[];
  readonly nodesMax: number;
}

const edgesOf = ({ roots, tests, lefts, values }: Forest, covers: Float32Array): Edges => {
  const nodes = lefts.length;
  const parents = new Int32Array(nodes).fill(-1);
  const columns = new Uint16Array(nodes);
  const unknowns = new Float64Array(nodes).fill(1);
  const aboves = new Int32Array(nodes).fill(-1);
  const isEmpty = Uint8Array.from(lefts, (left, node) => (left === 0 && values[node] === 0 ? 1 : 0));
  /** Different columns on the way. */
  const counts = new Uint16Array(nodes);
  lefts.forEach((left, parent) => {
    if (left === 0) return;
    const column = columnOf(tests[parent]!);
    let above = parent;
    while (above >= 0 && (parents[above]! < 0 || columns[above] !== column)) above = parents[above]!;
    for (let node = left; node < left + 2; node += 1) {
      parents[node] = parent;
      columns[node] = column;
      aboves[node] = above;
      unknowns[node] = (above < 0 ? 1 : unknowns[above]!) * (covers[node]! / covers[parent]!);
      counts[node] = counts[parent]! + (above < 0 ? 1 : 0);
    }
  });
  const pointCounts = Array.from(roots.subarray(0, -1), (root, tree) =>
    counts.subarray(root, roots[tree + 1]).reduce((most, count) => Math.max(most, Math.ceil(count / 2)), 1),
  );
  const nodesMax = Math.max(0, ...Array.from(roots.subarray(0, -1), (root, tree) => roots[tree + 1]! - root));
  return { parents, columns, unknowns, aboves, isEmpty, pointCounts, nodesMax };
};

/**
 * Points, weights, and the weights of a way that the row does not take (times -(o - z) / (z + t (o - z)) = 1 / (1 - t), whatever
 * z), one array behind the other; an even number of each, the last of no weight.
 */
const ruleOf = (count: number): Float64Array => {
  const { points, weights } = quadrature(count);
  const even = count + (count % 2);
  const rule = new Float64Array(3 * even);
  rule.set(points, 0);
  rule.set(weights, even);
  weights.forEach((weight, k) => {
    rule[2 * even + k] = weight / (1 - points[k]!);
  });
  return rule;
};

/**
 * Shapley values of the trees' sum over the columns, path-dependent (TreeSHAP: Lundberg, Erion & Lee 2018): at a test of
 * an unknown column a row goes both ways, by the share of the training rows that did. Row-major; a row's values and `meanOfTrees`
 * add up to `sumTrees`.
 *
 * A leaf's part in the game is a product over the columns on its way: o where the column is known (1: the row takes this
 * way, else 0), z where not (the shares' product). Shapley's value of such a product is (o - z) times the integral over t in [0, 1]
 * of the other columns' z + t (o - z) (Owen 1972), a polynomial that half as many points as there are columns integrate exactly.
 * So all sets of columns are summed in one pass down and one up: nodes x points a row and tree, instead of Lundberg's
 * leaves x depth^2. Each factor is positive, so that what is divided by is never zero. `npm run bench:explanations` measures it.
 */
export const treeShapley = (forest: Forest, covers: Float32Array): ((rows: BinnedRows) => Float64Array) => {
  const edges = edgesOf(forest, covers);
  const { roots, tests, lefts, values } = forest;
  const { parents, columns, unknowns, aboves, isEmpty, pointCounts, nodesMax } = edges;
  const pointsMax = Math.max(2, ...pointCounts) + 1;
  const rules = Array.from({ length: pointsMax }, (_, count) => ruleOf(count));
  const rulesAt = Array.from(rules, (_, count) => rules.slice(0, count).reduce((sum, { length }) => sum + length, 0));
  const arraysOf = () => [
    ...[tests, lefts, values, parents, columns, unknowns, aboves, isEmpty],
    Float64Array.from(rules.flatMap((rule) => [...rule])),
    // What a pass needs: the bytes of `taken`, and two numbers a node and point.
    ...[new Uint8Array(nodesMax), new Float64Array(nodesMax * pointsMax), new Float64Array(nodesMax * pointsMax)],
  ];
  return ({ cells, width, rowCount }) => {
    const memory = kernelMemory();
    const [testsAt, leftsAt, valuesAt, ...others] = memory.addressesOf(edges, arraysOf);
    const [parentsAt, columnsAt, unknownsAt, abovesAt, emptyAt, allRulesAt, takenAt, productsAt, sumsAt] = others;
    const [cellsAt, termsAt] = memory.block(width, width * 8);
    const terms = new Float64Array(rowCount * width);
    for (let r = 0; r < rowCount; r += 1) {
      memory.write(cellsAt!, cells.subarray(r * width, (r + 1) * width));
      memory.doubles(termsAt!, width).fill(0);
      pointCounts.forEach((count, tree) => {
        const even = count + (count % 2);
        const points = allRulesAt! + 8 * rulesAt[count]!;
        memory.kernels.addShapley(
          ...[roots[tree]!, roots[tree + 1]!, testsAt!, leftsAt!, valuesAt!],
          ...[parentsAt!, columnsAt!, unknownsAt!, abovesAt!, emptyAt!],
          ...[points, points + 8 * even, points + 16 * even, even, cellsAt!, takenAt!, productsAt!, sumsAt!, termsAt!],
        );
      });
      terms.set(memory.doubles(termsAt!, width), r * width);
    }
    return terms;
  };
};
