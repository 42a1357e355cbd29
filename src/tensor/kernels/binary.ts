// Element by element with broadcasting. Strides are in bytes and 0 where a row is repeated; `aWide` and `bWide` are 0 where a
// single column is repeated. Both narrow never occurs: the caller turns a single column into a row.

// @ts-ignore: decorator
@inline const ADD: i32 = 0;
// @ts-ignore: decorator
@inline const SUB: i32 = 1;
// @ts-ignore: decorator
@inline const MUL: i32 = 2;
// @ts-ignore: decorator
@inline const DIV: i32 = 3;

// @ts-ignore: decorator
@inline function apply(op: i32, x: v128, y: v128): v128 {
  if (op == ADD) return f32x4.add(x, y);
  if (op == SUB) return f32x4.sub(x, y);
  if (op == MUL) return f32x4.mul(x, y);
  return f32x4.div(x, y);
}

// @ts-ignore: decorator
@inline function broadcast(op: i32, a: usize, aRow: i32, aWide: i32, b: usize, bRow: i32, bWide: i32, out: usize, rows: i32, columns: i32): void {
  const width: usize = <usize>columns << 2;
  for (let row = 0; row < rows; row++) {
    if (aWide && bWide) {
      for (let i: usize = 0; i < width; i += 16) v128.store(out + i, apply(op, v128.load(a + i), v128.load(b + i)));
    } else if (aWide) {
      const y = v128.load32_splat(b);
      for (let i: usize = 0; i < width; i += 16) v128.store(out + i, apply(op, v128.load(a + i), y));
    } else {
      const x = v128.load32_splat(a);
      for (let i: usize = 0; i < width; i += 16) v128.store(out + i, apply(op, x, v128.load(b + i)));
    }
    a += aRow;
    b += bRow;
    out += width;
  }
}

export function add(a: usize, aRow: i32, aWide: i32, b: usize, bRow: i32, bWide: i32, out: usize, rows: i32, columns: i32): void {
  broadcast(ADD, a, aRow, aWide, b, bRow, bWide, out, rows, columns);
}

export function sub(a: usize, aRow: i32, aWide: i32, b: usize, bRow: i32, bWide: i32, out: usize, rows: i32, columns: i32): void {
  broadcast(SUB, a, aRow, aWide, b, bRow, bWide, out, rows, columns);
}

export function mul(a: usize, aRow: i32, aWide: i32, b: usize, bRow: i32, bWide: i32, out: usize, rows: i32, columns: i32): void {
  broadcast(MUL, a, aRow, aWide, b, bRow, bWide, out, rows, columns);
}

export function div(a: usize, aRow: i32, aWide: i32, b: usize, bRow: i32, bWide: i32, out: usize, rows: i32, columns: i32): void {
  broadcast(DIV, a, aRow, aWide, b, bRow, bWide, out, rows, columns);
}
