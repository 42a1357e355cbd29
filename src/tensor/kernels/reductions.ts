// Sums are accumulated in float64: long sums of float32 would lose digits.
import { expV, firstLanes, logV, sumLanes } from './vector-math';

function sumOf(a: usize, length: i32): f64 {
  let s0 = f64x2.splat(0), s1 = f64x2.splat(0);
  let i = 0;
  for (; i + 4 <= length; i += 4, a += 16) {
    const x = v128.load(a);
    s0 = f64x2.add(s0, f64x2.promote_low_f32x4(x));
    s1 = f64x2.add(s1, f64x2.promote_low_f32x4(i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15)));
  }
  s0 = f64x2.add(s0, s1);
  let sum = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  for (; i < length; i++, a += 4) sum += f32.load(a);
  return sum;
}

export function sum(a: usize, out: usize, length: i32): void {
  f32.store(out, <f32>sumOf(a, length));
}

export function sumRows(a: usize, out: usize, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++, a += columns << 2, out += 4) f32.store(out, <f32>sumOf(a, columns));
}

// Eight columns at a time, down all rows.
export function sumColumns(a: usize, out: usize, rows: i32, columns: i32): void {
  const row = columns << 2;
  for (let j = 0; j < columns; j += 8, out += 32) {
    let s0 = f64x2.splat(0), s1 = f64x2.splat(0), s2 = f64x2.splat(0), s3 = f64x2.splat(0);
    let from = a + (j << 2);
    for (let i = 0; i < rows; i++, from += row) {
      s0 = f64x2.add(s0, f64x2.promote_low_f32x4(v128.load64_zero(from)));
      s1 = f64x2.add(s1, f64x2.promote_low_f32x4(v128.load64_zero(from, 8)));
      s2 = f64x2.add(s2, f64x2.promote_low_f32x4(v128.load64_zero(from, 16)));
      s3 = f64x2.add(s3, f64x2.promote_low_f32x4(v128.load64_zero(from, 24)));
    }
    v128.store64_lane(out, f32x4.demote_f64x2_zero(s0), 0);
    v128.store64_lane(out, f32x4.demote_f64x2_zero(s1), 0, 8);
    v128.store64_lane(out, f32x4.demote_f64x2_zero(s2), 0, 16);
    v128.store64_lane(out, f32x4.demote_f64x2_zero(s3), 0, 24);
  }
}

export function sumOfSquares(a: usize, length: i32): f64 {
  let s0 = f64x2.splat(0), s1 = f64x2.splat(0);
  let i = 0;
  for (; i + 4 <= length; i += 4, a += 16) {
    const low = f64x2.promote_low_f32x4(v128.load64_zero(a));
    const high = f64x2.promote_low_f32x4(v128.load64_zero(a, 8));
    s0 = f64x2.add(s0, f64x2.mul(low, low));
    s1 = f64x2.add(s1, f64x2.mul(high, high));
  }
  s0 = f64x2.add(s0, s1);
  let sum = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  for (; i < length; i++, a += 4) sum += <f64>f32.load(a) * <f64>f32.load(a);
  return sum;
}

// The elements of a group from `i` on, `fill` beyond its end.
// @ts-ignore: decorator
@inline function loadGroup(a: usize, i: i32, size: i32, fill: v128): v128 {
  const x = v128.load(a + (i << 2));
  return size - i >= 4 ? x : v128.bitselect(x, fill, firstLanes(size - i));
}

function maxOf(a: usize, size: i32): f32 {
  const none = f32x4.splat(-Infinity);
  let m = none;
  for (let i = 0; i < size; i += 4) m = f32x4.max(m, loadGroup(a, i, size, none));
  return max(max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)), max(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)));
}

// Σ exp(x - top)
function sumExp(a: usize, size: i32, top: f32): f32 {
  const none = f32x4.splat(-Infinity);
  let s = f32x4.splat(0);
  for (let i = 0; i < size; i += 4) s = f32x4.add(s, expV(f32x4.sub(loadGroup(a, i, size, none), f32x4.splat(top))));
  return sumLanes(s);
}

// @ts-ignore: decorator
@inline function logOf(x: f32): f32 {
  return f32x4.extract_lane(logV(f32x4.splat(x)), 0);
}

export function logSumExp(a: usize, out: usize, groups: i32, size: i32): void {
  for (let g = 0; g < groups; g++, a += size << 2, out += 4) {
    const top = maxOf(a, size);
    // An infinite maximum is the result; infinity minus itself would be NaN.
    f32.store(out, top - top == 0 ? top + logOf(sumExp(a, size, top)) : top);
  }
}

export function softmax(a: usize, out: usize, groups: i32, size: i32): void {
  for (let g = 0; g < groups; g++, a += size << 2, out += size << 2) {
    const top = maxOf(a, size);
    const total = f32x4.splat(sumExp(a, size, top));
    for (let i = 0; i < size; i += 4) {
      v128.store(out + (i << 2), f32x4.div(expV(f32x4.sub(v128.load(a + (i << 2)), f32x4.splat(top))), total));
    }
  }
}

export function logSoftmax(a: usize, out: usize, groups: i32, size: i32): void {
  for (let g = 0; g < groups; g++, a += size << 2, out += size << 2) {
    const top = maxOf(a, size);
    const total = f32x4.splat(logOf(sumExp(a, size, top)));
    for (let i = 0; i < size; i += 4) {
      v128.store(out + (i << 2), f32x4.sub(f32x4.sub(v128.load(a + (i << 2)), f32x4.splat(top)), total));
    }
  }
}

export function logSumExpGradient(x: usize, y: usize, dy: usize, out: usize, groups: i32, size: i32): void {
  for (let g = 0; g < groups; g++, x += size << 2, out += size << 2, y += 4, dy += 4) {
    const total = v128.load32_splat(y);
    const d = v128.load32_splat(dy);
    for (let i = 0; i < size; i += 4) v128.store(out + (i << 2), f32x4.mul(d, expV(f32x4.sub(v128.load(x + (i << 2)), total))));
  }
}

export function softmaxGradient(x: usize, y: usize, dy: usize, out: usize, groups: i32, size: i32): void {
  const none = f32x4.splat(0);
  for (let g = 0; g < groups; g++, y += size << 2, dy += size << 2, out += size << 2) {
    let s = none;
    for (let i = 0; i < size; i += 4) s = f32x4.add(s, f32x4.mul(loadGroup(y, i, size, none), loadGroup(dy, i, size, none)));
    const total = f32x4.splat(sumLanes(s));
    for (let i = 0; i < size; i += 4) {
      v128.store(out + (i << 2), f32x4.mul(v128.load(y + (i << 2)), f32x4.sub(v128.load(dy + (i << 2)), total)));
    }
  }
}

export function logSoftmaxGradient(x: usize, y: usize, dy: usize, out: usize, groups: i32, size: i32): void {
  const none = f32x4.splat(0);
  for (let g = 0; g < groups; g++, y += size << 2, dy += size << 2, out += size << 2) {
    let s = none;
    for (let i = 0; i < size; i += 4) s = f32x4.add(s, loadGroup(dy, i, size, none));
    const total = f32x4.splat(sumLanes(s));
    for (let i = 0; i < size; i += 4) {
      v128.store(out + (i << 2), f32x4.sub(v128.load(dy + (i << 2)), f32x4.mul(expV(v128.load(y + (i << 2))), total)));
    }
  }
}
