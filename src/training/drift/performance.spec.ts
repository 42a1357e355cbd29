import { createRandom } from '../../domain/random.js';
import { performanceByWeek, performanceOf, type JudgedRows } from './performance.js';

const rowsOf = (rows: readonly (readonly [day: number, entity: number, alerted: number, label: number])[]): JudgedRows => ({
  day: Int32Array.from(rows, ([day]) => day),
  entities: Int32Array.from(rows, ([, entity]) => entity),
  alerted: Uint8Array.from(rows, ([, , alerted]) => alerted),
  labels: Uint8Array.from(rows, ([, , , label]) => label),
});

describe('performance of matured weeks', () => {
  it('by hand, by week; a week without alerts has no figures', () => {
    const rows = rowsOf([
      [7, 1, 1, 1],
      [8, 2, 1, 0],
      [8, 3, 1, 0],
      [13, 4, 0, 1],
      [14, 5, 1, 1],
    ]);
    const [empty, first, second] = performanceByWeek(rows, 20, 3, 0.95);
    expect(empty).toMatchObject({
      fromDay: 0,
      toDay: 6,
      alerts: 0,
      frauds: 0,
      precision: { value: null, low: null, high: null },
    });
    expect(first).toMatchObject({
      fromDay: 7,
      toDay: 13,
      alerts: 3,
      frauds: 2,
      precision: { value: 1 / 3 },
      recall: { value: 0.5 },
    });
    expect(second).toMatchObject({ alerts: 1, frauds: 1, precision: { value: 1, high: 1 } });
    // Wilson of 1 of 1 is 20.7 % to 100 %.
    expect(second!.precision.low).toBeCloseTo(0.2065, 3);
  });

  it('intervals hold the truth 19 times in 20 though a card’s frauds are found or missed together', () => {
    let held = 0;
    const runs = 300;
    for (let seed = 0; seed < runs; seed += 1) {
      const random = createRandom(seed);
      const rows: [number, number, number, number][] = [];
      for (let card = 0; card < 80; card += 1) {
        const found = random.uniform() < 0.6 ? 1 : 0;
        for (let i = 1 + random.integer(6); i > 0; i -= 1) rows.push([3, card, found, 1]);
      }
      const { recall } = performanceOf(rowsOf(rows), 0, 6, 0.95);
      if (recall.low! <= 0.6 && recall.high! >= 0.6) held += 1;
    }
    expect(held / runs).toBeGreaterThan(0.91);
    expect(held / runs).toBeLessThan(0.985);
  });
});
