import { type Activation, type BinaryOp, type GroupOp, type TensorBackend, type UnaryOp } from './backend.js';
import { KERNELS_BASE64 } from './kernels.wasm.js';
import { type GrowableMemory, LinearMemory } from './linear-memory.js';

type Address = number;
type UnaryKernel = (a: Address, out: Address, length: number, p: number, q: number) => void;
type UnaryGradientKernel = (x: Address, y: Address, dy: Address, out: Address, length: number, p: number, q: number) => void;
type BinaryKernel = (
  ...args: [
    a: Address,
    aRow: number,
    aWide: number,
    b: Address,
    bRow: number,
    bWide: number,
    out: Address,
    rows: number,
    columns: number,
  ]
) => void;
type GroupKernel = (a: Address, out: Address, groups: number, size: number) => void;
type GroupGradientKernel = (x: Address, y: Address, dy: Address, out: Address, groups: number, size: number) => void;
type SumKernel = (a: Address, out: Address, rows: number, columns: number) => void;
type IndexKernel = (from: Address, out: Address, rows: number, columns: number, indices: Address, count: number) => void;
type MatMulKernel = (
  ...args: [
    a: Address,
    aRow: number,
    aInner: number,
    b: Address,
    bInner: number,
    bColumn: number,
    out: Address,
    ...sizes: number[],
  ]
) => void;

type Kernels = Record<UnaryOp, UnaryKernel> &
  Record<`${Exclude<UnaryOp, 'offset'>}Gradient`, UnaryGradientKernel> &
  Record<BinaryOp, BinaryKernel> &
  Record<GroupOp, GroupKernel> &
  Record<`${GroupOp}Gradient`, GroupGradientKernel> & {
    readonly memory: GrowableMemory;
    readonly matMul: MatMulKernel;
    readonly addBias: (out: Address, bias: Address, rows: number, columns: number, activation: number) => void;
    readonly sum: (a: Address, out: Address, length: number) => void;
    readonly sumRows: SumKernel;
    readonly sumColumns: SumKernel;
    readonly transpose: SumKernel;
    readonly sumOfSquares: (a: Address, length: number) => number;
    readonly zero: (to: Address, length: number) => void;
    readonly copyColumns: (from: Address, fromRow: number, to: Address, toRow: number, rows: number, columns: number) => void;
    readonly pick: IndexKernel;
    readonly scatter: IndexKernel;
    readonly adamStep: (parameter: Address, gradient: Address, moment: Address, velocity: Address, ...numbers: number[]) => void;
  };

const ACTIVATION: Record<Activation, number> = { none: 0, relu: 1, tanh: 2 };
/** Room for the matMul kernel's packed panel: 256 steps of eight floats. */
const PANEL_FLOATS = 2_048;

/** The language's own; TypeScript declares it only with the browser's types. */
declare const WebAssembly: {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

export interface SimdBackend<S = unknown> extends TensorBackend<S> {
  /** The size of the linear memory; it never shrinks. */
  memoryBytes(): number;
}

let compiled: object | undefined;

/**
 * Float32 in 128-bit SIMD WebAssembly (kernels/, AssemblyScript), one linear memory a backend. No relaxed SIMD and no threads:
 * the same bits on every machine, and a row's result has the same bits whatever batch it is in.
 */
export const createSimdBackend = (): SimdBackend => {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNELS_BASE64, 'base64'));
  const kernels = new WebAssembly.Instance(compiled).exports as Kernels;
  const memory = new LinearMemory(kernels.memory);
  const panel = memory.allocate(PANEL_FLOATS);

  const withIndices = (indices: Int32Array, body: (address: Address) => void): void => {
    const address = memory.allocate(indices.length);
    memory.integers.set(indices, address >>> 2);
    body(address);
    memory.release(address, indices.length);
  };
  const zeros = (length: number): Address => {
    const out = memory.allocate(length);
    kernels.zero(out, length);
    return out;
  };
  const matMul = (a: Address, b: Address, rows: number, inner: number, columns: number, ta: boolean, tb: boolean): Address => {
    const out = memory.allocate(rows * columns);
    const [aRow, aInner] = ta ? [4, rows * 4] : [inner * 4, 4];
    const [bInner, bColumn] = tb ? [4, inner * 4] : [columns * 4, 4];
    kernels.matMul(a, aRow, aInner, b, bInner, bColumn, out, rows, inner, columns, panel);
    return out;
  };

  const backend: SimdBackend<Address> = {
    name: 'simd',
    memoryBytes: () => memory.bytes,
    create(length, values) {
      const address = memory.allocate(length);
      memory.floats.set(values, address >>> 2);
      return address;
    },
    zeros,
    free: (address, length) => memory.release(address, length),
    write: (address, _length, values) => memory.floats.set(values, address >>> 2),
    read: (address, length) => memory.floats.slice(address >>> 2, (address >>> 2) + length),
    readFloat64: (address, length) => Float64Array.from(memory.floats.subarray(address >>> 2, (address >>> 2) + length)),
    matMul,
    linear(x, w, b, rows, inner, columns, activation) {
      const out = matMul(x, w, rows, inner, columns, false, false);
      kernels.addBias(out, b, rows, columns, ACTIVATION[activation]);
      return out;
    },
    binary(op, a, aRows, aColumns, b, bRows, bColumns) {
      const rows = aRows > bRows ? aRows : bRows;
      const columns = aColumns > bColumns ? aColumns : bColumns;
      const out = memory.allocate(rows * columns);
      const kernel = kernels[op];
      if (aRows === bRows && aColumns === bColumns) kernel(a, 0, 1, b, 0, 1, out, 1, rows * columns);
      else if (columns === 1) kernel(a, 0, aRows === 1 ? 0 : 1, b, 0, bRows === 1 ? 0 : 1, out, 1, rows);
      else {
        const aRow = aRows === 1 ? 0 : aColumns * 4;
        const bRow = bRows === 1 ? 0 : bColumns * 4;
        kernel(a, aRow, aColumns === 1 ? 0 : 1, b, bRow, bColumns === 1 ? 0 : 1, out, rows, columns);
      }
      return out;
    },
    unary(op, a, length, p, q) {
      const out = memory.allocate(length);
      kernels[op](a, out, length, p, q);
      return out;
    },
    unaryGradient(op, x, y, dy, length, p, q) {
      const out = memory.allocate(length);
      if (op === 'offset') kernels.scale(dy, out, length, 1, 0);
      else kernels[`${op}Gradient`](x, y, dy, out, length, p, q);
      return out;
    },
    sumRows(a, rows, columns) {
      const out = memory.allocate(rows);
      kernels.sumRows(a, out, rows, columns);
      return out;
    },
    sumColumns(a, rows, columns) {
      const out = memory.allocate(columns);
      kernels.sumColumns(a, out, rows, columns);
      return out;
    },
    sum(a, length) {
      const out = memory.allocate(1);
      kernels.sum(a, out, length);
      return out;
    },
    group(op, a, groups, groupSize) {
      const out = memory.allocate(op === 'logSumExp' ? groups : groups * groupSize);
      kernels[op](a, out, groups, groupSize);
      return out;
    },
    groupGradient(op, x, y, dy, groups, groupSize) {
      const out = memory.allocate(groups * groupSize);
      kernels[`${op}Gradient`](x, y, dy, out, groups, groupSize);
      return out;
    },
    slice(a, rows, columns, from, to) {
      const out = memory.allocate(rows * (to - from));
      kernels.copyColumns(a + from * 4, columns * 4, out, (to - from) * 4, rows, to - from);
      return out;
    },
    embed(a, rows, columns, from, total) {
      const out = zeros(rows * total);
      kernels.copyColumns(a, columns * 4, out + from * 4, total * 4, rows, columns);
      return out;
    },
    concat(parts, rows, columns) {
      const total = columns.reduce((sum, count) => sum + count, 0);
      const out = memory.allocate(rows * total);
      let from = 0;
      parts.forEach((part, i) => {
        const count = columns[i]!;
        kernels.copyColumns(part, count * 4, out + from * 4, total * 4, rows, count);
        from += count;
      });
      return out;
    },
    pick(a, rows, columns, indices) {
      const out = memory.allocate(rows * indices.length);
      withIndices(indices, (address) => kernels.pick(a, out, rows, columns, address, indices.length));
      return out;
    },
    scatter(dy, rows, columns, indices) {
      const out = zeros(rows * columns);
      withIndices(indices, (address) => kernels.scatter(dy, out, rows, columns, address, indices.length));
      return out;
    },
    transpose(a, rows, columns) {
      const out = memory.allocate(rows * columns);
      kernels.transpose(a, out, rows, columns);
      return out;
    },
    sumOfSquares: (a, length) => kernels.sumOfSquares(a, length),
    adamStep(parameter, gradient, moment, velocity, length, { rate, beta1, beta2, epsilon, velocityScale, gradientScale }) {
      const numbers = [rate, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, velocityScale, gradientScale];
      kernels.adamStep(parameter, gradient, moment, velocity, length, ...numbers);
    },
  };
  return backend;
};
