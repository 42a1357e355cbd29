import { z } from 'zod';
import type { FeatureMatrix } from '../domain/feature-matrix.js';
import type { Artifact } from './artifact.js';
import type { Detector, Estimator, FitContext, Terms, TrainingData } from './detector.js';
import { parseParameters } from './parameters.js';

/** The feature column that holds the filter's log-odds of "compromised" (`features/markov-filter.ts`). */
export const MARKOV_COLUMN = 'markov';

const columnOf = (features: FeatureMatrix): Float64Array => {
  const position = features.columns.findIndex((column) => column.name === MARKOV_COLUMN);
  if (position < 0) throw new TypeError(`markov-filter: no feature column "${MARKOV_COLUMN}"`);
  const width = features.columns.length;
  return Float64Array.from({ length: features.rowCount }, (_, r) => features.values[r * width + position]!);
};

/** Channel H: the entity's log-odds as they are. The filter itself runs as a feature, on delayed labels. */
class MarkovChannel implements Detector {
  readonly estimator = 'markov-filter';

  /** @param ordinary log-odds of a row without an entity: the training rows' median */
  constructor(private readonly ordinary: number) {}

  score(features: FeatureMatrix): Float64Array {
    return columnOf(features).map((logOdds) => (Number.isFinite(logOdds) ? logOdds : this.ordinary));
  }

  terms(features: FeatureMatrix): Terms {
    return { columns: [MARKOV_COLUMN], values: this.score(features) };
  }

  save(): Artifact {
    return { estimator: this.estimator, meta: {}, arrays: { ordinary: Float64Array.of(this.ordinary) } };
  }
}

/** Passes the `markov` column through as a score. @throws TypeError when there is no such column */
export const markovFilter: Estimator = {
  name: 'markov-filter',
  family: 'generative',
  likelihood: 'none',
  supervised: false,
  requires: [MARKOV_COLUMN],

  async fit({ features }: TrainingData, context: FitContext): Promise<Detector> {
    parseParameters('markov-filter', z.strictObject({}), context.parameters);
    context.signal?.throwIfAborted();
    const known = columnOf(features)
      .filter((x) => Number.isFinite(x))
      .sort();
    return Promise.resolve(new MarkovChannel(known[Math.floor(known.length / 2)] ?? 0));
  },

  load(artifact: Artifact): Detector {
    if (artifact.estimator !== 'markov-filter') throw new Error(`markov-filter cannot load an artifact of ${artifact.estimator}`);
    return new MarkovChannel(artifact.arrays['ordinary']![0]!);
  },
};
