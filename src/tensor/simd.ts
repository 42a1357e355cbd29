import { type Activation, type AdamStep, type BinaryOp, type GroupOp, type TensorBackend, type UnaryOp } from './backend.js';
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

let compiled: object | undefined;

/**
 * Float32 in 128-bit SIMD WebAssembly (kernels/, AssemblyScript), one linear memory a backend. No relaxed SIMD and no threads:
 * the same bits on every machine, and a row's result has the same bits whatever batch it is in.
 */
class SimdBackend implements TensorBackend<Address> {
  readonly name = 'simd';
  private readonly kernels: Kernels;
  private readonly memory: LinearMemory;
  private readonly panel: Address;

  constructor() {
    compiled ??= new WebAssembly.Module(Buffer.from(KERNELS_BASE64, 'base64'));
    this.kernels = new WebAssembly.Instance(compiled).exports as Kernels;
    this.memory = new LinearMemory(this.kernels.memory);
    this.panel = this.memory.allocate(PANEL_FLOATS);
  }

  /** The size of the linear memory; it never shrinks. */
  memoryBytes(): number {
    return this.memory.bytes;
  }

  create(length: number, values: ArrayLike<number>): Address {
    const address = this.memory.allocate(length);
    this.memory.floats.set(values, address >>> 2);
    return address;
  }

  zeros(length: number): Address {
    const out = this.memory.allocate(length);
    this.kernels.zero(out, length);
    return out;
  }

  free(storage: Address, length: number): void {
    this.memory.release(storage, length);
  }

  write(storage: Address, _length: number, values: ArrayLike<number>): void {
    this.memory.floats.set(values, storage >>> 2);
  }

  read(storage: Address, length: number): Float32Array {
    return this.memory.floats.slice(storage >>> 2, (storage >>> 2) + length);
  }

  readFloat64(storage: Address, length: number): Float64Array {
    return Float64Array.from(this.memory.floats.subarray(storage >>> 2, (storage >>> 2) + length));
  }

  matMul(
    a: Address,
    b: Address,
    rows: number,
    inner: number,
    columns: number,
    transposeA: boolean,
    transposeB: boolean,
  ): Address {
    return this.batchMatMul(a, b, 1, rows, inner, columns, transposeA, transposeB);
  }

  batchMatMul(
    a: Address,
    b: Address,
    groups: number,
    rows: number,
    inner: number,
    columns: number,
    transposeA: boolean,
    transposeB: boolean,
  ): Address {
    const out = this.memory.allocate(groups * rows * columns);
    const aRow = transposeA ? 4 : inner * 4;
    const aInner = transposeA ? rows * 4 : 4;
    const bInner = transposeB ? 4 : columns * 4;
    const bColumn = transposeB ? inner * 4 : 4;
    for (let g = 0; g < groups; g += 1) {
      const [from, by, to] = [a + g * rows * inner * 4, b + g * inner * columns * 4, out + g * rows * columns * 4];
      this.kernels.matMul(from, aRow, aInner, by, bInner, bColumn, to, rows, inner, columns, this.panel);
    }
    return out;
  }

  linear(x: Address, w: Address, b: Address, rows: number, inner: number, columns: number, activation: Activation): Address {
    const out = this.matMul(x, w, rows, inner, columns, false, false);
    this.kernels.addBias(out, b, rows, columns, ACTIVATION[activation]);
    return out;
  }

  binary(op: BinaryOp, a: Address, aRows: number, aColumns: number, b: Address, bRows: number, bColumns: number): Address {
    const rows = aRows > bRows ? aRows : bRows;
    const columns = aColumns > bColumns ? aColumns : bColumns;
    const out = this.memory.allocate(rows * columns);
    const kernel = this.kernels[op];
    if (aRows === bRows && aColumns === bColumns) kernel(a, 0, 1, b, 0, 1, out, 1, rows * columns);
    else if (columns === 1) kernel(a, 0, aRows === 1 ? 0 : 1, b, 0, bRows === 1 ? 0 : 1, out, 1, rows);
    else {
      const aRow = aRows === 1 ? 0 : aColumns * 4;
      const bRow = bRows === 1 ? 0 : bColumns * 4;
      kernel(a, aRow, aColumns === 1 ? 0 : 1, b, bRow, bColumns === 1 ? 0 : 1, out, rows, columns);
    }
    return out;
  }

  unary(op: UnaryOp, a: Address, length: number, p: number, q: number): Address {
    const out = this.memory.allocate(length);
    this.kernels[op](a, out, length, p, q);
    return out;
  }

  unaryGradient(op: UnaryOp, x: Address, y: Address, dy: Address, length: number, p: number, q: number): Address {
    const out = this.memory.allocate(length);
    if (op === 'offset') this.kernels.scale(dy, out, length, 1, 0);
    else this.kernels[`${op}Gradient`](x, y, dy, out, length, p, q);
    return out;
  }

  sumRows(a: Address, rows: number, columns: number): Address {
    const out = this.memory.allocate(rows);
    this.kernels.sumRows(a, out, rows, columns);
    return out;
  }

  sumColumns(a: Address, rows: number, columns: number): Address {
    const out = this.memory.allocate(columns);
    this.kernels.sumColumns(a, out, rows, columns);
    return out;
  }

  sum(a: Address, length: number): Address {
    const out = this.memory.allocate(1);
    this.kernels.sum(a, out, length);
    return out;
  }

  group(op: GroupOp, a: Address, groups: number, groupSize: number): Address {
    const out = this.memory.allocate(op === 'logSumExp' ? groups : groups * groupSize);
    this.kernels[op](a, out, groups, groupSize);
    return out;
  }

  groupGradient(op: GroupOp, x: Address, y: Address, dy: Address, groups: number, groupSize: number): Address {
    const out = this.memory.allocate(groups * groupSize);
    this.kernels[`${op}Gradient`](x, y, dy, out, groups, groupSize);
    return out;
  }

  slice(a: Address, rows: number, columns: number, from: number, to: number): Address {
    const out = this.memory.allocate(rows * (to - from));
    this.kernels.copyColumns(a + from * 4, columns * 4, out, (to - from) * 4, rows, to - from);
    return out;
  }

  embed(a: Address, rows: number, columns: number, from: number, total: number): Address {
    const out = this.zeros(rows * total);
    this.kernels.copyColumns(a, columns * 4, out + from * 4, total * 4, rows, columns);
    return out;
  }

  concat(parts: readonly Address[], rows: number, columns: readonly number[]): Address {
    const total = columns.reduce((sum, count) => sum + count, 0);
    const out = this.memory.allocate(rows * total);
    let from = 0;
    parts.forEach((part, i) => {
      const count = columns[i]!;
      this.kernels.copyColumns(part, count * 4, out + from * 4, total * 4, rows, count);
      from += count;
    });
    return out;
  }

  pick(a: Address, rows: number, columns: number, indices: Int32Array): Address {
    const out = this.memory.allocate(rows * indices.length);
    this.withIndices(indices, (address) => this.kernels.pick(a, out, rows, columns, address, indices.length));
    return out;
  }

  scatter(dy: Address, rows: number, columns: number, indices: Int32Array): Address {
    const out = this.zeros(rows * columns);
    this.withIndices(indices, (address) => this.kernels.scatter(dy, out, rows, columns, address, indices.length));
    return out;
  }

  transpose(a: Address, rows: number, columns: number): Address {
    const out = this.memory.allocate(rows * columns);
    this.kernels.transpose(a, out, rows, columns);
    return out;
  }

  sumOfSquares(a: Address, length: number): number {
    return this.kernels.sumOfSquares(a, length);
  }

  adamStep(parameter: Address, gradient: Address, moment: Address, velocity: Address, length: number, step: AdamStep): void {
    const { rate, beta1, beta2, epsilon, velocityScale, gradientScale } = step;
    const numbers = [rate, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, velocityScale, gradientScale];
    this.kernels.adamStep(parameter, gradient, moment, velocity, length, ...numbers);
  }

  private withIndices(indices: Int32Array, body: (address: Address) => void): void {
    const address = this.memory.allocate(indices.length);
    this.memory.integers.set(indices, address >>> 2);
    body(address);
    this.memory.release(address, indices.length);
  }
}

export const createSimdBackend = (): SimdBackend => new SimdBackend();
