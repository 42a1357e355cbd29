import { featureMatrix, numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { nearestOthers, smote } from './smote.js';

const kind: FeatureColumn = { name: 'kind', field: 'kind', kind: 'categorical', levels: ['a', 'b', 'c'], risk: 'both' };

describe('SMOTE', () => {
  // Two clusters, of which one has another level and lacks z.
  const rows = featureMatrix(
    [numericColumn('x'), numericColumn('y'), kind, numericColumn('z')],
    Float32Array.from(
      Array.from({ length: 20 }, (_, r) => (r < 10 ? [r / 10, 2 * r, 0, 5] : [1000 + r / 10, -2 * r, 2, NaN])).flat(),
    ),
  );

  it('finds the nearest as brute force does in a space of equal columns', () => {
    const random = createRandom(3);
    const cells = Float32Array.from({ length: 60 }, () => random.normal());
    const plane = featureMatrix([numericColumn('x'), numericColumn('y')], Float32Array.from([...cells].flatMap((x) => [x, x])));
    const expected = [...cells].map((x, i) =>
      [...cells.keys()].filter((j) => j !== i).sort((a, b) => Math.abs(cells[a]! - x) - Math.abs(cells[b]! - x)),
    );
    // The scale is not linear, yet rising: on a line the two neighbours in order are the first on each side.
    nearestOthers(plane, 2).forEach((near, i) => {
      const sides = [expected[i]!.find((j) => cells[j]! < cells[i]!), expected[i]!.find((j) => cells[j]! > cells[i]!)];
      expect(sides).toContain(near[0]);
    });
  });

  it('stays on the segment between rows of one cluster, with the level and the gaps of that cluster', () => {
    const drawn = smote(rows)(500, createRandom(1));
    expect(drawn.rowCount).toBe(500);
    for (let r = 0; r < drawn.rowCount; r += 1) {
      const [x, y, level, z] = drawn.values.subarray(4 * r, 4 * r + 4) as unknown as [number, number, number, number];
      const isFirst = x < 500;
      expect(level).toBe(isFirst ? 0 : 2);
      if (isFirst) expect(z).toBe(5);
      else expect(z).toBeNaN();
      // Within a cluster y is a line of x, and so it is between its rows.
      expect(y).toBeCloseTo(isFirst ? 20 * x : -20 * (x - 1000), 1);
    }
  });

  it('starts from every row equally often', () => {
    const own = smote(featureMatrix([numericColumn('x')], Float32Array.of(0, 1, 100, 101)))(4000, createRandom(2)).values;
    expect(own.filter((x) => x < 50).length / 4000).toBeGreaterThan(0.3);
    expect(Math.min(...own)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...own)).toBeLessThanOrEqual(101);
  });

  it('copies two equal rows, and repeats itself by seed', () => {
    const same = featureMatrix([numericColumn('x'), kind], Float32Array.of(3, 1, 3, 1));
    expect([...smote(same)(3, createRandom(1)).values]).toEqual([3, 1, 3, 1, 3, 1]);
    expect(smote(rows)(9, createRandom(5)).values).toEqual(smote(rows)(9, createRandom(5)).values);
  });
});
