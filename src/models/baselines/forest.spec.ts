import { createRandom } from '../../domain/random.js';
import { aboveThreshold, allBut, isRight, sumTrees } from './forest.js';
import { growTree, type GrowthRules } from './grow-tree.js';
import { histogramLayout, type GrowthData } from './histogram.js';

const ROWS = 60;
const COLUMNS = 3;
const BINS = 6;
const PENALTY = 0.7;

/** Two numeric columns with missing cells (bin 0) and a categorical one; row-major beside column-major. */
const drawTable = (seed: number) => {
  const random = createRandom(seed);
  const byColumn = Uint8Array.from({ length: ROWS * COLUMNS }, () => random.integer(BINS));
  const cells = Uint8Array.from(
    { length: ROWS * COLUMNS },
    (_, at) => byColumn[(at % COLUMNS) * ROWS + Math.floor(at / COLUMNS)]!,
  );
  const data: GrowthData = {
    layout: histogramLayout(Int32Array.of(BINS, BINS, BINS), [false, false, true]),
    cells: byColumn,
    rowCount: ROWS,
    gradients: Float64Array.from({ length: ROWS }, () => random.normal()),
    weights: Float64Array.from({ length: ROWS }, () => 0.2 + random.uniform()),
  };
  return { data, rows: { rowCount: ROWS, width: COLUMNS, cells } };
};
const rules = (depthMax: number): GrowthRules => ({
  depthMax,
  columnShare: 1,
  columnsPer: 'tree',
  penalty: PENALTY,
  weightMin: 2,
  valueOf: (gradient, weight) => -gradient / (weight + PENALTY),
});
const everyRow = () => Uint32Array.from({ length: ROWS }, (_, i) => i);

/** The least loss of any single split, by trying all of them on the rows themselves. */
const bruteForce = ({ gradients, weights, cells }: GrowthData): number => {
  let best = -Infinity;
  const tests = Array.from({ length: BINS }, (_, bin) => [
    (cell: number) => cell > bin,
    (cell: number) => cell > bin || cell === 0,
  ]).flat();
  const levels = Array.from({ length: BINS }, (_, bin) => (cell: number) => cell !== bin);
  for (let c = 0; c < COLUMNS; c += 1)
    for (const right of c === 2 ? levels : tests) {
      const sums = [0, 0, 0, 0];
      gradients.forEach((gradient, r) => {
        const side = right(cells[c * ROWS + r]!) ? 2 : 0;
        sums[side]! += gradient;
        sums[side + 1]! += weights[r]!;
      });
      const [g, w, h, v] = sums as [number, number, number, number];
      if (w >= 2 && v >= 2) best = Math.max(best, (g * g) / (w + PENALTY) + (h * h) / (v + PENALTY));
    }
  return best;
};

describe('trees', () => {
  it('choose the split that brute force finds, with missing cells on either side and one level against the rest', () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const { data, rows } = drawTable(seed);
      const values = sumTrees(growTree(data, everyRow(), rules(1), createRandom(1)), rows);
      // With values -G/(W + penalty), -(sum of g v) is the gain's left part.
      const gained = -values.reduce((sum, value, r) => sum + value * data.gradients[r]!, 0);
      expect(gained).toBeCloseTo(bruteForce(data), 5);
    }
  });

  it('say in every leaf what the rows in it say, also where histograms are differences', () => {
    const { data, rows } = drawTable(3);
    const values = sumTrees(growTree(data, everyRow(), rules(4), createRandom(1)), rows);
    const leaves = new Map<number, [number, number]>();
    values.forEach((value, r) => {
      const [g, w] = leaves.get(value) ?? [0, 0];
      leaves.set(value, [g + data.gradients[r]!, w + data.weights[r]!]);
    });
    expect(leaves.size).toBeGreaterThan(4);
    for (const [value, [g, w]] of leaves) expect(value).toBeCloseTo(-g / (w + PENALTY), 6);
  });
});

describe('a split', () => {
  it.each([
    ['above 2, missing left', aboveThreshold(0, 2, false), [0, 0, 0, 1, 1]],
    ['above 2, missing right', aboveThreshold(0, 2, true), [1, 0, 0, 1, 1]],
    ['all but level 3', allBut(0, 3), [1, 1, 1, 0, 1]],
    ['missing alone', allBut(0, 0), [0, 1, 1, 1, 1]],
  ])('%s', (_, { shift, threshold }, expected) => {
    expect([0, 1, 2, 3, 4].map((bin) => Number(isRight(bin, shift, threshold)))).toEqual(expected);
  });
});
