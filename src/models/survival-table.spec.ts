import { createRandom } from '../domain/random.js';
import { firstAtLeast, survivalTable } from './survival-table.js';

describe('survival table', () => {
  it('counts the values at least as large as each distinct one', () => {
    const { knots, survival, exact } = survivalTable(Float64Array.of(1, 1, 2, 5, 5, 5));
    expect([...knots]).toEqual([1, 2, 5]);
    expect([...survival]).toEqual([6, 4, 3]);
    expect(exact).toBe(true);
  });

  it('keeps the extremes, the largest hundredth exactly where there is room, and exact counts at its knots', () => {
    const random = createRandom(1);
    const sorted = Float64Array.from({ length: 20_000 }, () => random.normal()).sort();
    const { knots, survival, exact } = survivalTable(sorted, 1000);
    expect(exact).toBe(false);
    expect(knots.length).toBeLessThanOrEqual(1000);
    expect([knots[0], survival[0]]).toEqual([sorted[0], 20_000]);
    expect([...knots.subarray(-200)]).toEqual([...sorted.subarray(-200)]);
    knots.forEach((knot, i) => expect(survival[i]).toBe(20_000 - sorted.indexOf(knot)));
  });

  it('finds the first knot at least as large', () => {
    const knots = [1, 3, 5];
    expect([0, 1, 2, 3, 5, 6].map((x) => firstAtLeast(knots, x))).toEqual([0, 0, 1, 1, 2, 3]);
  });
});
