import { type FeatureColumn, featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { createSimdBackend } from '../tensor/simd.js';
import { gaussianProcess } from './baselines/gaussian-process.js';
import { meanNearest, nearestNeighbours } from './baselines/nearest-neighbours.js';
import { encodeRows, fitEncoder } from './column-encoder.js';
import { rowDistances } from './row-distances.js';

const kind: FeatureColumn = { name: 'kind', field: 'kind', kind: 'categorical', levels: ['a', 'b', 'c'], risk: 'both' };
const columns = [numericColumn('x'), numericColumn('y'), numericColumn('same'), kind];
const random = createRandom(5);
const rows = featureMatrix(
  columns,
  Float32Array.from(
    Array.from({ length: 60 }, (_, r) => [
      Math.exp(random.normal()),
      r % 7 === 0 ? NaN : random.normal(),
      4,
      random.integer(2),
    ]).flat(),
  ),
);
const encoder = fitEncoder(rows, { transform: 'asinh', atoms: false });
const encoded = encodeRows(encoder, rows);

/** By the definition, cell by cell. */
const bruteForce = (i: number, j: number): number => {
  let sum = 0;
  columns.forEach((column, c) => {
    const z = Array.from({ length: 60 }, (_, r) => encoded.z[r * 4 + c]!);
    const mean = z.reduce((total, x) => total + x / 60, 0);
    const sd = Math.sqrt(z.reduce((total, x) => total + (x - mean) ** 2 / 60, 0)) || 1;
    if (column.kind === 'numeric') sum += ((z[i]! - z[j]!) / sd) ** 2;
    if (encoded.outcomes[i * 4 + c] !== encoded.outcomes[j * 4 + c]) sum += column.kind === 'numeric' ? 1 : 2;
  });
  return sum;
};

describe('row distances', () => {
  const distances = rowDistances(encoder, encoded);

  it('add up standardised differences, other levels and missing cells', () => {
    const into = new Float64Array(60);
    for (const i of [0, 1, 14, 33]) {
      distances.squaredAmong(i, into);
      into.forEach((value, j) => expect(value).toBeCloseTo(bruteForce(i, j), 10));
    }
  });

  it('count a column that never varied, and an unseen level, once they differ', () => {
    const odd = encodeRows(encoder, featureMatrix(columns, Float32Array.of(1, 0, 5, 2, 1, 0, 4, 0)));
    const [broken, usual] = [new Float64Array(60), new Float64Array(60)];
    distances.squared(odd, 0, broken);
    distances.squared(odd, 1, usual);
    const level = (j: number): number => encoded.outcomes[j * 4 + 3]!;
    const step = encoded.z[2]! - odd.z[2]!;
    broken.forEach((value, j) => expect(value - usual[j]!).toBeCloseTo(step * step + 1 + 2 - (level(j) === 0 ? 0 : 2), 10));
  });
});

describe('detectors by distance', () => {
  const context = { random: createRandom(1), backend: createSimdBackend() };
  const into = new Float64Array(60);
  const distances = rowDistances(encoder, encoded);

  it('nearest neighbours: the mean of the k smallest distances', async () => {
    const scores = (await nearestNeighbours.fit({ features: rows }, { ...context, parameters: { neighbours: 3 } })).score(rows);
    for (const i of [0, 5, 20]) {
      distances.squaredAmong(i, into);
      const [a, b, c] = [...into].sort((x, y) => x - y).map(Math.sqrt) as [number, number, number];
      expect(scores[i]).toBeCloseTo((a + b + c) / 3, 10);
    }
    expect(meanNearest(Float64Array.of(9, 1, 4, 16), new Float64Array(2))).toBe(1.5);
  });

  it('Gaussian process: two equal rows are one observation of half the noise', async () => {
    const equal = featureMatrix([numericColumn('x')], Float32Array.of(3, 3));
    const detector = await gaussianProcess.fit({ features: equal }, { ...context, parameters: { noise: 0.25 } });
    expect(detector.score(equal)[0]).toBeCloseTo(Math.log(1.125), 12);
    // k^2 = exp(-2 d^2) of that at squared distance d^2: here asinh(5)^2, and 1 for a value that the column never had.
    const far = featureMatrix([numericColumn('x')], Float32Array.of(8));
    expect(detector.score(far)[0]).toBeCloseTo(Math.log(1.125) + 2 * (Math.asinh(5) ** 2 + 1), 10);
  });

  it('Gaussian process: far rows stay in order where the variance is 1 in any precision', async () => {
    const detector = await gaussianProcess.fit({ features: rows }, context);
    const outliers = [1e6, 1e12, 1e30].map((x) => [x, 0, 4, 0]);
    const [near, farther, farthest] = detector.score(featureMatrix(columns, Float32Array.from(outliers.flat())));
    expect(farther!).toBeGreaterThan(near!);
    expect(farthest!).toBeGreaterThan(farther!);
  });
});
