import { selectRows, type FeatureMatrix } from '../domain/feature-matrix.js';
import type { Random } from '../domain/random.js';
import { fitFewRows } from '../models/class-conditional.js';
import type { Detector, FitContext, Sampler } from '../models/detector.js';
import { limitRows, shuffledIndices } from '../models/fit-rows.js';
import { estimators } from '../models/registry.js';
import type { Generator } from './augment-settings.js';
import { smote } from './smote.js';

/** Draws rows like those that it was fitted on; nothing is checked yet. */
export type RowSource = (n: number, random: Random) => FeatureMatrix;

/** More rows than these do not say better what the others look like; neighbours cost their square. */
const ROWS_MAX = 3000;

/**
 * A model of one class (or of a rare segment) by name, fitted on its rows alone: the models of the registry learn p(x | class), as
 * a class-conditional generator does for each of its classes. The mixture takes the ridge of few rows, whatever is configured for it.
 *
 * @param rows real rows of the class, of the training part only, at least two
 * @throws TypeError naming the column or parameter that does not fit
 */
export const fitGenerator = async (name: Generator, rows: FeatureMatrix, context: FitContext): Promise<RowSource> => {
  context.signal?.throwIfAborted();
  const some = limitRows(rows, ROWS_MAX, context.random.fork('rows'));
  if (name === 'duplicate') return duplicates(some);
  if (name === 'smote') return smote(some);
  const fitted =
    name === 'gaussian-mixture'
      ? await fitFewRows(some, 'quantile-normal', context)
      : ((await estimators[name]!.fit({ features: some }, context)) as Detector & Sampler);
  return (n, random) => fitted.sample(n, random);
};

/** Each row equally often, or once more: the same as a larger weight of the class. */
const duplicates =
  (rows: FeatureMatrix): RowSource =>
  (n, random) => {
    const order = shuffledIndices(rows.rowCount, random);
    return selectRows(
      rows,
      Uint32Array.from({ length: n }, (_, i) => order[i % rows.rowCount]!),
    );
  };
