import { createRandom } from '../../domain/random.js';
import type { BinnedRows } from './column-bins.js';
import {
  aboveThreshold,
  allBut,
  columnOf,
  type Forest,
  isRight,
  joinTrees,
  stepOf,
  sumTrees,
  treeBuilder,
  walk,
} from './forest.js';
import { coversOf, evenCovers, meanOfTrees, quadrature, treeShapley } from './tree-shap.js';

const WIDTH = 5;
const BINS = 6;

const drawRows = (seed: number, rowCount: number): BinnedRows => {
  const random = createRandom(seed);
  return { rowCount, width: WIDTH, cells: Uint8Array.from({ length: rowCount * WIDTH }, () => random.integer(BINS)) };
};

/** A tree of any shape in which every node has training rows; columns are tested again further down. */
const drawTree = (seed: number, splits: number, { cells, rowCount }: BinnedRows): Forest => {
  const random = createRandom(seed);
  const builder = treeBuilder(random.normal());
  const leaves = [{ node: 0, rows: [...Array(rowCount).keys()] }];
  const value = (): number => (random.uniform() < 0.3 ? 0 : random.normal());
  for (let done = 0; done < splits;) {
    const at = random.integer(leaves.length);
    const { node, rows } = leaves[at]!;
    const column = random.integer(WIDTH);
    const split =
      column === 4
        ? allBut(column, random.integer(BINS))
        : aboveThreshold(column, 1 + random.integer(BINS - 2), random.uniform() < 0.5);
    const sideOf = (row: number): boolean => isRight(cells[row * WIDTH + column]!, split.shift, split.threshold);
    const [right, left] = [rows.filter(sideOf), rows.filter((row) => !sideOf(row))];
    if (right.length === 0 || left.length === 0) continue;
    const child = builder.split(node, split, value(), value());
    leaves.splice(at, 1, { node: child, rows: left }, { node: child + 1, rows: right });
    done += 1;
  }
  return builder.build();
};

/** EXPVALUE of Lundberg, Erion & Lee (2018), algorithm 1: the tree's mean where only the columns of a set are known. */
const meanGiven = (forest: Forest, covers: Float32Array, node: number, cells: Uint8Array, known: ReadonlySet<number>): number => {
  const left = forest.lefts[node]!;
  if (left === 0) return forest.values[node]!;
  const test = forest.tests[node]!;
  if (known.has(columnOf(test))) return meanGiven(forest, covers, left + stepOf(test, cells, 0), cells, known);
  const sides = [left, left + 1].map((child) => covers[child]! * meanGiven(forest, covers, child, cells, known));
  return (sides[0]! + sides[1]!) / covers[node]!;
};

/** Shapley's formula over all sets of columns. */
const bruteForce = (forest: Forest, covers: Float32Array, cells: Uint8Array): number[] => {
  const width = cells.length;
  const worths = Float64Array.from({ length: 1 << width }, (_, set) => {
    const known = new Set([...cells.keys()].filter((c) => (set & (1 << c)) !== 0));
    return forest.roots.subarray(0, -1).reduce((sum, root) => sum + meanGiven(forest, covers, root, cells, known), 0);
  });
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  const weights = Array.from({ length: width }, (_, size) => (factorial(size) * factorial(width - size - 1)) / factorial(width));
  const sizeOf = (set: number): number => set.toString(2).replaceAll('0', '').length;
  return Array.from(cells, (_, c) =>
    worths.reduce(
      (phi, worth, set) => ((set & (1 << c)) !== 0 ? phi : phi + weights[sizeOf(set)]! * (worths[set | (1 << c)]! - worth)),
      0,
    ),
  );
};

describe('Shapley values of trees', () => {
  const training = drawRows(1, 900);
  const forest = joinTrees([0, 1, 2, 5, 9, 14, 20].map((splits, i) => drawTree(i, splits, training)));
  const covers = coversOf(forest, training);
  const rows = drawRows(2, 40);
  const terms = treeShapley(forest, covers)(rows);

  it('are those of the formula over all sets of columns', () => {
    for (let r = 0; r < rows.rowCount; r += 1)
      bruteForce(forest, covers, rows.cells.subarray(r * WIDTH, (r + 1) * WIDTH)).forEach((phi, c) =>
        expect(terms[r * WIDTH + c]).toBeCloseTo(phi, 10),
      );
  });

  it('add up to the score with the mean of the trees, which is that of the training rows', () => {
    const mean = meanOfTrees(forest, covers);
    expect(mean).toBeCloseTo(
      sumTrees(forest, training).reduce((sum, value) => sum + value / training.rowCount, 0),
      5,
    );
    sumTrees(forest, rows).forEach((score, r) => {
      const parts = terms.subarray(r * WIDTH, (r + 1) * WIDTH).reduce((sum, term) => sum + term, 0);
      expect(mean + parts).toBeCloseTo(score, 10);
    });
  });

  it('share evenly between two columns that only together say something, which the order of their tests does not change', () => {
    // x0 and x1 as one: 1 where both are above 2. Half of the rows have either, a quarter both.
    const builder = treeBuilder(0);
    builder.split(builder.split(0, aboveThreshold(0, 2, false), 0, 0) + 1, aboveThreshold(1, 2, false), 0, 1);
    const both = builder.build();
    const quarters = Float32Array.of(4, 2, 2, 1, 1);
    const row = { rowCount: 1, width: WIDTH, cells: Uint8Array.of(5, 5, 0, 0, 0) };
    // v() = 1/4, v(0) = v(1) = 1/2, v(01) = 1.
    expect([...treeShapley(both, quarters)(row)]).toEqual([0.375, 0.375, 0, 0, 0].map((x) => expect.closeTo(x, 12) as number));
    // A column's own order of tests (Saabas) would have given the first 1/4 and the second 1/2.
  });

  it('are equal for equal rows, alone and in a batch, and nothing for a column that no test asks', () => {
    const twice = { ...rows, rowCount: 2, cells: rows.cells.slice(0, 2 * WIDTH) };
    twice.cells.copyWithin(WIDTH, 0, WIDTH);
    const explain = treeShapley(forest, covers);
    const [first, second] = [explain(twice).subarray(0, WIDTH), explain(twice).subarray(WIDTH)];
    expect(first).toEqual(second);
    expect(first).toEqual(terms.slice(0, WIDTH));
    const stump = drawTree(3, 1, training);
    const asked = columnOf(stump.tests[0]!);
    const parts = treeShapley(stump, coversOf(stump, training))(rows);
    expect(parts.every((term, at) => at % WIDTH === asked || term === 0)).toBe(true);
  });

  it('go by how many rows come by each node; without that, by halves', () => {
    const counted = new Float32Array(forest.values.length);
    for (const root of forest.roots.subarray(0, -1)) {
      counted[root] = training.rowCount;
      for (let r = 0; r < training.rowCount; r += 1) walk(forest, root, training, r, (node) => (counted[node]! += 1));
    }
    expect(covers).toEqual(counted);
    const even = evenCovers(forest);
    forest.lefts.forEach(
      (left, node) => left !== 0 && expect([even[left], even[left + 1]]).toEqual(Array(2).fill(even[node]! / 2)),
    );
    const halves = treeShapley(forest, even)(rows);
    bruteForce(forest, even, rows.cells.subarray(0, WIDTH)).forEach((phi, c) => expect(halves[c]).toBeCloseTo(phi, 10));
  });

  it('are the formula’s where a way has more columns than six points are exact for, some of them twice', () => {
    const width = 14;
    const random = createRandom(7);
    const builder = treeBuilder(0);
    let node = 0;
    for (let test = 0; test < width + 4; test += 1) {
      const split = aboveThreshold(test % width, test < width ? 2 : 3, false);
      node = builder.split(node, split, random.normal(), random.normal()) + (test < width ? 1 : random.integer(2));
    }
    const chain = builder.build();
    const uneven = new Float32Array(chain.lefts.length).fill(1);
    chain.lefts.forEach((left, at) => left !== 0 && uneven.set([(uneven[at]! * 15) / 16, uneven[at]! / 16], left));
    for (let row = 0; row < 3; row += 1) {
      // Most of its cells pass, so that the row goes deep.
      const cells = Uint8Array.from({ length: width }, () => (random.uniform() < 0.1 * row ? 1 : 3 + random.integer(2)));
      const values = treeShapley(chain, uneven)({ rowCount: 1, width, cells });
      bruteForce(chain, uneven, cells).forEach((phi, c) => expect(values[c]).toBeCloseTo(phi, 10));
    }
  });

  it('of many columns on one way are exact as well: a row that is all it takes', () => {
    // 40 tests in a chain, each of another column, each passed by half of the rows: symmetric, so the columns share alike.
    const width = 40;
    const builder = treeBuilder(0);
    let node = 0;
    for (let column = 0; column < width; column += 1)
      node = builder.split(node, aboveThreshold(column, 0, false), 0, column + 1 === width ? 1 : 0) + 1;
    const chain = builder.build();
    const row = { rowCount: 1, width, cells: new Uint8Array(width).fill(1) };
    const values = treeShapley(chain, evenCovers(chain))(row);
    for (const value of values) expect(value).toBeCloseTo((1 - 2 ** -width) / width, 12);
  });
});

describe('quadrature', () => {
  it.each([1, 2, 3, 8, 30])('with %i points integrates powers below twice as many exactly', (count) => {
    const { points, weights } = quadrature(count);
    for (let power = 0; power < 2 * count; power += 1) {
      const integral = points.reduce((sum, t, k) => sum + weights[k]! * t ** power, 0);
      expect(integral).toBeCloseTo(1 / (power + 1), 12);
    }
  });
});
