// Element by element. Storage has room for a vector beyond its end (see simd.ts), so every loop works on whole vectors: what is
// written beyond the last element is never read as a value, and a row's surplus is overwritten by the row after it.
import { expV, logV, sigmoidV, softplusV, tanhV } from './vector-math';

export function neg(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, f32x4.neg(x));
  }
}

export function exp(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, expV(x));
  }
}

export function log(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, logV(x));
  }
}

export function sqrt(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, f32x4.sqrt(x));
  }
}

export function square(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, f32x4.mul(x, x));
  }
}

export function tanh(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, tanhV(x));
  }
}

export function relu(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, f32x4.max(x, f32x4.splat(0)));
  }
}

export function sigmoid(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, sigmoidV(x));
  }
}

export function softplus(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, softplusV(x));
  }
}

export function abs(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, f32x4.abs(x));
  }
}

export function clip(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, f32x4.min(f32x4.max(x, f32x4.splat(p)), f32x4.splat(q)));
  }
}

export function scale(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, f32x4.mul(x, f32x4.splat(p)));
  }
}

export function offset(a: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; a += 16, out += 16) {
    const x = v128.load(a);
    v128.store(out, f32x4.add(x, f32x4.splat(p)));
  }
}

export function negGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const d = v128.load(ds);
    v128.store(out, f32x4.neg(d));
  }
}

export function expGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const y = v128.load(ys);
    const d = v128.load(ds);
    v128.store(out, f32x4.mul(d, y));
  }
}

export function logGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const x = v128.load(xs);
    const d = v128.load(ds);
    v128.store(out, f32x4.div(d, x));
  }
}

export function sqrtGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const y = v128.load(ys);
    const d = v128.load(ds);
    v128.store(out, f32x4.div(f32x4.mul(d, f32x4.splat(0.5)), y));
  }
}

export function squareGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const x = v128.load(xs);
    const d = v128.load(ds);
    v128.store(out, f32x4.mul(f32x4.mul(d, f32x4.splat(2)), x));
  }
}

export function tanhGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const y = v128.load(ys);
    const d = v128.load(ds);
    v128.store(out, f32x4.mul(d, f32x4.sub(f32x4.splat(1), f32x4.mul(y, y))));
  }
}

export function reluGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const x = v128.load(xs);
    const d = v128.load(ds);
    v128.store(out, v128.and(d, f32x4.gt(x, f32x4.splat(0))));
  }
}

export function sigmoidGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const y = v128.load(ys);
    const d = v128.load(ds);
    v128.store(out, f32x4.mul(d, f32x4.mul(y, f32x4.sub(f32x4.splat(1), y))));
  }
}

export function softplusGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const x = v128.load(xs);
    const d = v128.load(ds);
    v128.store(out, f32x4.mul(d, sigmoidV(x)));
  }
}

export function absGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const x = v128.load(xs);
    const d = v128.load(ds);
    v128.store(out, v128.and(v128.xor(d, v128.and(x, i32x4.splat(0x80000000))), f32x4.ne(x, f32x4.splat(0))));
  }
}

export function clipGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const x = v128.load(xs);
    const d = v128.load(ds);
    v128.store(out, v128.and(d, v128.and(f32x4.ge(x, f32x4.splat(p)), f32x4.le(x, f32x4.splat(q)))));
  }
}

export function scaleGradient(xs: usize, ys: usize, ds: usize, out: usize, length: i32, p: f32, q: f32): void {
  for (const end = out + (<usize>length << 2); out < end; xs += 16, ys += 16, ds += 16, out += 16) {
    const d = v128.load(ds);
    v128.store(out, f32x4.mul(d, f32x4.splat(p)));
  }
}
