import { createRandom } from '../domain/random.js';
import { fitTransform, inverseTransform, logSlope, transform } from './column-transform.js';

const lognormal = (n: number): Float64Array => {
  const random = createRandom(3);
  return Float64Array.from({ length: n }, () => Math.exp(random.normal()));
};

describe.each(['quantile-normal', 'asinh', 'standard'] as const)('column transform %s', (kind) => {
  const map = fitTransform(kind, lognormal(3000));
  const grid = Array.from({ length: 400 }, (_, i) => -5 + i * 0.1);

  it('rises everywhere, beyond the data too', () => {
    const z = [-1e30, -1e6, ...grid, 1e6, 1e30].map((x) => transform(map, x));
    z.slice(1).forEach((value, i) => expect(value).toBeGreaterThan(z[i]!));
  });

  it('is undone by its inverse', () => {
    for (const x of grid) expect(inverseTransform(map, transform(map, x))).toBeCloseTo(x, 8);
  });

  it('has the slope it states', () => {
    for (const x of grid.map((at) => at + 0.0123)) {
      const slope = (transform(map, x + 1e-6) - transform(map, x - 1e-6)) / 2e-6;
      expect(Math.exp(logSlope(map, x)) / slope).toBeCloseTo(1, 3);
    }
  });
});

describe('quantile-normal', () => {
  it('makes a skewed column standard normal', () => {
    const values = lognormal(5000);
    const map = fitTransform('quantile-normal', values);
    const z = values.map((value) => transform(map, value));
    const mean = z.reduce((sum, value) => sum + value, 0) / z.length;
    expect(mean).toBeCloseTo(0, 6);
    expect(z.reduce((sum, value) => sum + (value - mean) ** 2, 0) / z.length).toBeCloseTo(1, 6);
    expect(transform(map, Math.E)).toBeCloseTo(1, 1);
    expect(transform(map, 1)).toBeCloseTo(0, 1);
  });

  it.each([
    ['one value', [5, 5, 5]],
    ['two rows', [1, 2]],
    ['tiny', [1e-38, 2e-38, 3e-38]],
    ['huge', [1e38, 2e38, -3e38]],
    ['an atom among many', [...new Array<number>(500).fill(0), ...Array.from({ length: 500 }, (_, i) => i)]],
  ])('stays finite and increasing on %s', (_, values) => {
    const map = fitTransform('quantile-normal', Float64Array.from(values));
    const sorted = [...new Set(values)].sort((a, b) => a - b);
    const z = sorted.map((value) => transform(map, value));
    z.forEach((value, i) => {
      expect(Number.isFinite(value)).toBe(true);
      expect(Number.isFinite(logSlope(map, sorted[i]!))).toBe(true);
      if (i > 0) expect(value).toBeGreaterThan(z[i - 1]!);
    });
  });
});
