import {
  burstSurprisal,
  logGamma,
  lomaxLowerSurprisal,
  lomaxQuantile,
  negativeBinomialQuantile,
  studentT95,
  studentTSurprisal,
} from './distributions.js';

describe('distributions', () => {
  it('logGamma: factorials and halves', () => {
    let logFactorial = 0;
    for (let n = 1; n <= 170; n += 1) {
      expect(Math.abs(logGamma(n) - logFactorial)).toBeLessThan(1e-11 * Math.max(1, logFactorial));
      logFactorial += Math.log(n);
    }
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 13);
    expect(logGamma(2.5)).toBeCloseTo(Math.log(0.75 * Math.sqrt(Math.PI)), 13);
  });

  it('Student-t: density integrates to 1, and the 95 % point cuts off 5 %', () => {
    for (const nu of [4, 7.3, 30, 90]) {
      const step = 0.01;
      let mass = 0;
      let above = 0;
      for (let z = -400; z < 400; z += step) {
        const p = Math.exp(-studentTSurprisal(z + step / 2, 2, nu)) * 2 * step;
        mass += p;
        if (z >= studentT95(nu)) above += p;
      }
      expect(mass).toBeCloseTo(1, 5);
      // The border falls within a step of the grid, which is worth 0.001 at most.
      expect(above).toBeCloseTo(0.05, 2);
      expect(1 - above / 0.05).toBeLessThan(0.02);
    }
  });

  it('Lomax: surprisal and quantile are inverse, tiny gaps keep their precision', () => {
    for (const p of [1e-12, 0.05, 0.5, 0.95])
      expect(Math.exp(-lomaxLowerSurprisal(lomaxQuantile(p, 3.5, 2), 3.5, 2)) / p).toBeCloseTo(1, 8);
    expect(lomaxLowerSurprisal(1e-18, 2, 1)).toBeCloseTo(-Math.log(2e-18), 6);
    expect(lomaxLowerSurprisal(0, 2, 1)).toBeLessThan(Infinity);
  });

  it('burst: the upper tail of the negative binomial, on both sides of the mean', () => {
    for (const [shape, q] of [
      [2, 0.04],
      [2.5, 0.6],
      [60, 0.3],
    ] as const) {
      const pmf: number[] = [];
      for (let k = 0; k < 2000; k += 1)
        pmf.push(Math.exp(logGamma(shape + k) - logGamma(shape) - logGamma(k + 1) + shape * Math.log1p(-q) + k * Math.log(q)));
      for (const k of [0, 1, 2, 3, 10, 40]) {
        const tail = pmf.slice(k).reduceRight((a, b) => a + b, 0);
        expect(burstSurprisal(k, shape, q)).toBeCloseTo(-Math.log(tail), 8);
      }
      const median = negativeBinomialQuantile(0.5, shape, q);
      const below = (k: number): number => pmf.slice(0, k + 1).reduce((a, b) => a + b, 0);
      expect(below(median)).toBeGreaterThanOrEqual(0.5);
      expect(median === 0 || below(median - 1) < 0.5).toBe(true);
    }
  });
});
