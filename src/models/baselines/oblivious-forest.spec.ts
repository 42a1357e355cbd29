import { createRandom } from '../../domain/random.js';
import { leafOf, shapleyTables, sumOblivious, type ObliviousForest } from './oblivious-forest.js';

const DEPTH = 3;
const WIDTH = 3;
const random = createRandom(2);
const rows = { rowCount: 40, width: WIDTH, cells: Uint8Array.from({ length: 40 * WIDTH }, () => random.integer(4)) };
const tests = {
  columns: Uint16Array.of(0, 1, 2, 2, 0, 1),
  shifts: Uint8Array.of(0, 0, 2, 1, 0, 0),
  thresholds: Uint8Array.of(1, 2, 0, 0, 2, 255),
};

/** Leaves by chance, counts of the rows themselves. */
const forest: ObliviousForest = (() => {
  const leaves = Float32Array.from({ length: 16 }, () => random.normal());
  const counts = new Float32Array(16);
  const empty = { depth: DEPTH, ...tests, leaves, counts };
  for (let r = 0; r < rows.rowCount; r += 1)
    for (const tree of [0, 1]) counts[tree * 8 + leafOf(empty, tree, rows.cells, r * WIDTH)]! += 1;
  return empty;
})();

const answersOf = (tree: number, r: number): boolean[] =>
  Array.from({ length: DEPTH }, (_, level) => {
    const at = tree * DEPTH + level;
    return (rows.cells[r * WIDTH + tests.columns[at]!]! - tests.shifts[at]! + 256) % 256 > tests.thresholds[at]!;
  });

/** Mean of the tree over the rows that give the known answers, as Shapley's game has it. */
const value = (tree: number, row: number, known: readonly number[]): number => {
  const alike = Array.from({ length: rows.rowCount }, (_, r) => r).filter((r) =>
    known.every((level) => answersOf(tree, r)[level] === answersOf(tree, row)[level]),
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
      for (const tree of [0, 1]) {
        const leaf = tree * 8 + leafOf(forest, tree, rows.cells, r * WIDTH);
        const table = tables.subarray(leaf * (1 + DEPTH), (leaf + 1) * (1 + DEPTH));
        expect(table[0]).toBeCloseTo(value(tree, r, []), 6);
        for (let level = 0; level < DEPTH; level += 1) {
          const gains = orders.map((order) => {
            const before = order.slice(0, order.indexOf(level));
            return value(tree, r, [...before, level]) - value(tree, r, before);
          });
          expect(table[1 + level]).toBeCloseTo(gains.reduce((a, b) => a + b, 0) / orders.length, 6);
        }
        expect(table.reduce((a, b) => a + b, 0)).toBeCloseTo(forest.leaves[leaf]!, 6);
      }
  });

  it('add their leaves', () => {
    const sums = sumOblivious(forest, rows);
    for (let r = 0; r < rows.rowCount; r += 1) {
      const leaves = [0, 1].map((tree) => {
        const index = answersOf(tree, r).reduce((sum, answer, level) => sum + (answer ? 1 << level : 0), 0);
        return forest.leaves[tree * 8 + index]!;
      });
      expect(sums[r]).toBeCloseTo(leaves[0]! + leaves[1]!, 10);
    }
  });
});
