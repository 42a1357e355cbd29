// Four float32 lanes at a time. exp, log and tanh follow Cephes (Moshier, single/expf.c, logf.c, tanhf.c): relative error
// below 3e-7 over the whole range. NaN goes through; infinities and zero give the mathematical limits.

// @ts-ignore: decorator
@inline export function expV(input: v128): v128 {
  // pmin and pmax keep a NaN in their first operand. Beyond these bounds the result is 0 or infinity anyway.
  const x = f32x4.pmax(f32x4.pmin(input, f32x4.splat(89)), f32x4.splat(-104));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
  // ln 2 in two parts, the first exact in few bits, so that the rest keeps full precision.
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let y = f32x4.splat(1.9875691500e-4);
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.3981999507e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(8.3334519073e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(4.1665795894e-2));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.6666665459e-1));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(5.0000001201e-1));
  y = f32x4.add(f32x4.add(f32x4.mul(y, f32x4.mul(r, r)), r), f32x4.splat(1));
  // 2^n in two factors, so that the largest results and the denormal ones come out right.
  const exponent = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(exponent, 1);
  const first = i32x4.shl(i32x4.add(half, i32x4.splat(127)), 23);
  const second = i32x4.shl(i32x4.add(i32x4.sub(exponent, half), i32x4.splat(127)), 23);
  return f32x4.mul(f32x4.mul(y, first), second);
}

// @ts-ignore: decorator
@inline export function logV(input: v128): v128 {
  const tiny = f32x4.lt(input, f32x4.splat(1.17549435e-38));
  const x = v128.bitselect(f32x4.mul(input, f32x4.splat(8388608)), input, tiny);
  // x = m 2^e with m in [sqrt(1/2), sqrt(2)).
  const shifted = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const e = f32x4.sub(f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23)), v128.and(tiny, f32x4.splat(23)));
  const m = i32x4.add(v128.and(shifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const f = f32x4.sub(m, f32x4.splat(1));
  const z = f32x4.mul(f, f);
  let y = f32x4.splat(7.0376836292e-2);
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(-1.1514610310e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(1.1676998740e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(-1.2420140846e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(1.4249322787e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(-1.6668057665e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(2.0000714765e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(-2.4999993993e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(3.3333331174e-1));
  y = f32x4.mul(f32x4.mul(y, f), z);
  y = f32x4.add(y, f32x4.mul(e, f32x4.splat(-2.12194440e-4)));
  y = f32x4.sub(y, f32x4.mul(z, f32x4.splat(0.5)));
  y = f32x4.add(f32x4.add(f, y), f32x4.mul(e, f32x4.splat(0.693359375)));
  // 0 gives -infinity, below it NaN; infinity and NaN give themselves.
  y = v128.bitselect(f32x4.splat(-Infinity), y, f32x4.eq(input, f32x4.splat(0)));
  y = v128.bitselect(f32x4.splat(NaN), y, f32x4.lt(input, f32x4.splat(0)));
  return v128.bitselect(y, input, f32x4.lt(input, f32x4.splat(Infinity)));
}

// log(1 + x) for x in [0, 1]: the logarithm of the rounded sum, corrected by what rounding lost.
// @ts-ignore: decorator
@inline export function log1pV(x: v128): v128 {
  const u = f32x4.add(f32x4.splat(1), x);
  return f32x4.add(logV(u), f32x4.div(f32x4.sub(x, f32x4.sub(u, f32x4.splat(1))), u));
}

// @ts-ignore: decorator
@inline export function tanhV(x: v128): v128 {
  const size = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let y = f32x4.splat(-5.70498872745e-3);
  y = f32x4.add(f32x4.mul(y, z), f32x4.splat(2.06390887954e-2));
  y = f32x4.add(f32x4.mul(y, z), f32x4.splat(-5.37397155531e-2));
  y = f32x4.add(f32x4.mul(y, z), f32x4.splat(1.33314422036e-1));
  y = f32x4.add(f32x4.mul(y, z), f32x4.splat(-3.33332819422e-1));
  const small = f32x4.add(x, f32x4.mul(f32x4.mul(y, z), x));
  const e = expV(f32x4.add(size, size));
  const large = f32x4.sub(f32x4.splat(1), f32x4.div(f32x4.splat(2), f32x4.add(e, f32x4.splat(1))));
  const signed = v128.or(large, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(small, signed, f32x4.lt(size, f32x4.splat(0.625)));
}

// @ts-ignore: decorator
@inline export function sigmoidV(x: v128): v128 {
  // From exp(-|x|), so that small results keep their relative precision.
  const t = expV(f32x4.neg(f32x4.abs(x)));
  const top = v128.bitselect(t, f32x4.splat(1), f32x4.lt(x, f32x4.splat(0)));
  return f32x4.div(top, f32x4.add(f32x4.splat(1), t));
}

// @ts-ignore: decorator
@inline export function softplusV(x: v128): v128 {
  return f32x4.add(f32x4.max(x, f32x4.splat(0)), log1pV(expV(f32x4.neg(f32x4.abs(x)))));
}

// @ts-ignore: decorator
@inline export function sumLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

// All ones in the first `count` lanes.
// @ts-ignore: decorator
@inline export function firstLanes(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

// Stores the first `count` lanes; 4 or more are all.
// @ts-ignore: decorator
@inline export function storeLanes(to: usize, x: v128, count: i32): void {
  if (count >= 4) {
    v128.store(to, x);
  } else {
    f32.store(to, f32x4.extract_lane(x, 0));
    if (count > 1) f32.store(to, f32x4.extract_lane(x, 1), 4);
    if (count > 2) f32.store(to, f32x4.extract_lane(x, 2), 8);
  }
}
