import { featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import type { DensityModel } from '../detector.js';
import { transformer } from './transformer.js';

const LAGS = 4;
const NOISE = 0.5;
const columns = [
  ...Array.from({ length: LAGS }, (_, i) => numericColumn(`lag${LAGS - i}_log_amount`)),
  numericColumn('log_amount'),
];

/** Customers with a level of their own, N(0, 1), and amounts N(level, 0.25); of each 0 to 4 events are remembered. */
const draw = (rowCount: number, seed: number) => {
  const random = createRandom(seed);
  const rows = Array.from({ length: rowCount }, () => {
    const level = random.normal();
    const known = random.integer(LAGS + 1);
    return columns.map((_, c) => (c < LAGS - known ? NaN : level + NOISE * random.normal()));
  });
  return featureMatrix(columns, Float32Array.from(rows.flat()));
};

/** Normal predictive of the amount, by conjugacy. */
const predictive = (history: readonly number[]): { mean: number; sd: number } => {
  const precision = 1 + history.length / NOISE ** 2;
  const sum = history.reduce((total, amount) => total + amount, 0);
  return { mean: sum / NOISE ** 2 / precision, sd: Math.sqrt(NOISE ** 2 + 1 / precision) };
};

describe('transformer', () => {
  const fitted = transformer.fit(
    { features: draw(6000, 1) },
    { random: createRandom(1), backend: createSimdBackend() },
  ) as Promise<DensityModel>;

  it.each([[[]], [[1.5]], [[-1, -0.4]], [[0.2, 1.4, 0.8, 1]]])(
    'after %j it expects what the conjugate posterior does',
    async (history) => {
      const row = [...Array<number>(LAGS - history.length).fill(NaN), ...history, 0];
      const { low, median, high } = (await fitted).usualValues!(featureMatrix(columns, Float32Array.from(row)));
      const { mean, sd } = predictive(history);
      expect(Math.abs(median[LAGS]! - mean)).toBeLessThan(0.15);
      expect(Math.abs((high[LAGS]! - low[LAGS]!) / (2 * 1.645 * sd) - 1)).toBeLessThan(0.15);
    },
  );

  it('a column says nothing about those before it, to the bit', async () => {
    const model = await fitted;
    const width = columns.length;
    const rows = draw(40, 2);
    const before = model.terms!(rows).values;
    for (let c = 0; c < width; c += 1) {
      const values = rows.values.map((value, at) => (at % width === c ? (Number.isNaN(value) ? 3 : value + 1) : value));
      const after = model.terms!({ ...rows, values }).values;
      expect(after.filter((_, at) => at % width < c)).toEqual(before.filter((_, at) => at % width < c));
      expect(after.filter((_, at) => at % width === c)).not.toEqual(before.filter((_, at) => at % width === c));
    }
  });

  it('refuses a width that the heads cannot share', async () => {
    const context = { random: createRandom(1), backend: createSimdBackend(), parameters: { width: 30 } };
    await expect(transformer.fit({ features: draw(20, 3) }, context)).rejects.toThrow(
      'transformer: parameter "width" is 30: must be a multiple of heads',
    );
  });
});
