import { featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import type { DensityModel, Estimator } from '../detector.js';
import { flow } from './flow.js';
import { maskedAutoregressiveFlow } from './masked-autoregressive-flow.js';
import { splineFlow } from './spline-flow.js';

const COLUMNS = ['x', 'y'].map((name) => numericColumn(name));
const [STEPS, REACH] = [110, 9];
const STEP = (2 * REACH) / STEPS;
const grid = Float64Array.from({ length: STEPS }, (_, i) => -REACH + (i + 0.5) * STEP);

/** y = x^2 / 2 + noise, each column missing in 30 % of the rows: all four patterns occur. */
const fitWithGaps = async (estimator: Estimator): Promise<DensityModel> => {
  const random = createRandom(1);
  const values = Float32Array.from(
    Array.from({ length: 1500 }, () => {
      const x = random.normal();
      const y = 0.5 * x * x + 0.5 * random.normal();
      return [x, y].map((value) => (random.uniform() < 0.3 ? NaN : value));
    }).flat(),
  );
  const context = { random: createRandom(2), backend: createSimdBackend(), parameters: { stepsMin: 120, stepsMax: 120 } };
  return (await estimator.fit({ features: featureMatrix(COLUMNS, values) }, context)) as DensityModel;
};

const mass = (model: DensityModel, cells: readonly number[], cell: number): number =>
  model.logProb(featureMatrix(COLUMNS, Float32Array.from(cells))).reduce((sum, value) => sum + cell * Math.exp(value), 0);

describe.each([flow, splineFlow, maskedAutoregressiveFlow])('$name', (estimator) => {
  let model: DensityModel;
  beforeAll(async () => {
    model = await fitWithGaps(estimator);
  });

  it('has mass 1 over all patterns of missing cells', () => {
    const both = mass(
      model,
      Array.from(grid).flatMap((x) => Array.from(grid).flatMap((y) => [x, y])),
      STEP * STEP,
    );
    const onlyX = mass(
      model,
      Array.from(grid).flatMap((x) => [x, NaN]),
      STEP,
    );
    const onlyY = mass(
      model,
      Array.from(grid).flatMap((y) => [NaN, y]),
      STEP,
    );
    expect(Math.abs(both + onlyX + onlyY + mass(model, [NaN, NaN], 1) - 1)).toBeLessThan(0.02);
    expect(Math.abs(onlyX / 0.21 - 1)).toBeLessThan(0.2);
  });

  it('draws what its density says', () => {
    const { values } = model.sample(20_000, createRandom(3));
    let [inside, complete] = [0, 0];
    for (let at = 0; at < values.length; at += 2) {
      if (Number.isNaN(values[at]!) || Number.isNaN(values[at + 1]!)) continue;
      complete += 1;
      if (values[at]! > 0.5 && values[at + 1]! < 0.5) inside += 1;
    }
    const pairs = Array.from(grid).flatMap((x) => Array.from(grid).flatMap((y) => (x > 0.5 && y < 0.5 ? [x, y] : [])));
    const everywhere = mass(
      model,
      Array.from(grid).flatMap((x) => Array.from(grid).flatMap((y) => [x, y])),
      STEP * STEP,
    );
    expect(Math.abs(inside / complete - mass(model, pairs, STEP * STEP) / everywhere)).toBeLessThan(0.02);
  });
});
