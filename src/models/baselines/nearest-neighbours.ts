import { z } from 'zod';
import type { ColumnEncoder } from '../column-encoder.js';
import { checkArtifact, forChunks } from '../density/density-model.js';
import { encodeTraining } from '../density/encode-training.js';
import type { Detector, Estimator } from '../detector.js';
import { betweenSteps } from '../fit-rows.js';
import { loadRowDistances, type RowDistances, rowDistances } from '../row-distances.js';

const NAME = 'nearest-neighbours';

const parametersSchema = z.strictObject({
  transform: z.enum(['quantile-normal', 'asinh']).default('asinh'),
  neighbours: z.int().min(1).max(1000).default(5),
  rowsMax: z.int().min(1).max(100_000).default(5000),
});

/** Mean of the square roots of the `count` smallest values. `nearest` is a scratch of `count` cells. */
export const meanNearest = (squared: Float64Array, nearest: Float64Array): number => {
  nearest.fill(Infinity);
  const last = nearest.length - 1;
  for (const value of squared) {
    if (value >= nearest[last]!) continue;
    let i = last;
    for (; i > 0 && nearest[i - 1]! > value; i -= 1) nearest[i] = nearest[i - 1]!;
    nearest[i] = value;
  }
  let sum = 0;
  for (const value of nearest) sum += Math.sqrt(value);
  return sum / nearest.length;
};

const create = (encoder: ColumnEncoder, distances: RowDistances, neighbours: number): Detector => ({
  estimator: NAME,
  score(features) {
    const scores = new Float64Array(features.rowCount);
    const squared = new Float64Array(distances.storedCount);
    const nearest = new Float64Array(Math.min(neighbours, distances.storedCount));
    forChunks(encoder, features, (rows, from) => {
      for (let r = 0; r < rows.rowCount; r += 1) {
        distances.squared(rows, r, squared);
        scores[from + r] = meanNearest(squared, nearest);
      }
    });
    return scores;
  },
  save() {
    const { meta, arrays } = distances.save();
    return { estimator: NAME, meta: { ...meta, neighbours }, arrays };
  },
});

/**
 * Mean distance to the k nearest training rows (Ramaswamy et al. 2000, Angiulli and Pizzuti 2002) in standardised
 * coordinates: see row-distances.ts. A fit stores rows and nothing else; a score costs stored rows x columns.
 */
export const nearestNeighbours: Estimator = {
  name: NAME,
  family: 'classic',
  likelihood: 'none',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: false });
    await betweenSteps(context, 1, `${rows.rowCount} rows stored`);
    return create(encoder, rowDistances(encoder, rows), parameters.neighbours);
  },
  load(artifact) {
    checkArtifact(NAME, artifact);
    const { encoder, distances } = loadRowDistances(artifact);
    return create(encoder, distances, artifact.meta['neighbours'] as number);
  },
};
