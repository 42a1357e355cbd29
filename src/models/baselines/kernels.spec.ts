import { createRandom } from '../../domain/random.js';
import { numericColumn, featureMatrix, type FeatureColumn } from '../../domain/feature-matrix.js';
import { binRows, columnBins, edgesBelow, type BinnedRows } from './column-bins.js';
import { allBut, aboveThreshold, joinTrees, sumTrees, treeBuilder, walk, type Forest } from './forest.js';
import { blockRows, kernelMemory } from './kernel-memory.js';
import { leafOf, sumOblivious, type ObliviousForest } from './oblivious-forest.js';

const WIDTH = 37;
/** More than two blocks, and no multiple of the four or sixteen rows that kernels take at a time. */
const ROWS = 2 * blockRows(WIDTH) + 13;

const drawRows = (seed: number, rowCount = ROWS): BinnedRows => {
  const random = createRandom(seed);
  return { rowCount, width: WIDTH, cells: Uint8Array.from({ length: rowCount * WIDTH }, () => random.integer(256)) };
};

/** Trees of any shape, down to a lone root. */
const drawForest = (seed: number, trees: number): Forest => {
  const random = createRandom(seed);
  return joinTrees(
    Array.from({ length: trees }, (_, tree) => {
      const builder = treeBuilder(random.normal());
      const leaves = [0];
      for (let splits = 0; splits < tree % 40; splits += 1) {
        const node = leaves.splice(random.integer(leaves.length), 1)[0]!;
        const column = random.integer(WIDTH);
        const split =
          random.uniform() < 0.3
            ? allBut(column, random.integer(256))
            : aboveThreshold(column, random.integer(255), random.uniform() < 0.5);
        const left = builder.split(node, split, random.normal(), random.normal());
        leaves.push(left, left + 1);
      }
      return builder.build();
    }),
  );
};

/** Leaf by leaf, in plain TypeScript. */
const plainSums = (forest: Forest, rows: BinnedRows): Float64Array =>
  Float64Array.from({ length: rows.rowCount }, (_, r) => {
    let sum = 0;
    for (const root of forest.roots.subarray(0, -1)) {
      let leaf = root;
      walk(forest, root, rows, r, (node) => {
        leaf = node;
      });
      sum += forest.values[leaf]!;
    }
    return sum;
  });

const drawOblivious = (seed: number, depth: number, trees: number): ObliviousForest => {
  const random = createRandom(seed);
  const bytes = (): Uint8Array => Uint8Array.from({ length: trees * depth }, () => random.integer(256));
  return {
    depth,
    columns: Uint16Array.from({ length: trees * depth }, () => random.integer(WIDTH)),
    shifts: bytes(),
    thresholds: bytes(),
    leaves: Float32Array.from({ length: trees << depth }, () => random.normal()),
    counts: new Float32Array(trees << depth),
  };
};

const plainOblivious = (forest: ObliviousForest, { cells, rowCount, width }: BinnedRows, trees: number): Float64Array =>
  Float64Array.from({ length: rowCount }, (_, r) => {
    let sum = 0;
    for (let tree = 0; tree < trees; tree += 1)
      sum += forest.leaves[(tree << forest.depth) + leafOf(forest, tree, cells, r * width)]!;
    return sum;
  });

describe("the trees' kernels give the bits of plain TypeScript", () => {
  it('for trees of any shape, in any batch', () => {
    const forest = drawForest(1, 90);
    const rows = drawRows(2);
    const sums = sumTrees(forest, rows);
    expect(sums).toEqual(plainSums(forest, rows));
    for (const rowCount of [0, 1, 3, 4, 5]) {
      const few = { ...rows, rowCount, cells: rows.cells.slice(0, rowCount * WIDTH) };
      expect(sumTrees(forest, few)).toEqual(sums.slice(0, rowCount));
    }
  });

  it.each([1, 6, 8])('for symmetric trees of depth %i', (depth) => {
    const forest = drawOblivious(3, depth, 25);
    const rows = drawRows(4);
    const sums = sumOblivious(forest, rows);
    expect(sums).toEqual(plainOblivious(forest, rows, 25));
    const one = { ...rows, rowCount: 1, cells: rows.cells.slice(0, WIDTH) };
    expect(sumOblivious(forest, one)).toEqual(sums.slice(0, 1));
  });

  it('for bins: edges themselves, infinities, missing cells, no edge at all', () => {
    const random = createRandom(5);
    const tables = Array.from({ length: WIDTH }, (_, c) =>
      Array.from({ length: c * 7 }, () => random.normal()).sort((a, b) => a - b),
    );
    const special = [NaN, Infinity, -Infinity, 0, -0, 3e38];
    const columns: FeatureColumn[] = tables.map((_, c) => numericColumn(`c${c}`));
    const values = Float32Array.from({ length: ROWS * WIDTH }, (_, at) => {
      const table = tables[at % WIDTH]!;
      if (at % 11 === 0) return special[random.integer(special.length)]!;
      return at % 5 === 0 && table.length > 0 ? table[random.integer(table.length)]! : random.normal();
    });
    const bins = columnBins(columns, tables);
    const { cells } = binRows(bins, featureMatrix(columns, values), 'test');
    values.forEach((value, at) => {
      const [from, to] = [bins.starts[at % WIDTH]!, bins.starts[(at % WIDTH) + 1]!];
      const expected = Number.isNaN(value) ? 0 : 1 + edgesBelow(bins.tables, from, to, value);
      if (cells[at] !== expected) throw new Error(`cell ${at}, ${value}: bin ${cells[at]} instead of ${expected}`);
    });
  });

  it('also after other models have filled the memory', () => {
    const forest = drawForest(6, 30);
    const rows = drawRows(7, 50);
    const before = sumTrees(forest, rows);
    const others = Array.from({ length: 6 }, () => ({}));
    for (const other of others) kernelMemory().addressesOf(other, () => [new Float64Array(3 << 20).fill(NaN)]);
    expect(sumTrees(forest, rows)).toEqual(before);
  });
});

describe("the kernels' memory", () => {
  it('refuses a block that is larger than there is room for', () => {
    expect(() => kernelMemory().block(1 << 22)).toThrow(RangeError);
  });

  it('has blocks for the widest rows that a test can name', () => {
    const width = 1 << 14;
    const rows = blockRows(width);
    expect(rows).toBe(16);
    expect(() => kernelMemory().block(rows * width * 4, rows * width)).not.toThrow();
  });
});
