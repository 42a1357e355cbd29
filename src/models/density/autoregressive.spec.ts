import { featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import type { DensityModel } from '../detector.js';
import { autoregressive } from './autoregressive.js';

const columns = [numericColumn('history'), numericColumn('fee'), numericColumn('amount')];
/** history normal; fee 0 or 5 or, for half the rows, continuous; amount = 3 history + noise, a tenth of it missing. */
const draw = (rowCount: number, seed: number) => {
  const random = createRandom(seed);
  const rows = Array.from({ length: rowCount }, () => {
    const history = random.normal();
    const kind = random.uniform();
    const fee = kind < 0.3 ? 0 : kind < 0.5 ? 5 : 10 + random.normal();
    return [history, fee, random.uniform() < 0.1 ? NaN : 3 * history + random.normal()];
  });
  return featureMatrix(columns, Float32Array.from(rows.flat()));
};

describe('autoregressive mixture', () => {
  const fitted = autoregressive.fit(
    { features: draw(6000, 1) },
    { random: createRandom(1), backend: createSimdBackend(), parameters: { stepsMin: 600 } },
  ) as Promise<DensityModel>;

  it('knows the probability of atoms and of missing cells', async () => {
    const model = await fitted;
    const { values } = model.terms!(featureMatrix(columns, Float32Array.of(0, 0, NaN, 0, 5, 0)));
    expect(Math.exp(-values[1]!)).toBeCloseTo(0.3, 1);
    expect(Math.exp(-values[2]!)).toBeCloseTo(0.1, 1);
    expect(Math.exp(-values[4]!)).toBeCloseTo(0.2, 1);
  });

  it('adds the slopes of continuous cells only to the density in own units', async () => {
    const model = await fitted;
    const atom = featureMatrix(columns, Float32Array.of(0.2, 0, NaN));
    const [history] = model.terms!(atom).values;
    const truth = -0.5 * 0.04 - 0.5 * Math.log(2 * Math.PI);
    const rest = model.score(atom)[0]! - history!;
    expect(model.logProb(atom)[0]! + rest).toBeCloseTo(truth, 0);
  });

  it('says what is usual given the columns before, atoms included', async () => {
    const model = await fitted;
    const { low, median, high } = model.usualValues!(featureMatrix(columns, Float32Array.of(1, 0, 3, -1, 10, -3)));
    expect(median[2]!).toBeCloseTo(3, 0);
    expect(median[5]!).toBeCloseTo(-3, 0);
    expect(high[2]! - low[2]!).toBeGreaterThan(2.6);
    expect(high[2]! - low[2]!).toBeLessThan(4);
    expect(low[1]).toBe(0);
  });

  it('draws atoms, missing cells and dependence', async () => {
    const { values } = (await fitted).sample(4000, createRandom(2));
    const cells = (c: number): number[] => Array.from(values.filter((_, at) => at % 3 === c));
    expect(cells(1).filter((fee) => fee === 0).length / 4000).toBeCloseTo(0.3, 1);
    expect(cells(2).filter((amount) => Number.isNaN(amount)).length / 4000).toBeCloseTo(0.1, 1);
    const history = cells(0);
    const products = cells(2).flatMap((amount, r) => (Number.isNaN(amount) ? [] : [amount * history[r]!]));
    const slope = products.reduce((sum, value) => sum + value, 0) / products.length;
    expect(slope).toBeGreaterThan(2.6);
    expect(slope).toBeLessThan(3.4);
  });
});
