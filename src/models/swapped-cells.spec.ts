import { describe, expect, it } from '@jest/globals';
import { featureMatrix, numericColumn } from '../domain/feature-matrix.js';
import { createRandom } from '../domain/random.js';
import { separation, swapCells } from './swapped-cells.js';

const columns = ['a', 'b', 'c'].map((name) => numericColumn(name));

describe('swapCells', () => {
  it('changes at least one cell of every row, about a third and one of all, each to a value of its own column', () => {
    const rows = featureMatrix(columns, new Float32Array(3000));
    const donors = featureMatrix(columns, Float32Array.of(1, 2, 3));
    const { values } = swapCells(rows, donors, createRandom(1));
    let changed = 0;
    for (let r = 0; r < 1000; r += 1) {
      const row = [...values.subarray(3 * r, 3 * r + 3)];
      expect(row.some((cell) => cell !== 0)).toBe(true);
      row.forEach((cell, c) => expect([0, c + 1]).toContain(cell));
      changed += row.filter((cell) => cell !== 0).length;
    }
    // One of three always, each of the others with probability 0.3: 1.6 of 3.
    expect(changed / 1000).toBeCloseTo(1.6, 1);
  });

  it('leaves the given rows alone', () => {
    const rows = featureMatrix(columns, Float32Array.of(7, 8, 9));
    swapCells(rows, featureMatrix(columns, Float32Array.of(1, 2, 3)), createRandom(1));
    expect([...rows.values]).toEqual([7, 8, 9]);
  });
});

describe('separation', () => {
  it('counts pairs, ties half', () => {
    const [usual, unusual] = [Float64Array.of(3, 1, 2, 2), Float64Array.of(2, 5, 0)];
    let wins = 0;
    for (const u of unusual) for (const l of usual) wins += u > l ? 1 : u === l ? 0.5 : 0;
    expect(separation(usual, unusual)).toBe(wins / 12);
  });

  it('is undecided without rows', () => expect(separation(new Float64Array(0), Float64Array.of(1))).toBe(0.5));
});
