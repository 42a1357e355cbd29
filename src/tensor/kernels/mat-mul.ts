// out[i,j] = Σ_k a[i,k] b[k,j]. Every element is summed over k in the same order, from 0 within blocks of 256, whichever of the
// loops below computes it: so a row's bits depend neither on the rows beside it nor on their number.
import { storeLanes, tanhV } from './vector-math';

// One block of b's panel is then 8 KB: it stays in the first-level cache while all rows pass by.
// @ts-ignore: decorator
@inline const INNER_BLOCK: i32 = 256;

// @ts-ignore: decorator
@inline function put(to: usize, x: v128, count: i32, first: bool): void {
  if (count <= 0) return;
  storeLanes(to, first ? x : f32x4.add(v128.load(to), x), count);
}

// Copies columns `from`.. of a block of b, eight floats a step of k. What lies beyond the last column is left
// as it was: its products are never stored.
function pack(b: usize, bInner: i32, bColumn: i32, to: usize, inner: i32, count: i32): void {
  if (bColumn == 4 && count >= 8) {
    for (let k = 0; k < inner; k++, b += bInner, to += 32) {
      v128.store(to, v128.load(b));
      v128.store(to, v128.load(b, 16), 16);
    }
    return;
  }
  for (let j = 0; j < min(count, 8); j++, b += bColumn) {
    let from = b;
    let at = to + (<usize>j << 2);
    for (let k = 0; k < inner; k++, from += bInner, at += 32) f32.store(at, f32.load(from));
  }
}

// Four rows by the eight columns of a packed panel.
function fourRows(a: usize, aRow: i32, aInner: i32, panel: usize, out: usize, outRow: i32, inner: i32, count: i32, first: bool): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  let a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
  for (const end = panel + (<usize>inner << 5); panel < end; panel += 32) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16);
    let x = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(x, b0));
    c01 = f32x4.add(c01, f32x4.mul(x, b1));
    x = v128.load32_splat(a1);
    c10 = f32x4.add(c10, f32x4.mul(x, b0));
    c11 = f32x4.add(c11, f32x4.mul(x, b1));
    x = v128.load32_splat(a2);
    c20 = f32x4.add(c20, f32x4.mul(x, b0));
    c21 = f32x4.add(c21, f32x4.mul(x, b1));
    x = v128.load32_splat(a3);
    c30 = f32x4.add(c30, f32x4.mul(x, b0));
    c31 = f32x4.add(c31, f32x4.mul(x, b1));
    a += aInner;
    a1 += aInner;
    a2 += aInner;
    a3 += aInner;
  }
  put(out, c00, count, first);
  put(out + 16, c01, count - 4, first);
  out += outRow;
  put(out, c10, count, first);
  put(out + 16, c11, count - 4, first);
  out += outRow;
  put(out, c20, count, first);
  put(out + 16, c21, count - 4, first);
  out += outRow;
  put(out, c30, count, first);
  put(out + 16, c31, count - 4, first);
}

// One row by eight columns, b packed (bInner 32) or in place.
function oneRow(a: usize, aInner: i32, b: usize, bInner: i32, out: usize, inner: i32, count: i32, first: bool): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0);
  for (let k = 0; k < inner; k++, a += aInner, b += bInner) {
    const x = v128.load32_splat(a);
    c0 = f32x4.add(c0, f32x4.mul(x, v128.load(b)));
    c1 = f32x4.add(c1, f32x4.mul(x, v128.load(b, 16)));
  }
  put(out, c0, count, first);
  put(out + 16, c1, count - 4, first);
}

// One row by sixteen columns, b in place: four chains of additions hide each other's latency.
function oneWideRow(a: usize, aInner: i32, b: usize, bInner: i32, out: usize, inner: i32, first: bool): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0);
  for (let k = 0; k < inner; k++, a += aInner, b += bInner) {
    const x = v128.load32_splat(a);
    c0 = f32x4.add(c0, f32x4.mul(x, v128.load(b)));
    c1 = f32x4.add(c1, f32x4.mul(x, v128.load(b, 16)));
    c2 = f32x4.add(c2, f32x4.mul(x, v128.load(b, 32)));
    c3 = f32x4.add(c3, f32x4.mul(x, v128.load(b, 48)));
  }
  put(out, c0, 4, first);
  put(out + 16, c1, 4, first);
  put(out + 32, c2, 4, first);
  put(out + 48, c3, 4, first);
}

/** Strides in bytes; `scratch` holds INNER_BLOCK steps of eight floats. */
export function matMul(
  a: usize, aRow: i32, aInner: i32, b: usize, bInner: i32, bColumn: i32, out: usize, rows: i32, inner: i32, columns: i32, scratch: usize,
): void {
  const outRow = columns << 2;
  for (let k = 0; k < inner; k += INNER_BLOCK, a += aInner * INNER_BLOCK, b += bInner * INNER_BLOCK) {
    const steps = min(inner - k, INNER_BLOCK);
    const first = k == 0;
    // Packing costs as much as multiplying one row or two.
    const inPlace = rows < 4 && bColumn == 4;
    let j = 0;
    if (inPlace) {
      for (; j + 16 <= columns; j += 16) {
        for (let i = 0; i < rows; i++) oneWideRow(a + i * aRow, aInner, b + (j << 2), bInner, out + i * outRow + (j << 2), steps, first);
      }
    }
    for (; j < columns; j += 8) {
      const count = columns - j;
      let panel = b + j * bColumn;
      let panelInner = bInner;
      if (!inPlace) {
        pack(panel, bInner, bColumn, scratch, steps, count);
        panel = scratch;
        panelInner = 32;
      }
      let to = out + (j << 2);
      let from = a;
      let i = 0;
      if (!inPlace) {
        for (; i + 4 <= rows; i += 4, from += aRow << 2, to += outRow << 2) fourRows(from, aRow, aInner, panel, to, outRow, steps, count, first);
      }
      for (; i < rows; i++, from += aRow, to += outRow) oneRow(from, aInner, panel, panelInner, to, steps, count, first);
    }
  }
}

/** In place: out = activation(out + bias), activation 0 none, 1 relu, 2 tanh. */
export function addBias(out: usize, bias: usize, rows: i32, columns: i32, activation: i32): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j += 4, out += 16) {
      let x = f32x4.add(v128.load(out), v128.load(bias + (j << 2)));
      if (activation == 1) x = f32x4.max(x, f32x4.splat(0));
      else if (activation == 2) x = tanhV(x);
      storeLanes(out, x, columns - j);
    }
    // The last vector of a row may be partial.
    out -= ((4 - (columns & 3)) & 3) << 2;
  }
}
