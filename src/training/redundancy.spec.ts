import { featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { redundancyOf } from './redundancy.js';

const random = createRandom(2);
const of = (count: number, row: () => readonly number[]) => {
  const rows = Array.from({ length: count }, row);
  const names = rows[0]!.map((_, c) => numericColumn(`x${c}`));
  return redundancyOf(featureMatrix(names, Float32Array.from(rows.flat())));
};

describe('redundancy', () => {
  it('counts D independent columns as D, and D copies as one', () => {
    const independent = of(4000, () => [random.normal(), random.normal(), random.normal()]);
    expect(independent.effectiveDimensions).toBeCloseTo(3, 1);
    expect(independent).toMatchObject({ pairs: [], determined: [], constant: [], dimensions: 3 });
    const copies = of(1000, () => {
      const x = random.normal();
      return [x, Math.exp(x), -x];
    });
    expect(copies.effectiveDimensions).toBeCloseTo(1, 9);
    expect(copies.pairs.map(({ correlation }) => Math.round(1e6 * correlation) / 1e6)).toEqual([1, -1, -1]);
    expect(copies.determined).toEqual(['x2', 'x1']);
  });

  it('is (Σ λ)² / Σ λ² for a known correlation', () => {
    const r = 0.6;
    const rank = (6 / Math.PI) * Math.asin(r / 2); // Spearman's of a Gaussian with correlation r
    const two = of(20_000, () => {
      const [a, b] = [random.normal(), random.normal()];
      return [a, r * a + Math.sqrt(1 - r * r) * b];
    });
    expect(two.effectiveDimensions).toBeCloseTo(4 / (2 + 2 * rank ** 2), 1);
  });

  it('finds a column that several others determine, without any pair', () => {
    const sum = of(2000, () => {
      const [a, b, c] = [random.uniform(), random.uniform(), random.uniform()];
      return [a, b, c, a + b - c];
    });
    expect(sum.pairs).toEqual([]);
    expect(sum.determined).toHaveLength(1);
  });

  it('columns without variation and missing cells are no evidence', () => {
    const awkward = of(200, () => [7, NaN, random.uniform() < 0.3 ? NaN : random.normal(), random.normal()]);
    expect(awkward).toMatchObject({ constant: ['x0', 'x1'], dimensions: 2, determined: [], pairs: [] });
    expect(Number.isFinite(awkward.effectiveDimensions)).toBe(true);
  });
});
