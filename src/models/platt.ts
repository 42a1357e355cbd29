/**
 * P(fraud | score) = 1 / (1 + exp(-(slope · score + offset))).
 *
 * Platt (1999) with his smoothed targets, so that a perfectly separated slice stays finite; Newton's method with
 * backtracking of Lin, Lin & Weng (2007).
 */
export interface Platt {
  readonly slope: number;
  readonly offset: number;
}

const STEPS_MAX = 100;

/**
 * @param scores of rows that the model was not fitted on
 * @param labels 1 = fraud, 0 = legitimate
 * @throws RangeError when a class is missing
 */
export const fitPlatt = (scores: ArrayLike<number>, labels: ArrayLike<number>): Platt => {
  const n = scores.length;
  let frauds = 0;
  for (let i = 0; i < n; i += 1) frauds += labels[i]!;
  if (frauds === 0 || frauds === n) throw new RangeError(`${frauds} frauds in ${n} rows: a fraud probability needs both classes`);
  const high = (frauds + 1) / (frauds + 2);
  const low = 1 / (n - frauds + 2);
  const target = Float64Array.from({ length: n }, (_, i) => (labels[i] ? high : low));
  const { center, scale } = standardise(scores);
  const x = Float64Array.from({ length: n }, (_, i) => (scores[i]! - center) / scale);

  let a = 0;
  let b = Math.log(frauds / (n - frauds));
  let loss = lossAt(x, target, a, b);
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const { ga, gb, haa, hab, hbb } = derivatives(x, target, a, b);
    if (Math.max(Math.abs(ga), Math.abs(gb)) < 1e-10 * n) break;
    const determinant = haa * hbb - hab * hab;
    const da = -(hbb * ga - hab * gb) / determinant;
    const db = -(haa * gb - hab * ga) / determinant;
    let size = 1;
    while (size > 1e-10 && lossAt(x, target, a + size * da, b + size * db) > loss + 1e-4 * size * (ga * da + gb * db)) size /= 2;
    if (size <= 1e-10) break;
    a += size * da;
    b += size * db;
    loss = lossAt(x, target, a, b);
  }
  return { slope: a / scale, offset: b - (a * center) / scale };
};

/** In (0, 1); rises with the score when the slope is positive. */
export const plattProbability = ({ slope, offset }: Platt, score: number): number =>
  1 / (1 + Math.exp(-(slope * score + offset)));

/** Scores in units of their spread keep the Hessian well conditioned. */
const standardise = (scores: ArrayLike<number>): { center: number; scale: number } => {
  const values = Float64Array.from(scores);
  const center = values.reduce((sum, s) => sum + s, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, s) => sum + (s - center) ** 2, 0) / values.length);
  return { center, scale: spread > 0 ? spread : 1 };
};

const lossAt = (x: Float64Array, target: Float64Array, a: number, b: number): number => {
  let loss = 0;
  for (let i = 0; i < x.length; i += 1) {
    const z = a * x[i]! + b;
    loss += Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - target[i]! * z;
  }
  return loss;
};

const derivatives = (x: Float64Array, target: Float64Array, a: number, b: number) => {
  // The ridge keeps the Hessian invertible where all scores are equal.
  const sums = { ga: 0, gb: 0, haa: 1e-12, hab: 0, hbb: 1e-12 };
  for (let i = 0; i < x.length; i += 1) {
    const p = 1 / (1 + Math.exp(-(a * x[i]! + b)));
    const curvature = p * (1 - p);
    sums.ga += x[i]! * (p - target[i]!);
    sums.gb += p - target[i]!;
    sums.haa += x[i]! ** 2 * curvature;
    sums.hab += x[i]! * curvature;
    sums.hbb += curvature;
  }
  return sums;
};
