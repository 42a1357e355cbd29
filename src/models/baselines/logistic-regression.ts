import { z } from 'zod';
import type { FeatureColumn, FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Artifact } from '../artifact.js';
import { fitTransform } from '../column-transform.js';
import type { Detector, Estimator, FitContext, Terms, TrainingData } from '../detector.js';
import { betweenSteps } from '../fit-rows.js';
import { parseParameters } from '../parameters.js';
import { requireBothClasses } from './labelled-rows.js';
import { GRADIENT_TOLERANCE, solveLogistic, type LogisticSolution, type SparseDesign } from './sparse-logistic.js';

/** The term that makes a row's terms add up: the score of an average training row. */
export const BASELINE = 'baseline';

const Parameters = z.strictObject({
  /**
   * `standard`: (x - mean) / sd, as the Fraud Detection Handbook's baseline. `asinh`: asinh((x - median) / scale) first,
   * for heavy tails (models.md 1.1).
   */
  transform: z.enum(['standard', 'asinh']).default('standard'),
  /** Inverse strength of the L2 penalty, as in scikit-learn. */
  c: z.number().positive().default(1),
  iterationsMax: z.number().int().min(1).max(1000).default(100),
});
type Parameters = z.infer<typeof Parameters>;

/**
 * How the columns become design entries. Per column: the first parameter it owns, and for numeric ones the
 * standardisation. A numeric column owns its slope and an indicator of "missing"; a categorical one its levels,
 * "unseen" and "missing". Parameters that training never met stay 0 under the penalty.
 */
interface Encoding {
  readonly columns: readonly FeatureColumn[];
  readonly offsets: readonly number[];
  readonly parameterCount: number;
  /**
   * Per column: center and scale of asinh (scale 0: none), mean and inverse sd of the standardisation, and the least and
   * greatest value seen in training.
   */
  readonly scaling: Float64Array;
}
const SCALING_WIDTH = 6;
const UNSCALED: readonly number[] = Array<number>(SCALING_WIDTH).fill(0);

const offsetsOf = (columns: readonly FeatureColumn[]): { offsets: number[]; parameterCount: number } => {
  let parameterCount = 0;
  const offsets = columns.map((column) => {
    const offset = parameterCount;
    parameterCount += column.kind === 'numeric' ? 2 : column.levels.length + 2;
    return offset;
  });
  return { offsets, parameterCount };
};

const presentValues = (matrix: FeatureMatrix, column: number): Float64Array => {
  const width = matrix.columns.length;
  const present: number[] = [];
  for (let i = column; i < matrix.values.length; i += width)
    if (Number.isFinite(matrix.values[i])) present.push(matrix.values[i]!);
  return Float64Array.from(present);
};

const moments = (values: Float64Array): { mean: number; sd: number } => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return { mean, sd: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) };
};

const fitScaling = (values: Float64Array, transform: Parameters['transform']): readonly number[] => {
  if (values.length === 0) return UNSCALED;
  let center = 0;
  let scale = 0;
  let transformed = values;
  if (transform === 'asinh') {
    ({ center, scale } = fitTransform('asinh', values));
    transformed = values.map((x) => Math.asinh((x - center) / scale));
  }
  const { mean, sd } = moments(transformed);
  // A constant column says nothing; factor 0 keeps it out at scoring time too.
  const inverseSd = sd > 1e-12 * Math.max(1, Math.abs(mean)) ? 1 / sd : 0;
  let [least, greatest] = [Infinity, -Infinity];
  for (const x of values) {
    least = Math.min(least, x);
    greatest = Math.max(greatest, x);
  }
  return [center, scale, mean, inverseSd, least, greatest];
};

/**
 * Numeric cells count as the nearest value seen in training (training rows stay as they are; both transforms rise, so
 * clamping the cell clamps what enters the model). A linear model says nothing beyond its data, yet unbounded it would
 * extrapolate: one huge payment, even a declined one, enters the customer's sums and averages, and a negative weight on any
 * of them would carry all that follows far below every threshold, which is a way to evade.
 */
const encode = (matrix: FeatureMatrix, encoding: Encoding): SparseDesign => {
  const width = matrix.columns.length;
  const index = new Int32Array(matrix.values.length);
  const value = new Float64Array(matrix.values.length).fill(1);
  const { offsets, scaling } = encoding;
  for (let e = 0; e < index.length; e += 1) {
    const c = e % width;
    const column = encoding.columns[c]!;
    const cell = matrix.values[e]!;
    if (column.kind === 'categorical') {
      index[e] = offsets[c]! + (Number.isFinite(cell) ? cell : column.levels.length + 1);
    } else if (Number.isFinite(cell)) {
      const at = c * SCALING_WIDTH;
      const known = Math.min(Math.max(cell, scaling[at + 4]!), scaling[at + 5]!);
      const x = scaling[at + 1]! > 0 ? Math.asinh((known - scaling[at]!) / scaling[at + 1]!) : known;
      index[e] = offsets[c]!;
      value[e] = (x - scaling[at + 2]!) * scaling[at + 3]!;
    } else index[e] = offsets[c]! + 1;
  }
  return { rowCount: matrix.rowCount, width, parameterCount: encoding.parameterCount, index, value };
};

/** Log-odds of fraud; each term is a column's contribution relative to its mean over the training rows. */
class LogisticRegression implements Detector {
  readonly estimator = 'logistic-regression';

  /** @param means mean contribution of each column over the training rows; they and the intercept are the baseline */
  constructor(
    private readonly encoding: Encoding,
    private readonly weights: Float64Array,
    private readonly intercept: number,
    private readonly means: Float64Array,
  ) {}

  score(features: FeatureMatrix): Float64Array {
    const { columns, values } = this.terms(features);
    const width = columns.length;
    return Float64Array.from({ length: features.rowCount }, (_, r) => {
      let sum = 0;
      for (let c = 0; c < width; c += 1) sum += values[r * width + c]!;
      return sum;
    });
  }

  terms(features: FeatureMatrix): Terms {
    requireColumns(this.encoding.columns, features.columns);
    const { index, value, width } = encode(features, this.encoding);
    const out = new Float64Array(features.rowCount * (width + 1));
    const baseline = this.intercept + this.means.reduce((sum, m) => sum + m, 0);
    for (let r = 0, e = 0, at = 0; r < features.rowCount; r += 1) {
      for (let c = 0; c < width; c += 1, e += 1, at += 1) out[at] = this.weights[index[e]!]! * value[e]! - this.means[c]!;
      out[at] = baseline;
      at += 1;
    }
    return { columns: [...this.encoding.columns.map((column) => column.name), BASELINE], values: out };
  }

  save(): Artifact {
    return {
      estimator: this.estimator,
      meta: { columns: this.encoding.columns },
      arrays: {
        scaling: this.encoding.scaling,
        weights: this.weights,
        intercept: Float64Array.of(this.intercept),
        means: this.means,
      },
    };
  }
}

const requireColumns = (expected: readonly FeatureColumn[], given: readonly FeatureColumn[]): void => {
  const names = (columns: readonly FeatureColumn[]): string => columns.map((c) => c.name).join(', ');
  if (names(expected) !== names(given))
    throw new TypeError(`logistic-regression: the columns are ${names(given)}; it was fitted on ${names(expected)}`);
};

const meanContributions = (design: SparseDesign, weights: Float64Array): Float64Array => {
  const sums = new Float64Array(design.width);
  for (let e = 0; e < design.index.length; e += 1) sums[e % design.width]! += weights[design.index[e]!]! * design.value[e]!;
  return sums.map((sum) => sum / design.rowCount);
};

/** Progress is the gradient's way down, on a log scale. */
const solveInSteps = async (
  design: SparseDesign,
  labels: Uint8Array,
  parameters: Parameters,
  context: FitContext,
): Promise<LogisticSolution> => {
  const steps = solveLogistic(design, labels, parameters);
  let share = 0;
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
    const { iteration, objective, gradient } = next.value;
    share = Math.max(share, Math.min(1, Math.log(Math.max(gradient, GRADIENT_TOLERANCE)) / Math.log(GRADIENT_TOLERANCE)));
    await betweenSteps(context, share, `Newton step ${iteration}, loss ${(objective / labels.length).toFixed(5)}`);
  }
};

/**
 * Logistic regression, scikit-learn's objective with C = 1; no class weights (the rank matters, the conformal layer
 * calibrates). Cost: about 10 Newton steps of 10 to 30 passes over the cells each.
 */
export const logisticRegression: Estimator = {
  name: 'logistic-regression',
  family: 'discriminative',
  likelihood: 'none',
  supervised: true,

  async fit(data: TrainingData, context: FitContext): Promise<Detector> {
    const parameters = parseParameters('logistic-regression', Parameters, context.parameters);
    const labels = requireBothClasses('logistic-regression', data);
    const { columns } = data.features;
    const scaling = Float64Array.from(
      columns.flatMap((column, c) =>
        column.kind === 'numeric' ? fitScaling(presentValues(data.features, c), parameters.transform) : UNSCALED,
      ),
    );
    const encoding: Encoding = { columns, ...offsetsOf(columns), scaling };
    const design = encode(data.features, encoding);
    const solution = await solveInSteps(design, labels, parameters, context);
    const means = meanContributions(design, solution.weights);
    return new LogisticRegression(encoding, solution.weights, solution.intercept, means);
  },

  load(artifact: Artifact): Detector {
    if (artifact.estimator !== 'logistic-regression')
      throw new Error(`logistic-regression cannot load an artifact of ${artifact.estimator}`);
    const columns = artifact.meta['columns'] as readonly FeatureColumn[];
    const arrays = artifact.arrays as Readonly<Record<'scaling' | 'weights' | 'intercept' | 'means', Float64Array>>;
    const encoding: Encoding = { columns, ...offsetsOf(columns), scaling: arrays.scaling };
    return new LogisticRegression(encoding, arrays.weights, arrays.intercept[0]!, arrays.means);
  },
};
