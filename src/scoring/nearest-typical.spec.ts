import { type FeatureMatrix, featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { gaussianMixture } from '../models/density/gaussian-mixture.js';
import { createSimdBackend } from '../tensor/simd.js';
import { fitScoreCalibration } from '../models/conformal.js';
import { ordinaryScore, searchTypical } from './nearest-typical.js';

const COLUMNS = [
  numericColumn('amount'),
  numericColumn('speed'),
  numericColumn('hour'),
  { name: 'colour', field: 'colour', kind: 'categorical' as const, levels: ['red', 'green'], risk: 'both' as const },
];
/** Speed follows the amount; green rows are faster by 3. */
const draw = (rowCount: number, seed: number): FeatureMatrix => {
  const random = createRandom(seed);
  const rows = Array.from({ length: rowCount }, () => {
    const [amount, green] = [random.normal(), random.uniform() < 0.3 ? 1 : 0];
    return [amount, 0.9 * amount + 0.3 * random.normal() + 3 * green, 24 * random.uniform(), green];
  });
  return featureMatrix(COLUMNS, Float32Array.from(rows.flat()));
};

const context = { random: createRandom(1), backend: createSimdBackend() };
const detector = await gaussianMixture.fit({ features: draw(3000, 1) }, context);
const background = draw(64, 2);
const threshold = ordinaryScore(fitScoreCalibration(detector.score(draw(2000, 3))));
const search = {
  score: (features: FeatureMatrix) => detector.score(features),
  usualOf: (features: FeatureMatrix) => detector.usualValues!(features),
  background,
  threshold,
};

test('one row in ten of the window scores above the ordinary score', () => {
  const scores = detector.score(draw(2000, 3));
  const above = scores.filter((score) => score > threshold).length / scores.length;
  expect(above).toBeGreaterThan(0.08);
  expect(above).toBeLessThanOrEqual(0.1);
  expect(ordinaryScore(fitScoreCalibration([5]))).toBe(5);
});

test('a planted value of one field needs one change, to near what it would have been', () => {
  const features = featureMatrix(COLUMNS, Float32Array.of(1.5, -4, 12, 1));
  const found = searchTypical({ ...search, features, fields: ['speed', 'amount', 'colour', 'hour'] })!;
  expect(found.fields).toEqual(['speed']);
  expect(found.score).toBeLessThanOrEqual(threshold);
  expect(found.score).toBe(detector.score(found.features)[0]);
  // 0.9 x 1.5 + 3 +- 0.3
  expect(Math.abs(found.features.values[1]! - 4.35)).toBeLessThan(0.6);
  expect([...found.features.values].filter((_, c) => c !== 1)).toEqual([1.5, 12, 1]);
});

test('a detector without usual values finds it among ordinary rows', () => {
  const features = featureMatrix(COLUMNS, Float32Array.of(0, 0, 900, 0));
  const found = searchTypical({ ...search, usualOf: undefined, features, fields: ['hour', 'speed'] })!;
  expect(found.fields).toEqual(['hour']);
  expect(found.score).toBeLessThanOrEqual(threshold);
  expect(found.features.values[2]).toBeLessThan(24);
});

test('two planted fields need two changes; columns of one field change together; what cannot be reached is null', () => {
  const planted = Float32Array.of(0, 9, 900, 0);
  const found = searchTypical({ ...search, features: featureMatrix(COLUMNS, planted), fields: ['hour', 'speed', 'amount'] })!;
  expect([...found.fields].sort()).toEqual(['hour', 'speed']);
  const joined = COLUMNS.map((column) => (column.name === 'hour' ? { ...column, field: 'speed' } : column));
  const score = (features: FeatureMatrix): Float64Array => detector.score({ ...features, columns: COLUMNS });
  const together = searchTypical({
    score,
    background: { ...background, columns: joined },
    threshold,
    features: featureMatrix(joined, planted),
    fields: ['speed', 'amount'],
  })!;
  expect(together.fields).toEqual(['speed']);
  expect(searchTypical({ ...search, threshold: -1e9, features: featureMatrix(COLUMNS, planted), fields: ['speed'] })).toBeNull();
});

test('a field that turns out not to matter is not changed, nor is one of which nothing else is known', () => {
  const columns = ['a', 'b', 'c'].map((name) => numericColumn(name));
  const rows = (...values: number[]): FeatureMatrix => featureMatrix(columns, Float32Array.from(values));
  const score = ({ values, rowCount }: FeatureMatrix): Float64Array =>
    Float64Array.from({ length: rowCount }, (_, r) => Math.max(values[3 * r + 1]!, values[3 * r + 2]!));
  const found = searchTypical({
    score,
    features: rows(0, 9, 9),
    fields: ['a', 'b', 'c'],
    background: rows(1, 1, 1, 2, 2, 2),
    threshold: 3,
  })!;
  expect([...found.fields].sort()).toEqual(['b', 'c']);
  expect(found.features.values[0]).toBe(0);
  const same = { score, features: rows(0, 9, 9), fields: ['b'], background: rows(0, 9, 9), threshold: 3 };
  expect(searchTypical(same)).toBeNull();
});
