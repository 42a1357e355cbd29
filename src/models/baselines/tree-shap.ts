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

/** Numbers of a tree's record, and of a fork's of each kind. */
const [TREE, FORK] = [4, 4];
/** Points that the kernel takes at a time. */
const SIX = 6;

/**
 * The same for every row: the forks, nodes with a test, as the kernel reads them. A tree's branches come first, parents before
 * their children, then its twigs, whose children are leaves both. A fork's slot counts its tree's forks from 1; a leaf's is 0.
 */
interface Forks {
  /** By tree: its first fork, how many branches, how many twigs, how many sixes of points integrate its products exactly. */
  readonly trees: Int32Array;
  /** By fork: the test, the edge above it of the same column (0: none), the children's slots. A slot's edges are 2 slot + side. */
  readonly places: Int32Array;
  /** By fork: the shares of its training rows that go left and right, and the children's values, 0 where they are forks. */
  readonly numbers: Float64Array;
  /** Points and weights of one six, of two, of three, ... */
  readonly rules: Float64Array;
  readonly slotsMax: number;
}

/** By node: its parent, the node behind the test of its own column before it (-1: none), the different columns on its way. */
const waysOf = ({ tests, lefts }: Forest): Record<'parents' | 'aboves', Int32Array> & { readonly counts: Uint16Array } => {
  const parents = new Int32Array(lefts.length).fill(-1);
  const aboves = new Int32Array(lefts.length).fill(-1);
  const counts = new Uint16Array(lefts.length);
  lefts.forEach((left, node) => {
    if (left === 0) return;
    const column = columnOf(tests[node]!);
    let above = node;
    while (above >= 0 && (parents[above]! < 0 || columnOf(tests[parents[above]!]!) !== column)) above = parents[above]!;
    aboves[node] = above;
    parents.fill(node, left, left + 2);
    counts.fill(counts[node]! + (above < 0 ? 1 : 0), left, left + 2);
  });
  return { parents, aboves, counts };
};

const forksOf = (forest: Forest, covers: Float32Array): Forks => {
  const { roots, tests, lefts, values } = forest;
  const { parents, aboves, counts } = waysOf(forest);
  const slots = new Int32Array(lefts.length);
  const trees = new Int32Array(TREE * (roots.length - 1));
  const forkCount = lefts.reduce((count, left) => count + (left === 0 ? 0 : 1), 0);
  const places = new Int32Array(FORK * forkCount);
  const numbers = new Float64Array(FORK * forkCount);
  const isTwig = (node: number): boolean => lefts[lefts[node]!] === 0 && lefts[lefts[node]! + 1] === 0;
  const edgeTo = (node: number): number => 2 * slots[parents[node]!]! + node - lefts[parents[node]!]!;
  let [first, slotsMax, sixesMax] = [0, 1, 1];
  for (let tree = 0; tree + 1 < roots.length; tree += 1) {
    const forks: number[] = [];
    let columns = 1;
    for (let node = roots[tree]!; node < roots[tree + 1]!; node += 1) {
      if (lefts[node] !== 0) forks.push(node);
      columns = Math.max(columns, counts[node]!);
    }
    const branches = forks.filter((node) => !isTwig(node));
    const ordered = [...branches, ...forks.filter(isTwig)];
    ordered.forEach((node, i) => (slots[node] = i + 1));
    ordered.forEach((node, i) => {
      const at = FORK * (first + i);
      places[at] = tests[node]!;
      places[at + 1] = aboves[node]! < 0 ? 0 : edgeTo(aboves[node]!);
      for (let side = 0; side < 2; side += 1) {
        const child = lefts[node]! + side;
        places[at + 2 + side] = slots[child]!;
        numbers[at + side] = covers[child]! / covers[node]!;
        numbers[at + 2 + side] = lefts[child] === 0 ? values[child]! : 0;
      }
    });
    // Each point integrates two columns more.
    const sixes = Math.ceil(columns / (2 * SIX));
    trees.set([first, branches.length, ordered.length - branches.length, sixes], TREE * tree);
    first += ordered.length;
    slotsMax = Math.max(slotsMax, ordered.length + 1);
    sixesMax = Math.max(sixesMax, sixes);
  }
  const rules = Array.from({ length: sixesMax }, (_, i) => quadrature(SIX * (i + 1)));
  return {
    ...{ trees, places, numbers, slotsMax },
    rules: Float64Array.from(rules.flatMap(({ points, weights }) => [...points, ...weights])),
  };
};

/**
 * Shapley values of the trees' sum over the columns, path-dependent (TreeSHAP: Lundberg, Erion & Lee 2018): at a test of
 * an unknown column a row goes both ways, by the share of the training rows that did. Row-major; a row's values and `meanOfTrees`
 * add up to `sumTrees`.
 *
 * A leaf's part in the game is a product over the columns on its way: o where the column is known (1: the row takes this
 * way, else 0), z where not (the shares' product). Shapley's value of such a product is (o - z) times the integral over t in [0, 1]
 * of the other columns' z + t (o - z) (Owen 1972), a polynomial that half as many points as there are columns integrate exactly.
 * So all sets of columns are summed in one pass down and one up: forks x points a row and tree, instead of Lundberg's
 * leaves x depth^2.
 *
 * Down goes the product of the factors on the way, up the sum of the leaves times the factors below. A test divides both by
 * its column's factor before it, z + t (1 - z), which is positive (1 where there is none, or where the row has left the column's
 * way), and gives each child a factor start + t slope: z share + t (o - z share), without slope where the row has left before.
 * So a test gives its column the integral of the slopes times the children's sums less (1 - z) times its own sum, all times the
 * product: what is subtracted takes back what the test above gave for the same leaves. `npm run bench:explanations` measures it.
 */
export const treeShapley = (forest: Forest, covers: Float32Array): ((rows: BinnedRows) => Float64Array) => {
  const forks = forksOf(forest, covers);
  const { trees, places, numbers, rules, slotsMax } = forks;
  // By slot of the largest tree: two edges of two numbers, five of its factors, its product and its sum at six points.
  const scratch = [4, 5, SIX, SIX].map((count) => count * slotsMax);
  const arraysOf = () => [trees, places, numbers, rules, ...scratch.map((count) => new Float64Array(count))];
  return ({ cells, width, rowCount }) => {
    const memory = kernelMemory();
    const [treesAt, placesAt, numbersAt, rulesAt, ...scratchAt] = memory.addressesOf(forks, arraysOf);
    const [cellsAt, termsAt] = memory.block(width, width * 8);
    const forestAt = [treesAt!, trees.length / TREE, placesAt!, numbersAt!, rulesAt!];
    const terms = new Float64Array(rowCount * width);
    for (let r = 0; r < rowCount; r += 1) {
      memory.write(cellsAt!, cells.subarray(r * width, (r + 1) * width));
      memory.doubles(termsAt!, width).fill(0);
      memory.kernels.addShapley(...forestAt, cellsAt!, ...scratchAt, termsAt!);
      terms.set(memory.doubles(termsAt!, width), r * width);
    }
    return terms;
  };
};
