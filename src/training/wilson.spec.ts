import { wilsonShare } from './wilson.js';

/** The interval's definition: the shares p at which |count / of - p| is z standard errors of p; found by bisection. */
const byDefinition = (count: number, of: number, z: number): [number, number] => {
  const distance = (p: number): number => Math.abs(count / of - p) - z * Math.sqrt((p * (1 - p)) / of);
  const root = (inside: number, outside: number): number => {
    for (let i = 0; i < 80; i += 1) {
      const middle = (inside + outside) / 2;
      if (distance(middle) <= 0) inside = middle;
      else outside = middle;
    }
    return inside;
  };
  return [root(count / of, 0), root(count / of, 1)];
};

describe('wilsonShare', () => {
  test.each([
    [0, 12],
    [12, 12],
    [3, 12],
    [1, 1],
    [273, 101_436],
  ])('%i of %i is the interval of its definition', (count, of) => {
    const share = wilsonShare(count, of);
    const [low, high] = byDefinition(count, of, 1.959963984540054);
    expect(share.share).toBe(count / of);
    expect(share.low).toBeCloseTo(low, 8);
    expect(share.high).toBeCloseTo(high, 8);
  });

  test('of nothing says nothing', () => {
    expect(wilsonShare(0, 0)).toEqual({ count: 0, of: 0, share: NaN, low: 0, high: 1 });
  });
});
