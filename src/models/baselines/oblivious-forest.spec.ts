import { createRandom } from '../../domain/random.js';
import { leafOf, shapleyTables, sumOblivious, type ObliviousForest } from './oblivious-forest.js';

const DEPTH = 3;
const WIDTH = 3;
const random = createRandom(2);
const rows = { rowCount: 40, width: WIDTH, cells: Uint8Array.from({ length: 40 * WIDTH }, () => random.integer(4)) };
/** The last tree tests a column twice. */
const TREES = [0, 1, 2];
const tests = {
  columns: Uint16Array.of(0, 1, 2, 2, 0, 1, 1, 0, 1),
  shifts: Uint8Array.of(0, 0, 2, 1, 0, 0, 0, 0, 0),
  thresholds: Uint8Array.of(1, 2, 0, 0, 2, 255, 0, 1, 2),
};

/** Leaves by chance, counts of the rows themselves. */
const forest: ObliviousForest = (() => {
  const leaves = Float32Array.from({ length: 24 }, () => random.normal());
  const counts = new Float32Array(24);
  const empty = { depth: DEPTH, ...tests, leaves, counts };
  for (let r = 0; r < rows.rowCount; r += 1)
    for (const tree of TREES) counts[tree * 8 + leafOf(empty, tree, rows.cells, r * WIDTH)]! += 1;
  return empty;
})();

const answersOf = (tree: number, r: number): boolean[] =>
  Array.from({ length: DEPTH }, (_, level) => {
    const at = tree * DEPTH + level;
    return (rows.cells[r * WIDTH + tests.columns[at]!]! - tests.shifts[at]! + 256) % 256 > tests.thresholds[at]!;
  });

const columnAt = (tree: number, level: number): number => tests.columns[tree * DEPTH + level]!;

/** Mean of the tree over the rows that answer all tests of the known columns alike, as Shapley's game has it. */
const value = (tree: number, row: number, known: readonly number[]): number => {
  const alike = Array.from({ length: rows.rowCount }, (_, r) => r).filter((r) =>
    [0, 1, 2].every(
      (level) => !known.includes(columnAt(tree, level)) || answersOf(tree, r)[level] === answersOf(tree, row)[level],
    ),
  );
  return alike.reduce((sum, r) => sum + forest.leaves[tree * 8 + leafOf(forest, tree, rows.cells, r * WIDTH)]!, 0) / alike.length;
};
const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

describe('symmetric trees', () => {
  it('have Shapley tables equal to the mean over all orders, which add up to the leaf', () => {
    const tables = shapleyTables(forest);
    for (let r = 0; r < rows.rowCount; r += 1)
      for (const tree of TREES) {
        const leaf = tree * 8 + leafOf(forest, tree, rows.cells, r * WIDTH);
        const table = tables.subarray(leaf * (1 + DEPTH), (leaf + 1) * (1 + DEPTH));
        expect(table[0]).toBeCloseTo(value(tree, r, []), 6);
        for (let column = 0; column < WIDTH; column += 1) {
          const gains = orders.map((order) => {
            const before = order.slice(0, order.indexOf(column));
            return value(tree, r, [...before, column]) - value(tree, r, before);
          });
          const parts = [0, 1, 2].filter((level) => columnAt(tree, level) === column).map((level) => table[1 + level]!);
          const phi = gains.reduce((a, b) => a + b, 0) / orders.length;
          expect(parts.reduce((a, b) => a + b, 0)).toBeCloseTo(phi, 6);
        }
        expect(table.reduce((a, b) => a + b, 0)).toBeCloseTo(forest.leaves[leaf]!, 6);
      }
  });

  it('add their leaves', () => {
    const sums = sumOblivious(forest, rows);
    for (let r = 0; r < rows.rowCount; r += 1) {
      const leaves = TREES.map((tree) => {
        const index = answersOf(tree, r).reduce((sum, answer, level) => sum + (answer ? 1 << level : 0), 0);
        return forest.leaves[tree * 8 + index]!;
      });
      expect(sums[r]).toBeCloseTo(
        leaves.reduce((a, b) => a + b, 0),
        10,
      );
    }
  });
});
