import { type FeatureMatrix, featureMatrix, numericColumn, selectRows } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import type { BoundedModel, DensityModel, LatentModel } from '../detector.js';
import { flow } from './flow.js';
import { splineFlow } from './spline-flow.js';
import { vae } from './vae.js';

/** A banana: y = x^2 + noise; blue where x is above 0. */
const BANANA = [
  numericColumn('x'),
  numericColumn('y'),
  { name: 'side', field: 'side', kind: 'categorical' as const, levels: ['left', 'right'], risk: 'both' as const },
];
const draw = (rowCount: number, seed: number): FeatureMatrix => {
  const random = createRandom(seed);
  const rows = Array.from({ length: rowCount }, () => {
    const x = 1.5 * random.normal();
    return [x, x * x + 0.3 * random.normal(), x > 0 ? 1 : 0];
  });
  return featureMatrix(BANANA, Float32Array.from(rows.flat()));
};
const context = (parameters: object) => ({
  random: createRandom(1),
  backend: createSimdBackend(),
  parameters: { ...parameters },
});
const onlyNumbers = (features: FeatureMatrix): FeatureMatrix =>
  featureMatrix(
    BANANA.slice(0, 2),
    features.values.filter((_, at) => at % 3 < 2),
  );

const fitted = (await flow.fit({ features: onlyNumbers(draw(3000, 1)) }, context({ hidden: 32 }))) as DensityModel & LatentModel;
const spline = (await splineFlow.fit({ features: onlyNumbers(draw(3000, 1)) }, context({ hidden: 24 }))) as DensityModel &
  LatentModel;

test.each([
  ['flow', fitted],
  ['spline flow', spline],
])('%s: points decode to the rows that they are of', (_, model) => {
  const rows = onlyNumbers(draw(200, 2));
  const points = model.encode(rows);
  expect(points).toHaveLength(200 * model.latentSize);
  const back = model.decode(points, rows);
  back.values.forEach((value, at) => expect(Math.abs(value - rows.values[at]!)).toBeLessThan(2e-3 * (1 + Math.abs(value))));
});

test('a flow goes around the bend: denser than mixing the rows, and its ends are the rows', () => {
  const [from, to] = [
    featureMatrix(BANANA.slice(0, 2), Float32Array.of(-2, 4)),
    featureMatrix(BANANA.slice(0, 2), Float32Array.of(2, 4)),
  ];
  const steps = 9;
  const path = fitted.interpolate(from, to, steps);
  expect(path.rowCount).toBe(steps);
  for (const [row, end] of [
    [0, from],
    [steps - 1, to],
  ] as const)
    for (const c of [0, 1]) expect(path.values[row * 2 + c]).toBeCloseTo(end.values[c]!, 2);
  const straight = featureMatrix(
    from.columns,
    Float32Array.from({ length: 2 * steps }, (_, at) => (at % 2 === 1 ? 4 : -2 + (4 * Math.floor(at / 2)) / (steps - 1))),
  );
  const mean = (features: FeatureMatrix): number => fitted.logProb(features).reduce((sum, value) => sum + value / steps, 0);
  expect(mean(path)).toBeGreaterThan(mean(straight) + 3);
  // The truth at the middle: y is about x^2, not 4.
  const [x, y] = path.values.subarray(2 * 4, 2 * 4 + 2) as unknown as [number, number];
  expect(Math.abs(y - x * x)).toBeLessThan(1.5);
});

test('levels change once on the way; a VAE decides by its decoder', async () => {
  const rows = draw(3000, 1);
  const [from, to] = [featureMatrix(BANANA, Float32Array.of(-2, 4, 0)), featureMatrix(BANANA, Float32Array.of(2, 4, 1))];
  for (const [estimator, parameters] of [
    [flow, { hidden: 24 }],
    [vae, { hidden: 32 }],
  ] as const) {
    const model = (await estimator.fit({ features: rows }, context(parameters))) as unknown as BoundedModel & LatentModel;
    const path = model.interpolate(from, to, 11);
    const levels = [...path.values].filter((_, at) => at % 3 === 2);
    expect([levels[0], levels.at(-1)]).toEqual([0, 1]);
    expect(levels.filter((level, i) => i > 0 && level !== levels[i - 1])).toHaveLength(1);
    const scores = model.score(path);
    expect(scores.some(Number.isNaN)).toBe(false);
    expect(() => model.interpolate(from, selectRows(to, [0]), 1)).toThrow(RangeError);
    expect(model.interpolate(from, to, 11).values).toEqual(path.values);
  }
});
