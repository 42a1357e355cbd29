import { createRandom } from '../domain/random.js';
import { changedShare, rankCorrelation } from './rank-agreement.js';

const shuffled = (values: readonly number[], order: readonly number[]): Float64Array =>
  Float64Array.from(order, (at) => values[at]!);
const orders = (count: number, size: number): number[][] => {
  const random = createRandom(5);
  return Array.from({ length: count }, () => {
    const order = Array.from({ length: size }, (_, i) => i);
    for (let i = size - 1; i > 0; i -= 1) {
      const j = random.integer(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  });
};

describe('rank correlation', () => {
  it('of distinct values is 1 - 6 sum d^2 / (n (n^2 - 1)), by hand', () => {
    // Ranks 1 2 3 4 5 and 2 1 4 3 5: the squares add up to 4.
    expect(rankCorrelation(Float64Array.of(1, 2, 3, 4, 5), Float64Array.of(20, 10, 400, 30, 500))).toBeCloseTo(1 - 24 / 120, 12);
    expect(rankCorrelation(Float64Array.of(1, 2, 3), Float64Array.of(3, 2, 1))).toBeCloseTo(-1, 12);
  });

  it('of ties is that of their mid-ranks, by hand', () => {
    // Mid-ranks 1.5 1.5 3 4 and 1 2.5 2.5 4, about 2.5: products 1.5, 0, 0, 2.25; squares 4.5 and 4.5.
    expect(rankCorrelation(Float64Array.of(7, 7, 8, 9), Float64Array.of(0, 5, 5, 6))).toBeCloseTo(3.75 / 4.5, 12);
  });

  it('does not depend on the order of the rows, and a single value says nothing', () => {
    const [a, b] = [
      [1, 1, 1, 2, 2, 9],
      [4, 4, 0, 0, 8, 8],
    ];
    const expected = rankCorrelation(Float64Array.from(a), Float64Array.from(b));
    for (const order of orders(20, 6)) expect(rankCorrelation(shuffled(a, order), shuffled(b, order))).toBeCloseTo(expected, 12);
    expect(
      rankCorrelation(
        new Float64Array(9),
        Float64Array.from({ length: 9 }, (_, i) => i),
      ),
    ).toBe(0);
  });
});

describe('the changed share of the highest', () => {
  it('by hand: two of the four highest are replaced', () => {
    const scores = Float64Array.of(9, 8, 7, 6, 1, 2, 3, 0);
    const others = Float64Array.of(9, 8, 1, 2, 7, 6, 3, 0);
    expect(changedShare(scores, others, 0.5)).toBeCloseTo(0.5, 12);
  });

  it('the same scores change nothing, whatever ties; rows that tie for a place share it', () => {
    expect(changedShare(new Float64Array(50), new Float64Array(50), 0.1)).toBeCloseTo(0, 12);
    // One place, two rows tie for it: half of it is taken by the other one.
    expect(changedShare(Float64Array.of(5, 5, 1, 0), Float64Array.of(5, 4, 1, 0), 0.25)).toBeCloseTo(0.5, 12);
  });

  it('does not depend on the order of the rows', () => {
    const [a, b] = [
      [3, 3, 3, 1, 1, 0],
      [0, 1, 3, 3, 1, 1],
    ];
    const expected = changedShare(Float64Array.from(a), Float64Array.from(b), 0.34);
    for (const order of orders(20, 6))
      expect(changedShare(shuffled(a, order), shuffled(b, order), 0.34)).toBeCloseTo(expected, 12);
  });
});
