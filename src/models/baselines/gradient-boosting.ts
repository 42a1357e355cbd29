import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import type { Artifact } from '../artifact.js';
import type { Detector, Estimator, FitContext, TrainingData } from '../detector.js';
import { betweenSteps, shuffledIndices } from '../fit-rows.js';
import { parseParameters } from '../parameters.js';
import { binCounts, byColumn, binRows, fitBins, type BinnedRows } from './column-bins.js';
import { addTree, joinTrees, type Forest } from './forest.js';
import { ColumnShare, growTree, type GrowthRules } from './grow-tree.js';
import { histogramLayout, type GrowthData } from './histogram.js';
import { countFrauds, logOdds, probabilityOf, requireBothClasses } from './labelled-rows.js';
import { coversOf } from './tree-shap.js';
import { loadTreeDetector, treeDetector, type ScoreScale } from './tree-detector.js';

const NAME = 'gradient-boosting';

const Parameters = z.strictObject({
  trees: z.number().int().min(1).max(5000).default(200),
  depth: z.number().int().min(1).max(12).default(4),
  learningRate: z.number().positive().max(1).default(0.08),
  /** Share of the rows that each tree sees. */
  rowShare: z.number().positive().max(1).default(0.8),
  /** Share of the columns that each tree sees. */
  columnShare: ColumnShare.default(0.8),
  /** Least sum of p (1 - p) in a leaf. */
  weightMin: z.number().min(0).default(3),
  /** L2 penalty of the leaves. */
  penalty: z.number().min(0).default(5),
  /** Share of the rows that is held back to stop early; 0: every tree is grown. */
  validationShare: z.number().min(0).max(0.5).default(0),
  /** Stops after so many trees without a better loss on the rows held back. */
  patience: z.number().int().min(1).default(30),
});
type Parameters = z.infer<typeof Parameters>;

/** The trees' sum is log-odds already. */
const additive = (prior: number): ScoreScale => ({ offset: prior, scoreOf: (sum) => prior + sum });

const meanLoss = (scores: Float64Array, labels: Uint8Array, rows: Uint32Array): number =>
  rows.reduce((sum, r) => sum - Math.log(labels[r] === 1 ? probabilityOf(scores[r]!) : 1 - probabilityOf(scores[r]!)), 0) /
  rows.length;

interface Boosting {
  readonly rows: BinnedRows;
  readonly data: GrowthData;
  readonly labels: Uint8Array;
  readonly scores: Float64Array;
  /** Rows that trees learn from, and those held back. */
  readonly learning: Uint32Array;
  readonly heldBack: Uint32Array;
}

/** One Newton step of the logistic loss: gradients p - y, weights p (1 - p), a tree, its leaves added to the scores. */
const boostOnce = (boosting: Boosting, parameters: Parameters, random: Random): Forest => {
  const { rows, data, labels, scores, learning } = boosting;
  for (let r = 0; r < data.rowCount; r += 1) {
    const p = probabilityOf(scores[r]!);
    data.gradients[r] = p - labels[r]!;
    data.weights[r] = p * (1 - p);
  }
  const order = learning.filter(() => random.uniform() < parameters.rowShare);
  const { depth, columnShare, penalty, weightMin, learningRate } = parameters;
  const rules: GrowthRules = {
    depthMax: depth,
    columnShare,
    columnsPer: 'tree',
    penalty,
    weightMin,
    valueOf: (gradient, weight) => (-learningRate * gradient) / (weight + penalty),
  };
  const tree = growTree(data, order, rules, random);
  addTree(tree, rows, scores);
  return tree;
};

const holdBack = (labels: Uint8Array, share: number, random: Random): { learning: Uint32Array; heldBack: Uint32Array } => {
  const shuffled = shuffledIndices(labels.length, random);
  const heldBack = shuffled.subarray(0, Math.floor(share * labels.length)).sort();
  return { heldBack, learning: shuffled.subarray(heldBack.length).sort() };
};

const boost = async (boosting: Boosting, parameters: Parameters, context: FitContext): Promise<Forest> => {
  const grown: Forest[] = [];
  const { heldBack, labels, scores } = boosting;
  let best = { loss: Infinity, trees: 0 };
  for (let tree = 0; tree < parameters.trees; tree += 1) {
    await betweenSteps(context, tree / parameters.trees, `tree ${tree + 1} of ${parameters.trees}`);
    grown.push(boostOnce(boosting, parameters, context.random));
    if (heldBack.length === 0) continue;
    const loss = meanLoss(scores, labels, heldBack);
    if (loss < best.loss) best = { loss, trees: tree + 1 };
    else if (tree + 1 - best.trees >= parameters.patience) break;
  }
  return joinTrees(heldBack.length === 0 ? grown : grown.slice(0, best.trees));
};

/**
 * Gradient boosting on histograms (XGBoost, Chen & Guestrin 2016; LightGBM, Ke et al. 2017): logistic loss, second-order
 * gain, depth-wise trees, missing cells learn a direction, a category parts one level from the rest. Defaults are those of the
 * experiments behind channel S. Cost: trees x (rows x columns, about twice over, at a few ns a cell).
 */
export const gradientBoosting: Estimator = {
  name: NAME,
  family: 'discriminative',
  likelihood: 'none',
  supervised: true,

  async fit(data: TrainingData, context: FitContext): Promise<Detector> {
    const parameters = parseParameters(NAME, Parameters, context.parameters);
    const labels = requireBothClasses(NAME, data);
    const bins = fitBins(data.features, labels);
    const rows = binRows(bins, data.features, NAME);
    const { rowCount } = rows;
    const prior = logOdds(countFrauds(labels) / labels.length);
    const growth: GrowthData = {
      layout: histogramLayout(
        binCounts(bins),
        bins.columns.map(({ kind }) => kind === 'categorical'),
      ),
      cells: byColumn(rows),
      rowCount,
      gradients: new Float64Array(rowCount),
      weights: new Float64Array(rowCount),
    };
    const split = holdBack(labels, parameters.validationShare, context.random.fork('validation'));
    const scores = new Float64Array(rowCount).fill(prior);
    const forest = await boost({ rows, data: growth, labels, scores, ...split }, parameters, context);
    return treeDetector(NAME, bins, forest, coversOf(forest, rows), additive(prior));
  },

  load: (artifact: Artifact): Detector => loadTreeDetector(NAME, artifact, additive),
};
