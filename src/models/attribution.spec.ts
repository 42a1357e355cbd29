import { type FeatureMatrix, featureMatrix, numericColumn, selectRows } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { attribute } from './attribution.js';

const random = createRandom(1);
const matrix = (rowCount: number, width: number): FeatureMatrix =>
  featureMatrix(
    Array.from({ length: width }, (_, c) => numericColumn(`x${c}`)),
    Float32Array.from({ length: rowCount * width }, () => random.normal()),
  );
const byRow = (f: (row: Float32Array) => number) => (features: FeatureMatrix) =>
  Float64Array.from({ length: features.rowCount }, (_, r) =>
    f(features.values.subarray(r * features.columns.length, (r + 1) * features.columns.length)),
  );
const meanOf = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

test.each([3, 6, 12, 40])('a linear score of %i columns: weight x distance from the background mean', (width) => {
  const background = matrix(12, width);
  const row = matrix(1, width);
  const { columns, values } = attribute(
    byRow((x) => x.reduce((sum, value, c) => sum + (c + 1) * value, 0)),
    background,
    row,
  );
  expect(columns).toEqual([...row.columns.map(({ name }) => name), 'baseline']);
  for (let c = 0; c < width; c += 1) {
    const center = meanOf(background.values.filter((_, at) => at % width === c));
    expect(values[c]).toBeCloseTo((c + 1) * (row.values[c]! - center), 4);
  }
});

/** Shapley values by their definition: the mean over all d! orders. */
const byAllOrders = (f: (row: Float32Array) => number, background: FeatureMatrix, row: Float32Array): number[] => {
  const width = row.length;
  const ordersOf = (rest: number[]): number[][] =>
    rest.length === 0 ? [[]] : rest.flatMap((c) => ordersOf(rest.filter((other) => other !== c)).map((tail) => [c, ...tail]));
  const phi = new Array<number>(width).fill(0);
  const orders = ordersOf([...row.keys()]);
  for (const order of orders)
    for (let b = 0; b < background.rowCount; b += 1) {
      const hybrid = background.values.slice(b * width, (b + 1) * width);
      let before = f(hybrid);
      for (const c of order) {
        hybrid[c] = row[c]!;
        phi[c]! += (f(hybrid) - before) / (orders.length * background.rowCount);
        before = f(hybrid);
      }
    }
  return phi;
};
const tangled = (x: Float32Array): number => x[0]! * x[1]! + Math.exp(0.3 * x[2]!) * Math.sin(x[3]!) + Math.max(x[0]!, x[4]!);

test('a score with interactions: the mean over all orders, by brute force', () => {
  const background = matrix(8, 5);
  const row = matrix(1, 5);
  const { values } = attribute(byRow(tangled), background, row);
  byAllOrders(tangled, background, row.values).forEach((phi, c) => expect(values[c]).toBeCloseTo(phi, 9));
});

test('beyond 6 columns the sampled orders come near the truth', () => {
  const background = matrix(48, 9);
  const row = matrix(1, 9);
  const { values } = attribute(byRow(tangled), background, row);
  const narrow = featureMatrix(
    background.columns.slice(0, 5),
    background.values.filter((_, at) => at % 9 < 5),
  );
  // Columns 5 to 8 do not matter, so that the first five have what they have alone.
  const truth = byAllOrders(tangled, narrow, row.values.slice(0, 5));
  truth.forEach((phi, c) => expect(Math.abs(values[c]! - phi)).toBeLessThan(0.15));
  for (let c = 5; c < 9; c += 1) expect(values[c]).toBeCloseTo(0, 12);
});

test.each([4, 30])('terms of %i columns add up to the score; equal rows have equal terms, alone or not', (width) => {
  const background = matrix(64, width);
  const rows = matrix(3, width);
  rows.values.set(rows.values.subarray(0, width), 2 * width);
  const score = byRow((x) => 1e3 * Math.tanh(x[0]! * x[1]!) + x[3]! ** 3);
  const { values } = attribute(score, background, rows);
  score(rows).forEach((value, r) => {
    const sum = values.subarray(r * (width + 1), (r + 1) * (width + 1)).reduce((all, term) => all + term, 0);
    expect(sum).toBeCloseTo(value, 9);
  });
  expect(values.slice(0, width + 1)).toEqual(values.slice(2 * (width + 1)));
  expect(attribute(score, background, selectRows(rows, [1])).values).toEqual(values.slice(width + 1, 2 * (width + 1)));
});

test('an infinite score gives numbers, and no background is refused', () => {
  const score = byRow((x) => (x[0]! > 2 ? Infinity : x[0]!));
  const rows = matrix(1, 3);
  rows.values[0] = 9;
  const { values } = attribute(score, matrix(8, 3), rows);
  expect(values.some(Number.isNaN)).toBe(false);
  expect(values[0]).toBeGreaterThan(1e200);
  expect(() => attribute(score, matrix(0, 3), rows)).toThrow(RangeError);
});
