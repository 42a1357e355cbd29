import { type FeatureMatrix, featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import type { Detector, Estimator } from '../detector.js';
import { drawFourierMap, fourierFeatures } from './fourier-features.js';
import { hingeObjective, type HingeProblem, solveHinge } from './squared-hinge.js';
import { kernelSvm, linearSvm } from './support-vector-machine.js';

const solve = (problem: HingeProblem): Float64Array => {
  const steps = solveHinge(problem, 100);
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
  }
};

/** ½|w|² + Σ c max(0, 1 - y (w·x + b))², as it is written. */
const objective = ({ inputs, width, signs, costs }: HingeProblem, theta: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < width; i += 1) sum += theta[i]! ** 2 / 2;
  signs.forEach((sign, r) => {
    let margin = theta[width]!;
    for (let i = 0; i < width; i += 1) margin += theta[i]! * inputs[r * width + i]!;
    sum += costs[r]! * Math.max(0, 1 - sign * margin) ** 2;
  });
  return sum;
};

const drawProblem = (rowCount: number, width: number, seed: number): HingeProblem => {
  const random = createRandom(seed);
  const inputs = Float32Array.from({ length: rowCount * width }, () => random.normal());
  const signs = Float64Array.from({ length: rowCount }, (_, r) => (inputs[r * width]! + random.normal() > 1 ? 1 : -1));
  return { inputs, width, signs, costs: signs.map((sign) => (sign > 0 ? 2 : 0.3)) };
};

describe('squared hinge', () => {
  it('is where scikit-learn is', () => {
    // LinearSVC(dual=False, C=0.5, intercept_scaling=1e4, tol=1e-12) of scikit-learn on these points; SciPy's BFGS and
    // Nelder-Mead on the objective give the same.
    const rows = Array.from({ length: 12 }, (_, i) => [
      Math.sin(1.7 * i) + 0.3 * (i % 3),
      Math.cos(2.3 * i) * 2,
      ((i * 7) % 5) / 2,
    ]);
    const signs = Float64Array.of(1, -1, 1, -1, 1, 1, 1, -1, 1, -1, -1, 1);
    const problem = { inputs: Float32Array.from(rows.flat()), width: 3, signs, costs: signs.map(() => 0.5) };
    const theta = solve(problem);
    [0.41350758, 0.38048646, 0.2462357, -0.23096339].forEach((value, i) => expect(theta[i]).toBeCloseTo(value, 5));
    expect(hingeObjective(problem, theta)).toBeCloseTo(3.78162725, 6);
  });

  it('ends where no direction leads down, which for a convex objective is the optimum', () => {
    const problem = drawProblem(300, 6, 1);
    const theta = solve(problem);
    expect(hingeObjective(problem, theta)).toBeCloseTo(objective(problem, theta), 9);
    for (let i = 0; i <= 6; i += 1) {
      const [up, down] = [1e-4, -1e-4].map((d) =>
        objective(
          problem,
          theta.map((t, j) => (j === i ? t + d : t)),
        ),
      );
      expect(Math.abs(up! - down!) / 2e-4).toBeLessThan(1e-4);
    }
  });
});

describe('random Fourier features', () => {
  it('have the Gaussian kernel for their inner products', () => {
    const map = drawFourierMap(3, 20_000, 0.4, createRandom(1));
    const points = Float32Array.of(0.1, -0.5, 1, 0.9, 0.2, 0.4);
    const features = fourierFeatures(map, points, 2);
    let product = 0;
    for (let f = 0; f < 20_000; f += 1) product += features[f]! * features[20_000 + f]!;
    expect(Math.abs(product - Math.exp(-0.4 * (0.8 ** 2 + 0.7 ** 2 + 0.6 ** 2)))).toBeLessThan(0.03);
  });
});

describe('support vector machines', () => {
  const columns = [numericColumn('x'), numericColumn('y')];
  const draw = (rowCount: number, seed: number, fraud: (x: number, y: number) => boolean) => {
    const random = createRandom(seed);
    const cells = Array.from({ length: rowCount }, () => [random.normal(), random.normal()] as const);
    const features: FeatureMatrix = featureMatrix(columns, Float32Array.from(cells.flat()));
    return { features, labels: Uint8Array.from(cells, ([x, y]) => (fraud(x, y) ? 1 : 0)) };
  };
  const fit = (estimator: Estimator, data: ReturnType<typeof draw>, parameters = {}): Promise<Detector> =>
    estimator.fit(data, { random: createRandom(1), backend: createSimdBackend(), parameters });
  const accuracy = (detector: Detector, { features, labels }: ReturnType<typeof draw>): number =>
    detector.score(features).reduce((hits, score, r) => hits + (score > 0 === (labels[r] === 1) ? 1 : 0), 0) / labels.length;

  it('part a circle with a kernel, and cannot without', async () => {
    const inCircle = (x: number, y: number): boolean => x * x + y * y < 1.2;
    const [train, test] = [draw(1500, 1, inCircle), draw(1000, 2, inCircle)];
    expect(accuracy(await fit(kernelSvm, train, { features: 200 }), test)).toBeGreaterThan(0.95);
    expect(accuracy(await fit(linearSvm, train), test)).toBeLessThan(0.6);
  });

  it('give log-odds: P(fraud) of rows alike is their share of fraud', async () => {
    const random = createRandom(5);
    const noisy = (x: number): boolean => random.uniform() < 1 / (1 + Math.exp(2 - 1.5 * x));
    const [train, test] = [draw(4000, 3, noisy), draw(4000, 4, noisy)];
    // Sampling legitimate rows down leaves the log-odds where they are.
    for (const rowsMax of [10_000, 2500]) {
      const scores = (await fit(linearSvm, train, { rowsMax })).score(test.features);
      const mean = scores.reduce((sum, score) => sum + 1 / (1 + Math.exp(-score)), 0) / 4000;
      expect(Math.abs(mean - test.labels.reduce((sum, label) => sum + label, 0) / 4000)).toBeLessThan(0.03);
    }
  });
});
