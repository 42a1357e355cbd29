import { featureMatrix, numericColumn, selectRows, type FeatureMatrix } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { syntheticQuality } from './synthetic-quality.js';

const normals = (seed: number, rows: number, scale = 1): FeatureMatrix => {
  const random = createRandom(seed);
  const columns = [numericColumn('x'), numericColumn('y'), numericColumn('z')];
  return featureMatrix(
    columns,
    Float32Array.from({ length: 3 * rows }, () => scale * random.normal()),
  );
};
const real = normals(1, 300);
const judge = (generated: FeatureMatrix) => syntheticQuality(real, generated, createRandom(9));

describe('quality of generated rows', () => {
  it('finds new rows of the same law neither copied nor collapsed', () => {
    const seeds = Array.from({ length: 12 }, (_, s) => judge(normals(s + 50, 300)));
    const mean = (of: (quality: ReturnType<typeof judge>) => number): number =>
      seeds.reduce((sum, each) => sum + of(each) / seeds.length, 0);
    // 1 - Π_{j=1..5} (300 - j) / (600 - j), by hand.
    expect(seeds[0]!.coverageExpected).toBeCloseTo(1 - ((299 * 298 * 297 * 296 * 295) / 599 / 598 / 597 / 596) * (1 / 595), 10);
    expect(mean((q) => q.coverage)).toBeCloseTo(seeds[0]!.coverageExpected, 1.7);
    expect(Math.abs(mean((q) => q.nearer) - mean((q) => q.nearerOfReal))).toBeLessThan(0.05);
    expect(mean((q) => q.copies)).toBe(0);
  });

  it('calls copies copies, and near copies nearer', () => {
    expect(judge(real)).toMatchObject({ copies: 1, nearer: 1, coverage: 1 });
    const random = createRandom(4);
    const moved = { ...real, values: real.values.map((value) => value + 0.001 * random.normal()) };
    const { copies, nearer, nearerOfReal } = judge(moved);
    expect(copies).toBe(0);
    expect(nearer).toBeGreaterThan(0.98);
    expect(nearerOfReal).toBeLessThan(0.6);
  });

  it('sees a collapsed mode', () => {
    const one = selectRows(
      normals(7, 300, 0.05),
      Array.from({ length: 300 }, (_, r) => r),
    );
    expect(judge(one).coverage).toBeLessThan(0.3);
  });

  it('says nothing of too few rows', () => {
    expect(syntheticQuality(normals(1, 6), normals(2, 6), createRandom(1)).coverage).toBeNaN();
    expect(judge(normals(1, 0)).nearer).toBeNaN();
  });
});
