/**
 * Lower triangular factors L of positive definite matrices L L', rows of the triangle one after another: row i starts at
 * i (i + 1) / 2.
 */

/** How many right-hand sides are solved for at once: each cell of the factor is read once for all of them. */
export const LANES = 4;

/** Sum of a[from + k] b[to + k], k < count; four running sums hide the latency of one. */
const dot = (values: Float64Array, from: number, to: number, count: number): number => {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let k = 0;
  for (; k + 3 < count; k += 4) {
    s0 += values[from + k]! * values[to + k]!;
    s1 += values[from + k + 1]! * values[to + k + 1]!;
    s2 += values[from + k + 2]! * values[to + k + 2]!;
    s3 += values[from + k + 3]! * values[to + k + 3]!;
  }
  for (; k < count; k += 1) s0 += values[from + k]! * values[to + k]!;
  return s0 + s1 + (s2 + s3);
};

/**
 * Turns row `i` of a packed symmetric matrix into row `i` of its factor; the rows above are factored already. Row by row, so
 * that long work can pause. Cost: i^2 / 2 multiplications.
 */
export const factorRow = (packed: Float64Array, i: number): void => {
  const row = (i * (i + 1)) / 2;
  for (let j = 0, other = 0; j < i; other += ++j)
    packed[row + j] = (packed[row + j]! - dot(packed, row, other, j)) / packed[other + j]!;
  packed[row + i] = Math.sqrt(Math.max(packed[row + i]! - dot(packed, row, row, i), 1e-12));
};

/**
 * Squared lengths of L^-1 b for `LANES` vectors b of `size` cells, interleaved (cell i of vector v at i * LANES + v), which it
 * overwrites. A vector's result does not depend on the others. Cost: size^2 / 2 multiplications a vector.
 */
export const solvedLengths = (factor: Float64Array, size: number, vectors: Float64Array): [number, number, number, number] => {
  let q0 = 0;
  let q1 = 0;
  let q2 = 0;
  let q3 = 0;
  for (let i = 0, at = 0; i < size; i += 1) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let j = 0; j < i * LANES; j += LANES, at += 1) {
      const cell = factor[at]!;
      s0 += cell * vectors[j]!;
      s1 += cell * vectors[j + 1]!;
      s2 += cell * vectors[j + 2]!;
      s3 += cell * vectors[j + 3]!;
    }
    const scale = 1 / factor[at++]!;
    const to = i * LANES;
    s0 = (vectors[to]! - s0) * scale;
    s1 = (vectors[to + 1]! - s1) * scale;
    s2 = (vectors[to + 2]! - s2) * scale;
    s3 = (vectors[to + 3]! - s3) * scale;
    vectors[to] = s0;
    vectors[to + 1] = s1;
    vectors[to + 2] = s2;
    vectors[to + 3] = s3;
    q0 += s0 * s0;
    q1 += s1 * s1;
    q2 += s2 * s2;
    q3 += s3 * s3;
  }
  return [q0, q1, q2, q3];
};
