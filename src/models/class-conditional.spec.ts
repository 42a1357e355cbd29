import { featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { createSimdBackend } from '../tensor/simd.js';
import { classConditional, type ClassConditional } from './class-conditional.js';

const columns = [numericColumn('x'), numericColumn('y')];
const FRAUDS = 2000;
const OTHERS = 6000;
/** Legitimate rows: standard normal. Frauds: around (3, 0), half as wide in x. */
const world = () => {
  const random = createRandom(5);
  const cells = (count: number, centre: number, spread: number): number[] =>
    Array.from({ length: count }, () => [centre + spread * random.normal(), random.normal()]).flat();
  const values = Float32Array.from([...cells(OTHERS, 0, 1), ...cells(FRAUDS, 3, 0.5)]);
  const labels = Uint8Array.from({ length: OTHERS + FRAUDS }, (_, r) => (r < OTHERS ? 0 : 1));
  return { features: featureMatrix(columns, values), labels };
};
const detector = (await classConditional.fit(world(), {
  random: createRandom(1),
  backend: createSimdBackend(),
})) as ClassConditional;
const row = (x: number, y: number) => featureMatrix(columns, Float32Array.of(x, y));
const normal = (z: number, sd: number): number => -0.5 * (z / sd) ** 2 - Math.log(sd) - 0.5 * Math.log(2 * Math.PI);

test.each([
  [1.8, 0.5],
  [2, 1],
  [3, 0],
  [1.5, -1],
])('at (%d, %d) the score is the log posterior odds by Bayes’ rule', (x, y) => {
  const truth = normal(x - 3, 0.5) - normal(x, 1) + Math.log(FRAUDS / OTHERS);
  expect(detector.score(row(x, y))[0]).toBeCloseTo(truth, -0.3);
  const { fraud, legitimate } = detector.logLikelihoods(row(x, y));
  expect(fraud[0]).toBeCloseTo(normal(x - 3, 0.5) + normal(y, 1), -0.3);
  expect(legitimate[0]).toBeCloseTo(normal(x, 1) + normal(y, 1), -0.3);
});

test('another prior shifts every score by the change of its log-odds', () => {
  const moved = detector.withPrior(0.01);
  const shift = Math.log(0.01 / 0.99) - Math.log(FRAUDS / OTHERS);
  for (const [x, y] of [
    [0, 0],
    [3, 2],
    [40, 40],
  ] as const)
    expect(moved.score(row(x, y))[0]! - detector.score(row(x, y))[0]!).toBeCloseTo(shift, 9);
  expect(() => detector.withPrior(1)).toThrow('the prior is 1; expected a share between 0 and 1');
});

test('a row unlike either class has both likelihoods low', () => {
  const strange = detector.logLikelihoods(row(0, 9));
  const [ordinary, known] = [detector.logLikelihoods(row(0, 0)), detector.logLikelihoods(row(3, 0))];
  expect(strange.legitimate[0]).toBeLessThan(ordinary.legitimate[0]! - 8);
  expect(strange.fraud[0]).toBeLessThan(known.fraud[0]! - 8);
});

test('one class alone is refused', async () => {
  const { features } = world();
  await expect(
    classConditional.fit(
      { features, labels: new Uint8Array(features.rowCount) },
      { random: createRandom(1), backend: createSimdBackend() },
    ),
  ).rejects.toThrow('class-conditional: labels: 0 frauds in 8000 rows; expected both classes');
});
