import { createRandom } from '../domain/random.js';
import { factorRow, LANES, solvedLengths } from './packed-cholesky.js';

const SIZE = 11;

/** A = B B' + I as a full matrix, and its factor. */
const draw = (): { matrix: number[][]; factor: Float64Array } => {
  const random = createRandom(3);
  const b = Array.from({ length: SIZE }, () => Array.from({ length: SIZE }, () => random.normal()));
  const matrix = b.map((row, i) => b.map((other, j) => row.reduce((sum, x, k) => sum + x * other[k]!, i === j ? 1 : 0)));
  const factor = new Float64Array((SIZE * (SIZE + 1)) / 2);
  for (let i = 0, at = 0; i < SIZE; i += 1) {
    for (let j = 0; j <= i; j += 1) factor[at++] = matrix[i]![j]!;
    factorRow(factor, i);
  }
  return { matrix, factor };
};

/** x of A x = b, by Gaussian elimination. */
const solve = (matrix: number[][], right: readonly number[]): number[] => {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let i = 0; i < SIZE; i += 1)
    for (let r = 0; r < SIZE; r += 1) {
      if (r === i) continue;
      const share = rows[r]![i]! / rows[i]![i]!;
      for (let c = i; c <= SIZE; c += 1) rows[r]![c]! -= share * rows[i]![c]!;
    }
  return rows.map((row, i) => row[SIZE]! / row[i]!);
};

describe('packed Cholesky factor', () => {
  const { matrix, factor } = draw();

  it('multiplies back to the matrix', () => {
    const cell = (i: number, j: number): number => (j <= i ? factor[(i * (i + 1)) / 2 + j]! : 0);
    for (let i = 0; i < SIZE; i += 1)
      for (let j = 0; j < SIZE; j += 1) {
        let sum = 0;
        for (let k = 0; k < SIZE; k += 1) sum += cell(i, k) * cell(j, k);
        expect(sum).toBeCloseTo(matrix[i]![j]!, 10);
      }
  });

  it("gives b' A^-1 b of each lane, whatever stands in the others", () => {
    const random = createRandom(4);
    const vectors = Array.from({ length: LANES }, () => Array.from({ length: SIZE }, () => random.normal()));
    const interleaved = Float64Array.from({ length: SIZE * LANES }, (_, at) => vectors[at % LANES]![Math.floor(at / LANES)]!);
    const lengths = solvedLengths(factor, SIZE, interleaved);
    vectors.forEach((vector, v) => {
      const expected = solve(matrix, vector).reduce((sum, x, i) => sum + x * vector[i]!, 0);
      expect(lengths[v]).toBeCloseTo(expected, 10);
      const alone = new Float64Array(SIZE * LANES);
      vector.forEach((x, i) => (alone[i * LANES] = x));
      expect(solvedLengths(factor, SIZE, alone)[0]).toBe(lengths[v]);
    });
  });
});
