import { createRandom } from '../domain/random.js';
import { tailScaleOf } from './tail-scale.js';

describe('tail scale', () => {
  it('is the mean excess where no excess is extreme', () => {
    expect(tailScaleOf(Float64Array.of(0, 1, 3), 0, 2)).toBe(2);
    const hundred = Float64Array.from({ length: 100 }, (_, i) => i);
    expect(tailScaleOf(hundred, 80, 20)).toBeCloseTo(9.5, 12);
  });

  it.each([1e3, 1e12])('is hardly moved by one absurd value (%d)', (absurd) => {
    const random = createRandom(2);
    const clean = Float64Array.from({ length: 6000 }, () => -3 * Math.log(1 - random.uniform())).sort();
    const scale = tailScaleOf(clean, clean[5880]!, 119);
    expect(Math.abs(scale - 3)).toBeLessThan(1);
    const spoilt = Float64Array.from(clean).fill(absurd, 5999);
    expect(Math.abs(tailScaleOf(spoilt, spoilt[5880]!, 119) / scale - 1)).toBeLessThan(0.1);
  });

  it('is positive where the largest values are ties, or ties but for one', () => {
    expect(tailScaleOf(Float64Array.of(0, 2, 2, 4), 4, 1)).toBeCloseTo(Math.sqrt(2), 12);
    expect(tailScaleOf(Float64Array.of(7, 7), 7, 1)).toBe(1);
    expect(tailScaleOf(Float64Array.of(0, 1, 1, 1, 2), 1, 4)).toBe(0.25);
  });
});
