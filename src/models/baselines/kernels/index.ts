// AssemblyScript, compiled by scripts/build-kernels.mjs into ../kernels.wasm.ts. Addresses are bytes. No step branches on data:
// what a processor mispredicts costs more than all else here.
import { stepOf } from './packed-test';

export { addShapley } from './shapley';

/** Bytes of a packed node: its test as int32, then the place of its left child. A leaf is its own left child, and its test never passes. */
// @ts-ignore: decorator
@inline const NODE: usize = 8;
/** Rows of a tile of symmetric trees: one vector of cells a column. */
// @ts-ignore: decorator
@inline const TILE: i32 = 16;

/** The next node on a row's way: the left child, or its neighbour where the test passes. */
// @ts-ignore: decorator
@inline function next(nodes: usize, node: u32, cells: usize): u32 {
  const packed = load<u64>(nodes + <usize>node * NODE);
  return <u32>(packed >> 32) + stepOf(<u32>packed, cells);
}

/**
 * Adds each tree's leaf to the rows' float64 sums, in the order of the trees. Four rows go down together, so that one's
 * memory is fetched while others compute; they stop when all four stand still.
 * `cells`: bytes, row-major. `roots`: int32. `values`: float32 by node.
 */
export function sumTrees(
  roots: usize, trees: i32, nodes: usize, values: usize,
  cells: usize, width: i32, rows: i32, sums: usize,
): void {
  for (let tree = 0; tree < trees; tree++) {
    const root = load<u32>(roots + (<usize>tree << 2));
    let row = cells;
    let sum = sums;
    let r = 0;
    for (; r + 4 <= rows; r += 4, row += 4 * width, sum += 32) {
      let a = root, b = root, c = root, d = root;
      for (;;) {
        const a1 = next(nodes, a, row);
        const b1 = next(nodes, b, row + width);
        const c1 = next(nodes, c, row + 2 * width);
        const d1 = next(nodes, d, row + 3 * width);
        const moved = (a1 ^ a) | (b1 ^ b) | (c1 ^ c) | (d1 ^ d);
        a = a1;
        b = b1;
        c = c1;
        d = d1;
        if (moved == 0) break;
      }
      add(sum, values, a);
      add(sum + 8, values, b);
      add(sum + 16, values, c);
      add(sum + 24, values, d);
    }
    for (; r < rows; r++, row += width, sum += 8) {
      let at = root;
      for (;;) {
        const to = next(nodes, at, row);
        if (to == at) break;
        at = to;
      }
      add(sum, values, at);
    }
  }
}

// @ts-ignore: decorator
@inline function add(sum: usize, values: usize, at: u32): void {
  store<f64>(sum, load<f64>(sum) + <f64>load<f32>(values + (<usize>at << 2)));
}

/**
 * The same of symmetric trees, sixteen rows at a time: each test is one comparison of a vector of cells, and its answers are a
 * bit of the sixteen leaves' places. `columns`: uint16, `shifts` and `thresholds`: bytes, trees x depth; `leaves`: float32,
 * trees x 2^depth; `tile`: room for width x 16 + 16 bytes. `sums` has room for whole tiles.
 */
export function sumOblivious(
  columns: usize, shifts: usize, thresholds: usize, leaves: usize, trees: i32, depth: i32,
  cells: usize, width: i32, rows: i32, tile: usize, sums: usize,
): void {
  const places = tile + <usize>(width * TILE);
  for (let from = 0; from < rows; from += TILE, cells += TILE * width, sums += TILE * 8) {
    const count = min(TILE, rows - from);
    for (let r = 0; r < count; r++) {
      for (let c = 0; c < width; c++) store<u8>(tile + (<usize>c << 4) + r, load<u8>(cells + r * width + c));
    }
    let test: usize = 0;
    let leaf = leaves;
    for (let tree = 0; tree < trees; tree++, leaf += (<usize>4 << depth)) {
      let place = i8x16.splat(0);
      for (let level = 0; level < depth; level++, test++) {
        const column = v128.load(tile + (<usize>load<u16>(columns + (test << 1)) << 4));
        const shifted = i8x16.sub(column, v128.load8_splat(shifts + test));
        const passed = i8x16.gt_u(shifted, v128.load8_splat(thresholds + test));
        place = v128.or(place, v128.and(passed, i8x16.splat(<i8>(<i32>1 << level))));
      }
      v128.store(places, place);
      for (let r: usize = 0; r < <usize>TILE; r++) add(sums + (r << 3), leaf, <u32>load<u8>(places + r));
    }
  }
}

/**
 * Bins of one numeric column: 1 + the number of rising edges below a value, 0 for NaN. `values`: float32, the column's first, a
 * row `stride` bytes apart; `edges`: float64; `out`: bytes, a row `outStride` apart. The search halves what is left in a number
 * of steps that the values do not change.
 */
export function binNumeric(values: usize, stride: i32, rows: i32, edges: usize, count: i32, out: usize, outStride: i32): void {
  for (let r = 0; r < rows; r++, values += stride, out += outStride) {
    const value = <f64>load<f32>(values);
    let low = edges;
    let left = count;
    while (left > 1) {
      const half = left >>> 1;
      const middle = low + (<usize>half << 3);
      low = select(middle, low, load<f64>(middle - 8) < value);
      left -= half;
    }
    const below = (<i32>(low - edges) >>> 3) + (count > 0 ? <i32>(load<f64>(low) < value) : 0);
    store<u8>(out, value == value ? 1 + below : 0);
  }
}
