import { createRandom } from '../../domain/random.js';
import { binOf, numericCuts } from './numeric-cuts.js';

describe('cuts of a numeric column', () => {
  it('deciles of 1 to 100', () => {
    const values = Float32Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(numericCuts(values, 10)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect([1, 10, 11, 90, 91, 1e9].map((value) => binOf([10, 20, 90], value))).toEqual([0, 0, 1, 2, 3, 3]);
  });

  it('a value that many rows share has a bin of its own, missing cells none', () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 7 : i % 5 === 0 ? NaN : i));
    const cuts = numericCuts(values, 10);
    const bin = binOf(cuts, 7);
    expect(cuts[bin]).toBe(7);
    expect(binOf(cuts, 6.99)).toBeLessThanOrEqual(bin);
    expect(values.filter((v) => binOf(cuts, v) === bin && v !== 7).length).toBe(0);
  });

  it('of a constant: below, at and above are told apart', () => {
    const cuts = numericCuts(new Float32Array(50).fill(3), 10);
    expect(new Set([2, 3, 4].map((value) => binOf(cuts, value))).size).toBe(3);
    expect(numericCuts(new Float32Array(5).fill(NaN), 10)).toEqual([]);
  });

  it('infinite values are no cuts: JSON has none', () => {
    const random = createRandom(1);
    const values = Float32Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? Infinity : random.normal()));
    expect(numericCuts(values, 10).every(Number.isFinite)).toBe(true);
  });
});
