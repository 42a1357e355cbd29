// Moving columns about, and the optimiser's step.
import { storeLanes } from './vector-math';

/** Copies a block of `columns` columns; strides in bytes, exact at its right edge. */
export function copyColumns(from: usize, fromRow: i32, to: usize, toRow: i32, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++, from += fromRow, to += toRow) {
    for (let j = 0; j < columns; j += 4) storeLanes(to + (j << 2), v128.load(from + (j << 2)), columns - j);
  }
}

export function zero(to: usize, length: i32): void {
  memory.fill(to, 0, <usize>length << 2);
}

/** `indices`: `count` column numbers as int32. */
export function pick(a: usize, out: usize, rows: i32, columns: i32, indices: usize, count: i32): void {
  for (let i = 0; i < rows; i++, a += columns << 2) {
    for (let j = 0; j < count; j++, out += 4) f32.store(out, f32.load(a + (i32.load(indices + (j << 2)) << 2)));
  }
}

/** Adds to `out`, which holds zeros. */
export function scatter(dy: usize, out: usize, rows: i32, columns: i32, indices: usize, count: i32): void {
  for (let i = 0; i < rows; i++, out += columns << 2) {
    for (let j = 0; j < count; j++, dy += 4) {
      const at = out + (i32.load(indices + (j << 2)) << 2);
      f32.store(at, f32.load(at) + f32.load(dy));
    }
  }
}

export function transpose(a: usize, out: usize, rows: i32, columns: i32): void {
  for (let j = 0; j < columns; j++, a += 4) {
    let from = a;
    for (let i = 0; i < rows; i++, from += columns << 2, out += 4) f32.store(out, f32.load(from));
  }
}

export function adamStep(
  parameter: usize, gradient: usize, moment: usize, velocity: usize, length: i32,
  rate: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, epsilon: f32, velocityScale: f32, gradientScale: f32,
): void {
  for (let i: usize = 0, end = <usize>length << 2; i < end; i += 16) {
    const g = f32x4.mul(v128.load(gradient + i), f32x4.splat(gradientScale));
    const m = f32x4.add(f32x4.mul(v128.load(moment + i), f32x4.splat(beta1)), f32x4.mul(g, f32x4.splat(rest1)));
    const v = f32x4.add(f32x4.mul(v128.load(velocity + i), f32x4.splat(beta2)), f32x4.mul(f32x4.mul(g, g), f32x4.splat(rest2)));
    v128.store(moment + i, m);
    v128.store(velocity + i, v);
    const below = f32x4.add(f32x4.mul(f32x4.sqrt(v), f32x4.splat(velocityScale)), f32x4.splat(epsilon));
    v128.store(parameter + i, f32x4.sub(v128.load(parameter + i), f32x4.div(f32x4.mul(m, f32x4.splat(rate)), below)));
  }
}
