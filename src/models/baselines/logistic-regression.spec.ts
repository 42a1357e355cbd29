import { featureMatrix, numericColumn, type FeatureColumn, type FeatureMatrix } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import type { Detector, FitContext } from '../detector.js';
import { BASELINE, logisticRegression } from './logistic-regression.js';
import { solveLogistic, type LogisticSolution, type NewtonStep, type SparseDesign } from './sparse-logistic.js';

/** Logistic regression uses no tensors. */
const context = { random: createRandom(1) } as FitContext;
const dense = (rows: readonly (readonly number[])[]): SparseDesign => ({
  rowCount: rows.length,
  width: rows[0]!.length,
  parameterCount: rows[0]!.length,
  index: Int32Array.from(rows.flatMap((row) => row.map((_, c) => c))),
  value: Float64Array.from(rows.flat()),
});
const solve = (design: SparseDesign, labels: Uint8Array, c: number): LogisticSolution & { last: NewtonStep } => {
  const steps = solveLogistic(design, labels, { c, iterationsMax: 100 });
  let last: NewtonStep | undefined;
  for (;;) {
    const next = steps.next();
    if (next.done) return { ...next.value, last: last! };
    last = next.value;
  }
};
/** Standardised columns, exp(heaviness * normal) where heaviness is not 0; the three frauds lie `shift` higher in the first. */
const skewed = (n: number, width: number, heaviness: number, shift: number, seed: number) => {
  const random = createRandom(seed);
  const labels = Uint8Array.from({ length: n }, (_, r) => (r < 3 ? 1 : 0));
  const columns = Array.from({ length: width }, (_, c) => {
    const draw = (): number => (heaviness > 0 ? Math.exp(heaviness * random.normal()) : random.normal());
    const values = Array.from(labels, (y) => draw() + (y === 1 && c === 0 ? shift : 0));
    const mean = values.reduce((sum, x) => sum + x / n, 0);
    const sd = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2 / n, 0));
    return values.map((x) => (x - mean) / sd);
  });
  return { design: dense(Array.from(labels, (_, r) => columns.map((column) => column[r]!))), labels };
};
const fit = (features: FeatureMatrix, labels: Uint8Array, parameters = {}): Promise<Detector> =>
  logisticRegression.fit({ features, labels }, { ...context, parameters });
const level: FeatureColumn = { name: 'kind', field: 'kind', kind: 'categorical', levels: ['a', 'b', 'c'], risk: 'none' };

/** Two normal columns and a categorical one, with labels from a known logistic model. */
const world = (n: number, seed: number) => {
  const random = createRandom(seed);
  const values = new Float32Array(3 * n);
  const labels = new Uint8Array(n);
  for (let r = 0; r < n; r += 1) {
    const x = 5 + 2 * random.normal();
    const y = random.normal();
    const k = random.integer(3);
    values.set([x, y, k], 3 * r);
    const logOdds = -3 + 1.5 * ((x - 5) / 2) - y + (k === 2 ? 1 : 0);
    labels[r] = random.uniform() < 1 / (1 + Math.exp(-logOdds)) ? 1 : 0;
  }
  return { features: featureMatrix([numericColumn('x'), numericColumn('y'), level], values), labels };
};

describe('logistic solver', () => {
  it('reaches the closed form where all rows are equal within a group and the penalty vanishes', () => {
    // Two groups with 1 of 4 and 3 of 4 frauds: log-odds -log 3 and log 3.
    const design = dense([[0], [0], [0], [0], [1], [1], [1], [1]]);
    const { weights, intercept } = solve(design, Uint8Array.of(1, 0, 0, 0, 1, 1, 1, 0), 1e9);
    expect(intercept).toBeCloseTo(-Math.log(3), 6);
    expect(weights[0]).toBeCloseTo(2 * Math.log(3), 6);
  });

  it('solves the penalised problem: one column, symmetric data', () => {
    // x = ±1 with y = sign x: intercept 0 and w = 2 C sigmoid(-w) with two rows.
    const { weights, intercept } = solve(dense([[1], [-1]]), Uint8Array.of(1, 0), 1);
    expect(intercept).toBeCloseTo(0, 9);
    expect(weights[0]).toBeCloseTo(2 / (1 + Math.exp(weights[0]!)), 9);
  });

  it('leaves no gradient, on ill-conditioned columns too', () => {
    const random = createRandom(4);
    const rows = Array.from({ length: 300 }, () => {
      const x = random.normal();
      return [x, x + 1e-3 * random.normal(), 1000 * random.normal()];
    });
    const labels = Uint8Array.from(rows, ([x]) => (x! + random.normal() > 1 ? 1 : 0));
    expect(solve(dense(rows), labels, 1).last.gradient).toBeLessThan(1e-8);
  });

  it.each([
    ['few rows that a column parts', 100, 5, 0, 30],
    ['many rows that a column parts', 5000, 20, 0, 1000],
    // The gain of the last steps drowns in the objective's rounding: comparing objectives went on to iteration 100.
    ['few rows of heavy tails', 300, 30, 4, 0],
    ['many rows of heavy tails', 20_000, 20, 4, 0],
    ['few rows of heavy tails that a column nearly parts', 100, 5, 4, 1000],
  ])('needs few Newton steps for %s', (_, n, width, heaviness, shift) => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const { design, labels } = skewed(n, width, heaviness, shift, seed);
      const { iterations, last, weights } = solve(design, labels, 1);
      expect(iterations).toBeLessThanOrEqual(16);
      expect(last.gradient).toBeLessThan(1e-7);
      expect(weights.every(Number.isFinite)).toBe(true);
    }
  });
});

describe('logistic regression', () => {
  it('recovers a known model', async () => {
    const { features, labels } = world(20_000, 1);
    const detector = await fit(features, labels);
    const at = (x: number, y: number, k: number) => detector.score(featureMatrix(features.columns, Float32Array.of(x, y, k)))[0]!;
    expect(at(5, 0, 0)).toBeCloseTo(-3, 0);
    expect(Math.abs(at(7, 0, 0) - at(5, 0, 0) - 1.5)).toBeLessThan(0.1);
    expect(Math.abs(at(5, 1, 0) - at(5, 0, 0) + 1)).toBeLessThan(0.1);
    expect(Math.abs(at(5, 0, 2) - at(5, 0, 0) - 1)).toBeLessThan(0.15);
  });

  it('has terms that add up to the score exactly, each 0 on the training mean', async () => {
    const { features, labels } = world(500, 2);
    const detector = await fit(features, labels);
    const terms = detector.terms!(features);
    expect(terms.columns).toEqual(['x', 'y', 'kind', BASELINE]);
    const means = new Float64Array(4);
    detector.score(features).forEach((score, r) => {
      const row = terms.values.subarray(4 * r, 4 * r + 4);
      expect(row.reduce((sum, t) => sum + t, 0)).toBe(score);
      row.forEach((t, c) => (means[c]! += t / 500));
    });
    for (const mean of means.subarray(0, 3)) expect(mean).toBeCloseTo(0, 12);
  });

  it('scores missing, unseen and extreme cells without NaN, and learns from missing ones', async () => {
    const { features, labels } = world(2000, 3);
    // Column y is missing for half of the frauds and for no one else.
    labels.forEach((y, r) => {
      if (y && r % 2) features.values[3 * r + 1] = NaN;
    });
    const detector = await fit(features, labels);
    const rows = Float32Array.of(5, NaN, 0, 5, 0, 0, 5, 0, 3, NaN, NaN, NaN, 3e38, -3e38, 1);
    const scores = detector.score(featureMatrix(features.columns, rows));
    expect(scores.every(Number.isFinite)).toBe(true);
    expect(scores[0]! - scores[1]!).toBeGreaterThan(2);
  });

  it.each(['standard', 'asinh'])('takes a cell beyond the training range as its nearest end (%s)', async (transform) => {
    const { features, labels } = world(2000, 9);
    const detector = logisticRegression.load((await fit(features, labels, { transform })).save(), context);
    const of = (column: number): number[] => [...features.values].filter((_, i) => i % 3 === column);
    const [lowX, highX, highY] = [Math.min(...of(0)), Math.max(...of(0)), Math.max(...of(1))];
    const termsOf = (x: number, y: number): number[] => [
      ...detector.terms!(featureMatrix(features.columns, Float32Array.of(x, y, 0))).values,
    ];
    // y has a negative weight: a huge one would else hide any fraud.
    expect(termsOf(6, 1e12)).toEqual(termsOf(6, highY));
    expect(termsOf(1e12, 0)).toEqual(termsOf(highX, 0));
    expect(termsOf(-1e12, 0)).toEqual(termsOf(lowX, 0));
    const huge = featureMatrix(features.columns, Float32Array.of(1e12, 1e12, 0));
    expect(termsOf(1e12, 1e12).reduce((sum, t) => sum + t, 0)).toBe(detector.score(huge)[0]);
  });

  it.each(['standard', 'asinh'])('is the same after saving and loading (%s)', async (transform) => {
    const { features, labels } = world(300, 5);
    const detector = await fit(features, labels, { transform });
    const loaded = logisticRegression.load(detector.save(), context);
    expect(loaded.score(features)).toEqual(detector.score(features));
  });

  it('does not depend on the units of a column', async () => {
    const { features, labels } = world(1000, 6);
    const scaled = { ...features, values: features.values.map((v, i) => (i % 3 === 0 ? v * 1024 : v)) };
    const [a, b] = [(await fit(features, labels)).score(features), (await fit(scaled, labels)).score(scaled)];
    a.forEach((score, r) => expect(b[r]).toBeCloseTo(score, 5));
  });

  it('stops when its signal says so', async () => {
    const { features, labels } = world(200, 8);
    const controller = new AbortController();
    const onProgress = (): void => controller.abort(new Error('enough'));
    const fitting = logisticRegression.fit({ features, labels }, { ...context, signal: controller.signal, onProgress });
    await expect(fitting).rejects.toThrow('enough');
  });

  it('refuses what it cannot fit', async () => {
    const { features, labels } = world(20, 7);
    await expect(logisticRegression.fit({ features }, context)).rejects.toThrow(/labels: none/);
    await expect(fit(features, new Uint8Array(20))).rejects.toThrow(/0 frauds in 20 rows/);
    await expect(fit(features, labels, { c: -1 })).rejects.toThrow(/parameter "c" is -1/);
    const detector = await fit(
      features,
      Uint8Array.from(labels, (_, r) => r % 2),
    );
    expect(() => detector.score(featureMatrix([numericColumn('x')], Float32Array.of(1)))).toThrow(/columns are x/);
  });
});
