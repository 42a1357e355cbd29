import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { Artifact } from '../artifact.js';
import type { Detector, Estimator, FitContext, TrainingData } from '../detector.js';
import { betweenSteps } from '../fit-rows.js';
import { parseParameters } from '../parameters.js';
import { binCounts, byColumn, binRows, fitBins } from './column-bins.js';
import { joinTrees, type Forest } from './forest.js';
import { ColumnShare, growTree, type GrowthRules } from './grow-tree.js';
import { histogramLayout, type GrowthData } from './histogram.js';
import { logOdds, PROBABILITY_MIN, requireBothClasses } from './labelled-rows.js';
import { coversOf } from './tree-shap.js';
import { loadTreeDetector, treeDetector, type ScoreScale } from './tree-detector.js';

const NAME = 'random-forest';

const Parameters = z.strictObject({
  trees: z.number().int().min(1).max(5000).default(150),
  /** Least rows in a leaf; a row counts as often as the bootstrap drew it. */
  leafRowsMin: z.number().int().min(1).default(3),
  /** Share of the columns that each split may look at. */
  columnShare: ColumnShare.default(0.5),
});

/** Deeper trees part rows by rounding alone. */
const DEPTH_MAX = 60;

/** Log-odds of the trees' mean probability, which rows that no tree calls fraud keep from minus infinity. */
const meanLogOdds = (trees: number): ScoreScale => ({
  offset: trees,
  scoreOf: (sum) => logOdds(Math.min(Math.max(sum / trees, PROBABILITY_MIN), 1 - PROBABILITY_MIN)),
});

/** As many rows as there are, drawn with replacement: the rows met, and how often in `weights`. */
const bootstrap = ({ rowCount, weights, gradients }: GrowthData, labels: Uint8Array, random: Random): Uint32Array => {
  weights.fill(0);
  for (let i = 0; i < rowCount; i += 1) weights[random.integer(rowCount)]! += 1;
  const drawn = new Uint32Array(rowCount);
  let count = 0;
  for (let r = 0; r < rowCount; r += 1) {
    gradients[r] = -weights[r]! * labels[r]!;
    if (weights[r]! > 0) drawn[count++] = r;
  }
  return drawn.subarray(0, count);
};

/**
 * Random forest (Breiman 2001): trees on bootstrapped rows, a random half of the columns at each split, Gini impurity, leaves
 * of at least three rows; the mean of the trees' probabilities. Cost: trees x levels that are not pure yet x rows x half the
 * columns.
 */
export const randomForest: Estimator = {
  name: NAME,
  family: 'discriminative',
  likelihood: 'none',
  supervised: true,

  async fit(data: TrainingData, context: FitContext): Promise<Detector> {
    const { trees, leafRowsMin, columnShare } = parseParameters(NAME, Parameters, context.parameters);
    const labels = requireBothClasses(NAME, data);
    const bins = fitBins(data.features, labels);
    const rows = binRows(bins, data.features, NAME);
    const isCategorical = bins.columns.map(({ kind }) => kind === 'categorical');
    const growth: GrowthData = {
      layout: histogramLayout(binCounts(bins), isCategorical),
      cells: byColumn(rows),
      rowCount: rows.rowCount,
      gradients: new Float64Array(rows.rowCount),
      weights: new Float64Array(rows.rowCount),
    };
    const rules: GrowthRules = {
      depthMax: DEPTH_MAX,
      columnShare,
      columnsPer: 'split',
      penalty: 0,
      weightMin: leafRowsMin,
      isPure: (gradient, weight) => gradient === 0 || -gradient === weight,
      valueOf: (gradient, weight) => (weight > 0 ? -gradient / weight : 0),
    };
    const grown: Forest[] = [];
    for (let tree = 0; tree < trees; tree += 1) {
      await betweenSteps(context, tree / trees, `tree ${tree + 1} of ${trees}`);
      grown.push(growTree(growth, bootstrap(growth, labels, context.random), rules, context.random));
    }
    const forest = joinTrees(grown);
    return treeDetector(NAME, bins, forest, coversOf(forest, rows), meanLogOdds(trees));
  },

  load: (artifact: Artifact): Detector => loadTreeDetector(NAME, artifact, meanLogOdds),
};
