import { type FeatureColumn, type FeatureMatrix, featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom, type Random } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import type { Detector, Sampler } from '../detector.js';
import { gan } from './gan.js';

const kind: FeatureColumn = { name: 'kind', field: 'kind', kind: 'categorical', levels: ['a', 'b', 'c'], risk: 'both' };
const columns = [numericColumn('x'), numericColumn('y'), kind];
const rowsOf = (rows: readonly (readonly number[])[]): FeatureMatrix => featureMatrix(columns, Float32Array.from(rows.flat()));

/** A diamond: each column by itself has three peaks, so that columns drawn apart would land on five more places than these. */
const MODES = [
  [3, 0],
  [0, 3],
  [0, -3],
  [-3, 0],
] as const;
const around = ([x, y]: readonly [number, number], random: Random): number[] => [
  x + 0.5 * random.normal(),
  y + 0.5 * random.normal(),
  x + y > 0 ? 0 : 1,
];
const draw = (rowCount: number, seed: number, modes: readonly (readonly [number, number])[]): FeatureMatrix => {
  const random = createRandom(seed);
  return rowsOf(Array.from({ length: rowCount }, () => around(modes[random.integer(modes.length)]!, random)));
};
const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('generative adversarial network', () => {
  const fitted = gan.fit(
    { features: draw(2000, 1, MODES) },
    { random: createRandom(1), backend: createSimdBackend(), parameters: { stepsMin: 500 } },
  ) as Promise<Detector & Sampler>;

  it('covers every mode: none collapsed, half of the draws within the radius that holds 86 % of the truth', async () => {
    const { rowCount, values } = (await fitted).sample(4000, createRandom(2));
    const counts = new Float64Array(MODES.length);
    let [near, right] = [0, 0];
    for (let r = 0; r < rowCount; r += 1) {
      const [x, y, level] = values.subarray(3 * r, 3 * r + 3) as unknown as [number, number, number];
      const distances = MODES.map(([a, b]) => Math.hypot(x - a, y - b));
      const nearest = distances.indexOf(Math.min(...distances));
      counts[nearest]! += 1;
      if (distances[nearest]! < 1) near += 1;
      if (level === (nearest < 2 ? 0 : 1)) right += 1;
    }
    for (const count of counts) {
      expect(count / rowCount).toBeGreaterThan(0.1);
      expect(count / rowCount).toBeLessThan(0.4);
    }
    expect(near / rowCount).toBeGreaterThan(0.5);
    expect(right / rowCount).toBeGreaterThan(0.85);
  });

  it('scores rows above normals that are far off, between the modes, or of an unseen kind', async () => {
    const model = await fitted;
    const normals = draw(300, 3, MODES);
    const usual = mean(model.score(normals));
    const corners = draw(300, 4, [
      [3, 3],
      [-3, -3],
    ]);
    expect(mean(model.score(corners))).toBeGreaterThan(usual + 1);
    expect(mean(model.score(draw(300, 5, [[12, -12]])))).toBeGreaterThan(usual + 10);
    const unseen = { ...normals, values: normals.values.map((value, at) => (at % 3 === 2 ? 3 : value)) };
    expect(mean(model.score(unseen))).toBeGreaterThan(usual + 1);
  });

  it('scores missing cells that training never had, and draws what it was fitted on with gaps', async () => {
    const random = createRandom(6);
    const gaps = rowsOf(Array.from({ length: 300 }, () => [random.uniform() < 0.3 ? NaN : random.normal(), random.normal(), 0]));
    const model = (await gan.fit(
      { features: gaps },
      { random: createRandom(1), backend: createSimdBackend(), parameters: { stepsMin: 100, hidden: 16 } },
    )) as Detector & Sampler;
    const { values } = model.sample(2000, createRandom(2));
    const missing = values.filter((value, at) => at % 3 === 0 && Number.isNaN(value)).length / 2000;
    expect(missing).toBeGreaterThan(0.2);
    expect(missing).toBeLessThan(0.4);
    const [whole, without] = model.score(rowsOf([[0, 0, 0], [0, NaN, 0]])); // prettier-ignore
    expect(without).toBeGreaterThan(whole!);
  });
});
