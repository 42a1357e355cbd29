import { logSumExp, normalCdf, normalQuantile } from './normal-distribution.js';

describe('normal distribution', () => {
  it.each([
    [0, 0.5],
    [1, 0.8413447460685429],
    [-1.959963984540054, 0.025],
    [-6, 9.865876450376981e-10],
  ])('has Phi(%d) = %d', (z, p) => {
    expect(normalCdf(z) / p).toBeCloseTo(1, 6);
    expect(normalQuantile(p)).toBeCloseTo(z, 7);
  });

  it('adds logs without overflow', () => {
    expect(logSumExp([1000, 1000, -5], 0, 2)).toBeCloseTo(1000 + Math.LN2, 10);
    expect(logSumExp([-Infinity, -Infinity], 0, 2)).toBe(-Infinity);
  });
});
