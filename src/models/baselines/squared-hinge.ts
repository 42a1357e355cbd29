/**
 * Support vector machine with squared hinge, L2-regularised, in the primal: minimise
 *   ½‖w‖² + Σ_i c_i max(0, 1 − y_i (w·x_i + b))²,  b unpenalised,
 * by a truncated Newton method (Keerthi & DeCoste 2005; liblinear's solver 2, Lin, Weng & Keerthi 2008): conjugate gradients on
 * the generalised Hessian, of which only the support vectors are part, and backtracking. The objective is convex and smooth, so
 * the optimum is one and chance has no say. Cost: some ten steps of 10 to 50 passes over the support vectors.
 */
export interface HingeProblem {
  /** rows x width */
  readonly inputs: Float32Array;
  readonly width: number;
  /** +1 fraud, -1 legitimate. */
  readonly signs: Float64Array;
  /** c_i of each row. */
  readonly costs: Float64Array;
}

/** Weights, then b. */
export type HingeSolution = Float64Array;

export interface HingeStep {
  readonly iteration: number;
  readonly objective: number;
  /** The gradient's norm relative to the first one. */
  readonly gradient: number;
}

export const GRADIENT_TOLERANCE = 1e-7;
const CONJUGATE_STEPS_MAX = 200;
const SHORTEST_STEP = 1e-10;

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
};

/** w·x + b of one row. */
export const margin = (theta: Float64Array, inputs: Float32Array, row: number, width: number): number => {
  let sum = theta[width]!;
  for (let i = 0, at = row * width; i < width; i += 1, at += 1) sum += theta[i]! * inputs[at]!;
  return sum;
};

/** target += factor (x_row, 1) */
const addRow = (target: Float64Array, factor: number, { inputs, width }: HingeProblem, row: number): void => {
  for (let i = 0, at = row * width; i < width; i += 1, at += 1) target[i]! += factor * inputs[at]!;
  target[width]! += factor;
};

const penalty = (theta: Float64Array): number => 0.5 * (dot(theta, theta) - theta.at(-1)! ** 2);

/** What each row lacks to a margin of 1; support vectors lack some. */
const lacksOf = ({ inputs, width, signs }: HingeProblem, theta: Float64Array): Float64Array =>
  signs.map((sign, r) => Math.max(0, 1 - sign * margin(theta, inputs, r, width)));

export const hingeObjective = (problem: HingeProblem, theta: Float64Array): number =>
  lacksOf(problem, theta).reduce((sum, lack, r) => sum + problem.costs[r]! * lack * lack, penalty(theta));

/** theta without its last entry, which no penalty touches. */
const withoutBias = (theta: Float64Array): Float64Array => theta.map((value, i) => (i < theta.length - 1 ? value : 0));

/** H v = v (b apart) + 2 Σ over support vectors of c_i (x_i·v) x_i. */
const multiplyHessian = (problem: HingeProblem, support: readonly number[], v: Float64Array): Float64Array => {
  const product = withoutBias(v);
  for (const r of support) addRow(product, 2 * problem.costs[r]! * margin(v, problem.inputs, r, problem.width), problem, r);
  return product;
};

/** Solves H d = -g to a relative residual; yields `step` between passes. */
function* newtonDirection(
  multiply: (v: Float64Array) => Float64Array,
  gradient: Float64Array,
  relativeResidual: number,
  step: HingeStep,
): Generator<HingeStep, Float64Array> {
  const direction = new Float64Array(gradient.length);
  const residual = gradient.map((g) => -g);
  const search = residual.slice();
  let before = dot(residual, residual);
  const target = relativeResidual ** 2 * before;
  for (let i = 0; i < CONJUGATE_STEPS_MAX && before > target; i += 1) {
    yield step;
    const product = multiply(search);
    const curvature = dot(search, product);
    if (curvature <= 0) break;
    const length = before / curvature;
    for (let j = 0; j < search.length; j += 1) {
      direction[j]! += length * search[j]!;
      residual[j]! -= length * product[j]!;
    }
    const now = dot(residual, residual);
    for (let j = 0; j < search.length; j += 1) search[j] = residual[j]! + (now / before) * search[j]!;
    before = now;
  }
  return direction;
}

/** Yields between passes over the rows, so that its caller can report and stop; returns the solution. */
export function* solveHinge(problem: HingeProblem, iterationsMax: number): Generator<HingeStep, HingeSolution> {
  let theta = new Float64Array(problem.width + 1);
  let objective = hingeObjective(problem, theta);
  let first = 0;
  for (let iteration = 1; ; iteration += 1) {
    const lacks = lacksOf(problem, theta);
    const support = [...lacks.keys()].filter((r) => lacks[r]! > 0);
    const gradient = withoutBias(theta);
    for (const r of support) addRow(gradient, -2 * problem.costs[r]! * problem.signs[r]! * lacks[r]!, problem, r);
    const norm = Math.sqrt(dot(gradient, gradient));
    first ||= norm;
    const relative = first === 0 ? 0 : norm / first;
    const now = { iteration, objective, gradient: relative };
    yield now;
    if (relative < GRADIENT_TOLERANCE || iteration >= iterationsMax) return theta;
    const multiply = (v: Float64Array): Float64Array => multiplyHessian(problem, support, v);
    const direction = yield* newtonDirection(multiply, gradient, Math.min(0.1, Math.sqrt(relative)), now);
    const slope = dot(gradient, direction);
    let step = 1;
    let moved: { theta: Float64Array<ArrayBuffer>; objective: number } | undefined;
    for (; step > SHORTEST_STEP && !moved; step /= 2) {
      const trial = theta.map((t, i) => t + step * direction[i]!);
      const trialObjective = hingeObjective(problem, trial);
      if (trialObjective <= objective + 1e-4 * step * slope) moved = { theta: trial, objective: trialObjective };
    }
    // No step lowers the objective any more: rounding is all that is left.
    if (!moved) return theta;
    ({ theta, objective } = moved);
  }
}
