import { z } from 'zod';
import { type FeatureMatrix, selectRows } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import type { Artifact } from '../artifact.js';
import { checkColumns, loadEncoder, saveEncoder } from '../column-encoder.js';
import { arrayOf, checkArtifact } from '../density/density-model.js';
import type { Detector, Estimator, FitContext, Terms, TrainingData } from '../detector.js';
import { betweenSteps, shuffledIndices } from '../fit-rows.js';
import { parseParameters } from '../parameters.js';
import { fitPlatt, type Platt } from '../platt.js';
import { requireBothClasses } from './labelled-rows.js';
import { BASELINE } from './logistic-regression.js';
import { fourierFeatures, type FourierMap, fitFourierMap } from './fourier-features.js';
import { fitRowInputs, inputsOf, type RowInputs, rowInputs } from './row-inputs.js';
import { GRADIENT_TOLERANCE, margin, solveHinge } from './squared-hinge.js';

const parameters = {
  /** Cost of a row that lacks margin; both classes together weigh the same where `balanced`. */
  c: z.number().positive().max(1e6),
  balanced: z.boolean(),
  iterationsMax: z.int().min(1).max(1000).default(50),
  rowsMax: z.int().min(10).max(1_000_000),
};

const linearParameters = z.strictObject({
  ...parameters,
  c: parameters.c.default(0.1),
  balanced: parameters.balanced.default(false),
  rowsMax: parameters.rowsMax.default(200_000),
});
const kernelParameters = z.strictObject({
  ...parameters,
  c: parameters.c.default(1),
  balanced: parameters.balanced.default(false),
  rowsMax: parameters.rowsMax.default(30_000),
  features: z.int().min(1).max(4096).default(512),
  /** Of exp(-gamma |x - y|^2), in units of 1 / (inputs x their variance). */
  gamma: z.number().positive().max(1000).default(0.5),
});
type Settings = z.infer<typeof linearParameters>;

/** What the hyperplane is over: the inputs themselves, or random features of them. */
interface Machine {
  readonly inputs: RowInputs;
  readonly map: FourierMap | null;
  /** Weights, then the intercept, of the log-odds. */
  readonly theta: Float64Array;
  /** Mean contribution of each input over the training rows; only of a linear machine. */
  readonly means: Float64Array;
}

const CHUNK_ROWS = 1024;

/** Runs `visit` over chunks of rows as the hyperplane sees them. */
const forChunks = (
  { inputs, map }: Pick<Machine, 'inputs' | 'map'>,
  features: FeatureMatrix,
  visit: (chunk: Float32Array, from: number, rowCount: number) => void,
): void => {
  checkColumns(inputs.encoder, features);
  for (let from = 0; from < features.rowCount; from += CHUNK_ROWS) {
    const to = Math.min(features.rowCount, from + CHUNK_ROWS);
    const chunk = inputsOf(inputs, features, from, to);
    visit(map ? fourierFeatures(map, chunk) : chunk, from, to - from);
  }
};
