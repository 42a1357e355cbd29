import type { FeatureColumn, FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Artifact } from '../artifact.js';
import type { Detector, Terms } from '../detector.js';
import { type BinnedRows, binRows, type ColumnBins } from './column-bins.js';
import { loadForest, saveForest, sumTrees, type Forest } from './forest.js';
import { BASELINE } from './logistic-regression.js';
import { evenCovers, meanOfTrees, treeShapley } from './tree-shap.js';

/** From the sum over the trees' leaves to the score. */
export interface ScoreScale {
  /** The one number that it needs, kept in the artifact. */
  readonly offset: number;
  readonly scoreOf: (sum: number) => number;
}

/**
 * Terms of a sum, scaled to add up to the score: a rising score of a sum changes by its mean slope times the sum's change,
 * which is the path integral along it (Aumann & Shapley 1974), and each term has its share. A score that is the sum has slope 1.
 */
const meanSlope = (scoreOf: (sum: number) => number, start: number, end: number): number => {
  const near = Math.abs(end - start) < STEP;
  const [from, to] = near ? [start - STEP, start + STEP] : [start, end];
  return (scoreOf(to) - scoreOf(from)) / (to - from);
};
/** Nearer sums share the slope about them: a quotient of roundings is no slope. */
const STEP = 1e-6;

/**
 * A detector of trees over binned columns. What explanations need beside the trees is made when the first is asked for.
 *
 * @param covers training rows that come by each node: see `coversOf`
 */
export const treeDetector = (
  name: string,
  bins: ColumnBins,
  forest: Forest,
  covers: Float32Array,
  { offset, scoreOf }: ScoreScale,
): Detector => {
  let explainer: { readonly shapley: (rows: BinnedRows) => Float64Array; readonly start: number } | null = null;
  return {
    estimator: name,
    score: (features) => sumTrees(forest, binRows(bins, features, name)).map(scoreOf),
    terms: (features: FeatureMatrix): Terms => {
      explainer ??= { shapley: treeShapley(forest, covers), start: meanOfTrees(forest, covers) };
      const { shapley, start } = explainer;
      const rows = binRows(bins, features, name);
      const parts = shapley(rows);
      const { width, rowCount } = rows;
      const sums = sumTrees(forest, rows);
      const values = new Float64Array(rowCount * (width + 1));
      for (let r = 0; r < rowCount; r += 1) {
        const slope = meanSlope(scoreOf, start, sums[r]!);
        for (let c = 0; c < width; c += 1) values[r * (width + 1) + c] = slope * parts[r * width + c]!;
        values[r * (width + 1) + width] = scoreOf(start);
      }
      return { columns: [...bins.columns.map((column) => column.name), BASELINE], values };
    },
    save: () => ({
      estimator: name,
      meta: { columns: bins.columns },
      arrays: {
        tables: bins.tables,
        starts: Float64Array.from(bins.starts),
        offset: Float64Array.of(offset),
        ...saveForest(forest),
        covers,
      },
    }),
  };
};

/** @throws Error when the artifact is another estimator's */
export const loadTreeDetector = (name: string, artifact: Artifact, scaleOf: (offset: number) => ScoreScale): Detector => {
  if (artifact.estimator !== name) throw new Error(`${name} cannot load an artifact of ${artifact.estimator}`);
  const { arrays, meta } = artifact;
  const bins: ColumnBins = {
    columns: meta['columns'] as readonly FeatureColumn[],
    tables: arrays['tables'] as Float64Array,
    starts: Int32Array.from(arrays['starts']!),
  };
  const forest = loadForest(arrays);
  // Artifacts of before have no covers: their explanations take both sides of a test for equally likely.
  const covers = (arrays['covers'] as Float32Array | undefined) ?? evenCovers(forest);
  return treeDetector(name, bins, forest, covers, scaleOf(arrays['offset']![0]!));
};
