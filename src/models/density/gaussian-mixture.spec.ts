import { type FeatureColumn, type FeatureMatrix, featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import type { DensityModel } from '../detector.js';
import { gaussianMixture } from './gaussian-mixture.js';

const kind: FeatureColumn = { name: 'kind', field: 'kind', kind: 'categorical', levels: ['a', 'b'], risk: 'both' };
const columns = [numericColumn('x'), numericColumn('y'), kind];
const draw = (rowCount: number, seed: number): FeatureMatrix => {
  const random = createRandom(seed);
  const rows = Array.from({ length: rowCount }, () => {
    const level = random.uniform() < 0.5 ? 0 : 1;
    const x = random.normal() + 6 * level;
    return [x, random.uniform() < 0.1 ? NaN : 0.8 * x + 0.6 * random.normal(), level];
  });
  return featureMatrix(columns, Float32Array.from(rows.flat()));
};

describe('Gaussian mixture', () => {
  const fitted = gaussianMixture.fit(
    { features: draw(3000, 1) },
    { random: createRandom(1), backend: createSimdBackend() },
  ) as Promise<DensityModel>;
  const one = (...cells: number[]): FeatureMatrix => featureMatrix(columns, Float32Array.from(cells));

  it('learns how categories and numbers go together', async () => {
    const model = await fitted;
    expect(model.score(one(0, 0, 1))[0]! - model.score(one(0, 0, 0))[0]!).toBeGreaterThan(3);
  });

  it('leaves missing cells out by marginalising: summing y out of p(x, y, kind) gives p(x, kind)', async () => {
    const model = await fitted;
    const ys = Array.from({ length: 1200 }, (_, i) => -12 + i * 0.02);
    const grid = featureMatrix(columns, Float32Array.from(ys.flatMap((y) => [0.3, y, 0])));
    const present = model.logProb(grid).reduce((sum, value) => sum + Math.exp(value) * 0.02, 0);
    const missing = Math.exp(model.logProb(one(0.3, NaN, 0))[0]!);
    expect(present / (present + missing)).toBeCloseTo(0.9, 1);
  });

  it('stops with the signal, between steps', async () => {
    const controller = new AbortController();
    const fit = gaussianMixture.fit(
      { features: draw(500, 2) },
      {
        random: createRandom(1),
        backend: createSimdBackend(),
        signal: controller.signal,
        onProgress: () => controller.abort('stop'),
      },
    );
    await expect(fit).rejects.toBe('stop');
  });
});
