import { createRandom } from '../../domain/random.js';
import { addEntity, cautiousVariance, emptyShares, entityVariance, shareInterval, shareOf, sumOfShares } from './share-table.js';

describe('shares with entities as clusters', () => {
  it('by hand: two entities', () => {
    const table = emptyShares(1);
    addEntity(table, 4, [3]);
    addEntity(table, 6, [1]);
    expect(shareOf(table, 0)).toBe(0.4);
    // (3 - 0.4·4)² + (1 - 0.4·6)² over 10².
    expect(entityVariance(table, 0)).toBeCloseTo((1.4 ** 2 + 1.4 ** 2) / 100, 12);
    expect(sumOfShares([table, table], 1)).toEqual({
      rows: 20,
      rowSquares: 104,
      counts: [8],
      countSquares: [20],
      products: [36],
    });
  });

  it('is the variance that simulated shares have, where customers have habits; that of independent rows is far below', () => {
    const random = createRandom(5);
    const shares: number[] = [];
    let stated = 0;
    const runs = 600;
    for (let run = 0; run < runs; run += 1) {
      const table = emptyShares(1);
      for (let c = 0; c < 100; c += 1) {
        const habit = random.uniform() < 0.5 ? 0.1 : 0.7;
        const rows = 5 + random.integer(20);
        let count = 0;
        for (let i = 0; i < rows; i += 1) if (random.uniform() < habit) count += 1;
        addEntity(table, rows, [count]);
      }
      shares.push(shareOf(table, 0));
      stated += entityVariance(table, 0) / runs;
    }
    const mean = shares.reduce((sum, s) => sum + s, 0) / runs;
    const variance = shares.reduce((sum, s) => sum + (s - mean) ** 2, 0) / (runs - 1);
    expect(stated / variance).toBeGreaterThan(0.85);
    expect(stated / variance).toBeLessThan(1.15);
    expect((mean * (1 - mean)) / 1450 / variance).toBeLessThan(0.3);
  });

  it('one customer with thirty new levels is less certain than thirty customers with one', () => {
    const [one, thirty] = [emptyShares(1), emptyShares(1)];
    for (let c = 0; c < 970; c += 1) for (const table of [one, thirty]) addEntity(table, 1, [0]);
    addEntity(one, 30, [30]);
    for (let c = 0; c < 30; c += 1) addEntity(thirty, 1, [1]);
    expect(Math.sqrt(entityVariance(one, 0))).toBeCloseTo(0.029, 2);
    expect(Math.sqrt(entityVariance(thirty, 0))).toBeCloseTo(Math.sqrt((0.03 * 0.97) / 1000), 4);
  });

  it('a share of none is not known without error', () => {
    const table = emptyShares(1);
    for (let c = 0; c < 96; c += 1) addEntity(table, 1, [0]);
    expect(entityVariance(table, 0)).toBe(0);
    expect(cautiousVariance(table, 0)).toBeCloseTo((0.02 * 0.98) / 100, 12);
  });

  it('Wilson: 10 of 100 independent rows are 5.5 % to 17.4 %; rows of ten alike are as good as ten', () => {
    const [apart, together] = [emptyShares(1), emptyShares(1)];
    for (let c = 0; c < 100; c += 1) addEntity(apart, 1, [c < 10 ? 1 : 0]);
    for (let c = 0; c < 10; c += 1) addEntity(together, 10, [c < 1 ? 10 : 0]);
    expect(shareInterval(apart, 0, 0.95).low).toBeCloseTo(0.0552, 3);
    expect(shareInterval(apart, 0, 0.95).high).toBeCloseTo(0.1744, 3);
    // 1 of 10: Wilson 1.8 % to 40.4 %.
    expect(shareInterval(together, 0, 0.95).low).toBeCloseTo(0.0179, 3);
    expect(shareInterval(together, 0, 0.95).high).toBeCloseTo(0.4042, 3);
    expect(shareInterval(emptyShares(1), 0, 0.95)).toEqual({ value: null, low: null, high: null });
  });
});
