import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { Artifact } from '../artifact.js';
import type { Detector, Estimator, FitContext, TrainingData } from '../detector.js';
import { betweenSteps, shuffledIndices } from '../fit-rows.js';
import { parseParameters } from '../parameters.js';
import { binRows, byColumn } from './column-bins.js';
import { isRight, type Split } from './forest.js';
import { ColumnShare, columnsDrawn } from './grow-tree.js';
import { growObliviousTree } from './grow-oblivious-tree.js';
import { histogramLayout, type GrowthData } from './histogram.js';
import { countFrauds, logOdds, probabilityOf, requireBothClasses } from './labelled-rows.js';
import { NEVER, type ObliviousForest } from './oblivious-forest.js';
import { loadObliviousDetector, obliviousDetector } from './oblivious-detector.js';
import { orderedColumns, type OrderedColumns } from './ordered-statistics.js';

const NAME = 'ordered-boosting';

const Parameters = z.strictObject({
  trees: z.number().int().min(1).max(5000).default(200),
  /** Tests of each tree; 2^depth leaves. */
  depth: z.number().int().min(1).max(8).default(6),
  learningRate: z.number().positive().max(1).default(0.1),
  /** L2 penalty of the leaves. */
  penalty: z.number().min(0).default(3),
  /** Share of the rows that each tree is grown on; all of them give the leaves their values. */
  rowShare: z.number().positive().max(1).default(0.8),
  /** Share of the columns that each tree may test. */
  columnShare: ColumnShare.default(1),
  /** Chance in the choice of tests, as a multiple of the gradients' deviation; it fades as trees are added. */
  randomStrength: z.number().min(0).default(1),
  /** Random orders of the rows for the statistics of categorical columns; each tree sees one. */
  permutations: z.number().int().min(1).max(16).default(4),
});
type Parameters = z.infer<typeof Parameters>;

interface Boosting {
  readonly data: GrowthData;
  readonly columns: OrderedColumns;
  readonly labels: Uint8Array;
  readonly scores: Float64Array;
  readonly hessians: Float64Array;
}

/** Puts the categorical columns' bins of one random order into the cells. */
const showOrder = ({ data, columns }: Boosting, order: number): void =>
  columns.orders.forEach((orders, column) => {
    if (orders.length > 0) data.cells.set(orders[order]!, column * data.rowCount);
  });

const leavesOf = ({ cells, rowCount }: GrowthData, tests: readonly Split[]): Uint16Array => {
  const leaves = new Uint16Array(rowCount);
  tests.forEach(({ column, shift, threshold }, level) => {
    const start = column * rowCount;
    for (let r = 0; r < rowCount; r += 1) if (isRight(cells[start + r]!, shift, threshold)) leaves[r]! |= 1 << level;
  });
  return leaves;
};

const drawColumns = (count: number, share: ColumnShare, random: Random): number[] => [
  ...shuffledIndices(count, random).subarray(0, columnsDrawn(share, count)).sort(),
];

/** One step: the tests of a tree by gradients alone, its leaves by one Newton step over all rows. */
const boostOnce = (boosting: Boosting, tree: number, parameters: Parameters, random: Random) => {
  const { data, labels, scores, hessians } = boosting;
  const { depth, learningRate, penalty, rowShare, columnShare, randomStrength } = parameters;
  let squares = 0;
  for (let r = 0; r < data.rowCount; r += 1) {
    const p = probabilityOf(scores[r]!);
    data.gradients[r] = labels[r]! - p;
    hessians[r] = p * (1 - p);
    squares += data.gradients[r]! ** 2;
  }
  showOrder(boosting, random.integer(parameters.permutations));
  const order = new Uint32Array(data.rowCount);
  let drawn = 0;
  for (let r = 0; r < data.rowCount; r += 1) if (random.uniform() < rowShare) order[drawn++] = r;
  // CatBoost's fading: n e^(-learning rate x trees) rows are left to explain.
  const left = data.rowCount * Math.exp(-learningRate * tree);
  const deviation = (randomStrength * Math.sqrt(squares / data.rowCount) * left) / (1 + left);
  const noise = (): number => (deviation > 0 ? deviation * random.normal() : 0);
  const columns = drawColumns(data.layout.offsets.length - 1, columnShare, random);
  const tests = growObliviousTree(data, order.subarray(0, drawn), { columns, depth, penalty, noise });
  const leaves = leavesOf(data, tests);
  const sums = new Float64Array(1 << depth);
  const weights = new Float64Array(1 << depth);
  const counts = new Float32Array(1 << depth);
  leaves.forEach((leaf, r) => {
    sums[leaf]! += data.gradients[r]!;
    weights[leaf]! += hessians[r]!;
    counts[leaf]! += 1;
  });
  const values = Float32Array.from(sums, (sum, leaf) => (learningRate * sum) / (weights[leaf]! + penalty));
  leaves.forEach((leaf, r) => {
    scores[r]! += values[leaf]!;
  });
  return { tests, values, counts };
};

/**
 * Boosting of symmetric trees on ordered target statistics, after CatBoost (Prokhorenkova et al. 2018). Taken from it: one
 * test a level, few levels apart (one-hot), many as the share of fraud among earlier rows of a random order (several
 * orders, a tree sees one), scores of tests by cosine with fading noise, missing numbers below all others. Left out: ordered gradients (it has
 * plain boosting by default as well on this many rows), combinations of categories, more than one Newton step a leaf.
 * Cost: trees x rows x columns x half the depth, at a few ns.
 */
export const orderedBoosting: Estimator = {
  name: NAME,
  family: 'discriminative',
  likelihood: 'none',
  supervised: true,

  async fit(data: TrainingData, context: FitContext): Promise<Detector> {
    const parameters = parseParameters(NAME, Parameters, context.parameters);
    const labels = requireBothClasses(NAME, data);
    const columns = orderedColumns(data.features, labels, parameters.permutations, context.random.fork('orders'));
    const rows = binRows(columns.bins, data.features, NAME);
    const { rowCount } = rows;
    const prior = logOdds(countFrauds(labels) / rowCount);
    const boosting: Boosting = {
      data: {
        layout: histogramLayout(columns.binCounts, columns.isLevel),
        cells: byColumn(rows),
        rowCount,
        gradients: new Float64Array(rowCount),
        weights: new Float64Array(rowCount).fill(1),
      },
      columns,
      labels,
      scores: new Float64Array(rowCount).fill(prior),
      hessians: new Float64Array(rowCount),
    };
    const { trees, depth } = parameters;
    const forest: ObliviousForest = {
      depth,
      columns: new Uint16Array(trees * depth),
      shifts: new Uint8Array(trees * depth),
      thresholds: new Uint8Array(trees * depth).fill(NEVER),
      leaves: new Float32Array(trees << depth),
      counts: new Float32Array(trees << depth),
    };
    for (let tree = 0; tree < trees; tree += 1) {
      await betweenSteps(context, tree / trees, `tree ${tree + 1} of ${trees}`);
      const grown = boostOnce(boosting, tree, parameters, context.random);
      grown.tests.forEach(({ column, shift, threshold }, level) => {
        forest.columns[tree * depth + level] = column;
        forest.shifts[tree * depth + level] = shift;
        forest.thresholds[tree * depth + level] = threshold;
      });
      forest.leaves.set(grown.values, tree << depth);
      forest.counts.set(grown.counts, tree << depth);
    }
    return obliviousDetector(NAME, columns.bins, forest, prior);
  },

  load: (artifact: Artifact): Detector => loadObliviousDetector(NAME, artifact),
};
