// A node's test as ../forest.ts packs it: column, shift, threshold.

// @ts-ignore: decorator
@inline export const COLUMN_MASK: u32 = (1 << 14) - 1;
// @ts-ignore: decorator
@inline const SHIFT_AT: u32 = 14;
// @ts-ignore: decorator
@inline const THRESHOLD_AT: u32 = 22;

/** 1 where a row of `cells` passes the test and goes right, else 0. */
// @ts-ignore: decorator
@inline export function stepOf(test: u32, cells: usize): u32 {
  const cell = <u32>load<u8>(cells + <usize>(test & COLUMN_MASK));
  return u32(((cell - (test >>> SHIFT_AT)) & 255) > test >>> THRESHOLD_AT);
}
