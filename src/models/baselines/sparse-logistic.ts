/**
 * L2-regularised logistic regression in scikit-learn's form: minimise ½‖w‖² + C Σ log(1 + exp(-y (w·x + b))), with the
 * intercept b unpenalised, by a truncated Newton method (Lin, Weng & Keerthi 2008): conjugate gradients on the Hessian,
 * preconditioned by its diagonal, with a backtracking line search. All in Float64.
 *
 * Every design row has one entry per column: `index[r * width + c]` is the parameter and `value[r * width + c]` its
 * factor. A one-hot level is an index with factor 1, so wide categoricals cost nothing.
 */
export interface SparseDesign {
  readonly rowCount: number;
  readonly width: number;
  readonly parameterCount: number;
  readonly index: Int32Array;
  readonly value: Float64Array;
}

export interface LogisticSolution {
  readonly weights: Float64Array;
  readonly intercept: number;
  readonly iterations: number;
}

export interface SolverOptions {
  readonly c: number;
  readonly iterationsMax: number;
}

/** Where a Newton step begins: the objective, and the gradient's largest entry relative to the first one. */
export interface NewtonStep {
  readonly iteration: number;
  readonly objective: number;
  readonly gradient: number;
}

/** Gradient's largest entry at which the optimum counts as reached, relative to the one at the start. */
export const GRADIENT_TOLERANCE = 1e-9;
/**
 * A step that promises less than this share of the objective is drowned by the objective's own rounding (with columns of
 * heavy tails long before the gradient's tolerance is met): comparing objectives would refuse it by chance, and accept ever
 * shorter ones that change nothing. The gradient judges it instead.
 */
const GAIN_MIN = 1e-13;

/** w·x + b of every row; the intercept is the last parameter. */
const margins = (design: SparseDesign, theta: Float64Array): Float64Array => {
  const { rowCount, width, index, value, parameterCount } = design;
  const out = new Float64Array(rowCount);
  for (let r = 0, e = 0; r < rowCount; r += 1) {
    let sum = theta[parameterCount]!;
    for (let c = 0; c < width; c += 1, e += 1) sum += theta[index[e]!]! * value[e]!;
    out[r] = sum;
  }
  return out;
};

/** Σ over rows of factor[r] · (x, 1)[r], with x squared where asked. */
const gather = (design: SparseDesign, factor: Float64Array, squared = false): Float64Array => {
  const { rowCount, width, index, value, parameterCount } = design;
  const out = new Float64Array(parameterCount + 1);
  for (let r = 0, e = 0; r < rowCount; r += 1) {
    const f = factor[r]!;
    for (let c = 0; c < width; c += 1, e += 1) out[index[e]!]! += f * (squared ? value[e]! ** 2 : value[e]!);
    out[parameterCount]! += f;
  }
  return out;
};

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
};
const largest = (a: Float64Array): number => a.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
/** a + step · b, in place. */
const add = (a: Float64Array, b: Float64Array, step: number): void => {
  for (let i = 0; i < a.length; i += 1) a[i]! += step * b[i]!;
};

const sigmoid = (z: number): number => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

/** v -> H v, never the matrix itself. @param curvature of each row's loss in its margin */
const hessian =
  (design: SparseDesign, curvature: Float64Array) =>
  (v: Float64Array): Float64Array => {
    const product = gather(
      design,
      margins(design, v).map((m, r) => m * curvature[r]!),
    );
    for (let i = 0; i < design.parameterCount; i += 1) product[i]! += v[i]!;
    return product;
  };

/** Solves H d = -g to the given relative residual. */
const conjugateGradients = (
  multiply: (v: Float64Array) => Float64Array,
  diagonal: Float64Array,
  gradient: Float64Array,
  relativeResidual: number,
): Float64Array => {
  const direction = new Float64Array(gradient.length);
  const residual = gradient.map((g) => -g);
  let conditioned = residual.map((r, i) => r / diagonal[i]!);
  const search = conditioned.slice();
  let before = dot(residual, conditioned);
  const target = relativeResidual ** 2 * before;
  for (let i = 0; i < 2 * gradient.length + 20 && before > target; i += 1) {
    const product = multiply(search);
    const step = before / dot(search, product);
    add(direction, search, step);
    add(residual, product, -step);
    conditioned = residual.map((r, j) => r / diagonal[j]!);
    const now = dot(residual, conditioned);
    for (let j = 0; j < search.length; j += 1) search[j] = conditioned[j]! + (now / before) * search[j]!;
    before = now;
  }
  return direction;
};

/**
 * Yields before every Newton step, so that its caller can report and stop; returns the solution.
 *
 * @param labels 1 or 0 per design row, both present
 */
export function* solveLogistic(
  design: SparseDesign,
  labels: Uint8Array,
  options: SolverOptions,
): Generator<NewtonStep, LogisticSolution> {
  const { c } = options;
  const last = design.parameterCount;
  const theta = new Float64Array(last + 1);
  const share = labels.reduce((sum, y) => sum + y, 0) / labels.length;
  theta[last] = Math.log(share / (1 - share));
  const penalised = (v: Float64Array): number => dot(v, v) - v[last]! ** 2;
  const objectiveAt = (z: Float64Array, at: Float64Array): number =>
    0.5 * penalised(at) + c * z.reduce((sum, m, r) => sum + softplus(labels[r] ? -m : m), 0);

  let z = margins(design, theta);
  let objective = objectiveAt(z, theta);
  let firstGradient = 0;
  /** The gradient before the last step, where that step was too small for the objective to judge. */
  let unjudgedFrom = Infinity;
  for (let iteration = 1; ; iteration += 1) {
    const p = z.map(sigmoid);
    const gradient = gather(
      design,
      p.map((q, r) => c * (q - labels[r]!)),
    );
    for (let i = 0; i < last; i += 1) gradient[i]! += theta[i]!;
    firstGradient ||= largest(gradient);
    const relative = firstGradient === 0 ? 0 : largest(gradient) / firstGradient;
    yield { iteration, objective, gradient: relative };
    const done = { weights: theta.slice(0, last), intercept: theta[last], iterations: iteration };
    // Newton's last steps shrink the gradient tenfold and more; one that does not even halve it has met rounding.
    const stuck = relative > 0.5 * unjudgedFrom;
    if (relative < GRADIENT_TOLERANCE || stuck || iteration >= options.iterationsMax) return done;

    const curvature = p.map((q) => c * q * (1 - q));
    const diagonal = gather(design, curvature, true).map((d, i) => (i < last ? d + 1 : Math.max(d, 1e-12)));
    const direction = conjugateGradients(hessian(design, curvature), diagonal, gradient, Math.min(0.1, Math.sqrt(relative)));
    const slope = dot(gradient, direction);
    const judged = -0.5 * slope > GAIN_MIN * objective;
    unjudgedFrom = judged ? Infinity : relative;
    let step = 1;
    for (; step > 1e-10; step /= 2) {
      const trial = theta.map((t, i) => t + step * direction[i]!);
      const trialZ = margins(design, trial);
      const trialObjective = objectiveAt(trialZ, trial);
      if (judged && trialObjective > objective + 1e-4 * step * slope) continue;
      theta.set(trial);
      z = trialZ;
      objective = trialObjective;
      break;
    }
    // No step lowers the objective any more: rounding is all that is left.
    if (step <= 1e-10) return done;
  }
}
