import type { FeatureColumn } from '../../domain/feature-matrix.js';
import type { Artifact } from '../artifact.js';
import type { Detector } from '../detector.js';
import { binRows, type ColumnBins } from './column-bins.js';
import { BASELINE } from './logistic-regression.js';
import { leafOf, shapleyTables, sumOblivious, treeCount, type ObliviousForest } from './oblivious-forest.js';

/** A detector of symmetric trees whose sum is log-odds. Explanations need tables, which are made when first asked for. */
export const obliviousDetector = (name: string, bins: ColumnBins, forest: ObliviousForest, prior: number): Detector => {
  let tables: Float64Array | null = null;
  return {
    estimator: name,
    score: (features) => sumOblivious(forest, binRows(bins, features, name)).map((sum) => prior + sum),
    terms(features) {
      tables ??= shapleyTables(forest);
      const { rowCount, width, cells } = binRows(bins, features, name);
      const { depth } = forest;
      const values = new Float64Array(rowCount * (width + 1));
      for (let r = 0; r < rowCount; r += 1) {
        const start = r * (width + 1);
        values[start + width] = prior;
        for (let tree = 0; tree < treeCount(forest); tree += 1) {
          const at = ((tree << depth) + leafOf(forest, tree, cells, r * width)) * (1 + depth);
          values[start + width]! += tables[at]!;
          for (let level = 0; level < depth; level += 1)
            values[start + forest.columns[tree * depth + level]!]! += tables[at + 1 + level]!;
        }
      }
      return { columns: [...bins.columns.map((column) => column.name), BASELINE], values };
    },
    save: () => ({
      estimator: name,
      meta: { columns: bins.columns, depth: forest.depth },
      arrays: {
        tables: bins.tables,
        starts: Float64Array.from(bins.starts),
        prior: Float64Array.of(prior),
        tests: Float32Array.from(forest.columns),
        shifts: Float32Array.from(forest.shifts),
        thresholds: Float32Array.from(forest.thresholds),
        leaves: forest.leaves,
        counts: forest.counts,
      },
    }),
  };
};

/** @throws Error when the artifact is another estimator's */
export const loadObliviousDetector = (name: string, { estimator, meta, arrays }: Artifact): Detector => {
  if (estimator !== name) throw new Error(`${name} cannot load an artifact of ${estimator}`);
  const bins: ColumnBins = {
    columns: meta['columns'] as readonly FeatureColumn[],
    tables: arrays['tables'] as Float64Array,
    starts: Int32Array.from(arrays['starts']!),
  };
  const forest: ObliviousForest = {
    depth: meta['depth'] as number,
    columns: Uint16Array.from(arrays['tests']!),
    shifts: Uint8Array.from(arrays['shifts']!),
    thresholds: Uint8Array.from(arrays['thresholds']!),
    leaves: arrays['leaves'] as Float32Array,
    counts: arrays['counts'] as Float32Array,
  };
  return obliviousDetector(name, bins, forest, arrays['prior']![0]!);
};
