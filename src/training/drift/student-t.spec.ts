import { normalWidth, studentTTwoSided } from './student-t.js';

/** P(|T| >= t) by Simpson's rule on the density over (t, ∞), x = t + s / (1 - s); the constant by the same rule over (0, ∞). */
const bySimpson = (t: number, nu: number): number => {
  const from = (start: number): number => {
    const n = 20_000;
    const at = (i: number): number => {
      if (i === n) return 0;
      const s = i / n;
      return (1 + (start + s / (1 - s)) ** 2 / nu) ** (-(nu + 1) / 2) / (1 - s) ** 2;
    };
    let sum = at(0) + at(n);
    for (let i = 1; i < n; i += 1) sum += (i % 2 === 1 ? 4 : 2) * at(i);
    return sum;
  };
  return from(t) / from(0);
};

describe('tails of Student’s t', () => {
  it.each([0, 0.1, 1, 2.5, 12, 1e4])('closed forms of 1 and 2 degrees of freedom at t = %d', (t) => {
    expect(studentTTwoSided(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(t), 12);
    expect(studentTTwoSided(-t, 2)).toBeCloseTo(1 - t / Math.sqrt(2 + t * t), 12);
  });

  it.each([
    [5.5, 21],
    [8, 9],
    [2, 49],
    [15, 7],
    [3, 3.7],
  ])('t = %d with %d degrees of freedom, to six digits far out', (t, nu) => {
    expect(studentTTwoSided(t, nu) / bySimpson(t, nu)).toBeCloseTo(1, 6);
  });

  it('tables: 2.086 is the 95 % point of 20 degrees of freedom, 1.96 of the normal', () => {
    expect(studentTTwoSided(2.086, 20)).toBeCloseTo(0.05, 4);
    expect(normalWidth(0.95)).toBeCloseTo(1.959964, 5);
  });
});
