import { type Activation, type BinaryOp, type GroupOp, type TensorBackend, type UnaryOp } from './backend.js';

type Numbers = Float64Array<ArrayBuffer>;

const BINARY: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
};

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const UNARY: Record<UnaryOp, (x: number, p: number, q: number) => number> = {
  neg: (x) => -x,
  exp: (x) => Math.exp(x),
  log: (x) => Math.log(x),
  sqrt: (x) => Math.sqrt(x),
  square: (x) => x * x,
  tanh: (x) => Math.tanh(x),
  relu: (x) => Math.max(x, 0),
  sigmoid,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  abs: (x) => Math.abs(x),
  clip: (x, min, max) => Math.min(Math.max(x, min), max),
  scale: (x, k) => x * k,
  offset: (x, k) => x + k,
};

/** The derivative of the output y by the input x. */
const DERIVATIVE: Record<UnaryOp, (x: number, y: number, p: number, q: number) => number> = {
  neg: () => -1,
  exp: (_, y) => y,
  log: (x) => 1 / x,
  sqrt: (_, y) => 0.5 / y,
  square: (x) => 2 * x,
  tanh: (_, y) => 1 - y * y,
  relu: (x) => (x > 0 ? 1 : 0),
  sigmoid: (_, y) => y * (1 - y),
  softplus: (x) => sigmoid(x),
  abs: (x) => Math.sign(x),
  clip: (x, _, min, max) => (x >= min && x <= max ? 1 : 0),
  scale: (_, __, k) => k,
  offset: () => 1,
};

const ACTIVATION: Record<Activation, (x: number) => number> = {
  none: (x) => x,
  relu: UNARY.relu as (x: number) => number,
  tanh: Math.tanh,
};

/** Builds [rows, columns] element by element. */
const tabulate = (rows: number, columns: number, element: (row: number, column: number) => number): Numbers => {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i += 1) for (let j = 0; j < columns; j += 1) out[i * columns + j] = element(i, j);
  return out;
};

const transpose = (a: Numbers, rows: number, columns: number): Numbers => tabulate(columns, rows, (i, j) => a[j * columns + i]!);

const matMul = (
  a: Numbers,
  b: Numbers,
  rows: number,
  inner: number,
  columns: number,
  transposeA: boolean,
  transposeB: boolean,
): Numbers => {
  // Both with k running along memory.
  const left = transposeA ? transpose(a, inner, rows) : a;
  const right = transposeB ? b : transpose(b, inner, columns);
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i += 1) {
    const leftRow = left.subarray(i * inner, (i + 1) * inner);
    for (let j = 0; j < columns; j += 1) {
      const start = j * inner;
      let sum = 0;
      for (let k = 0; k < inner; k += 1) sum += leftRow[k]! * right[start + k]!;
      out[i * columns + j] = sum;
    }
  }
  return out;
};

const batchMatMul = (
  a: Numbers,
  b: Numbers,
  groups: number,
  rows: number,
  inner: number,
  columns: number,
  transposeA: boolean,
  transposeB: boolean,
): Numbers => {
  const out = new Float64Array(groups * rows * columns);
  for (let g = 0; g < groups; g += 1) {
    const left = a.subarray(g * rows * inner, (g + 1) * rows * inner);
    const right = b.subarray(g * inner * columns, (g + 1) * inner * columns);
    out.set(matMul(left, right, rows, inner, columns, transposeA, transposeB), g * rows * columns);
  }
  return out;
};

const logSumExp = (group: Numbers): number => {
  let max = -Infinity;
  for (const x of group) max = Math.max(max, x);
  if (!Number.isFinite(max)) return max;
  let sum = 0;
  for (const x of group) sum += Math.exp(x - max);
  return max + Math.log(sum);
};

const group = (op: GroupOp, a: Numbers, groups: number, groupSize: number): Numbers => {
  const out = new Float64Array(op === 'logSumExp' ? groups : groups * groupSize);
  for (let g = 0; g < groups; g += 1) {
    const start = g * groupSize;
    const total = logSumExp(a.subarray(start, start + groupSize));
    if (op === 'logSumExp') out[g] = total;
    else for (let i = start; i < start + groupSize; i += 1) out[i] = op === 'softmax' ? Math.exp(a[i]! - total) : a[i]! - total;
  }
  return out;
};

const groupGradient = (op: GroupOp, x: Numbers, y: Numbers, dy: Numbers, groups: number, groupSize: number): Numbers => {
  const out = new Float64Array(groups * groupSize);
  for (let g = 0; g < groups; g += 1) {
    const start = g * groupSize;
    const end = start + groupSize;
    let total = 0;
    if (op === 'softmax') for (let i = start; i < end; i += 1) total += dy[i]! * y[i]!;
    if (op === 'logSoftmax') for (let i = start; i < end; i += 1) total += dy[i]!;
    for (let i = start; i < end; i += 1) {
      if (op === 'logSumExp') out[i] = dy[g]! * Math.exp(x[i]! - y[g]!);
      else if (op === 'softmax') out[i] = y[i]! * (dy[i]! - total);
      else out[i] = dy[i]! - Math.exp(y[i]!) * total;
    }
  }
  return out;
};

const binary = (
  op: BinaryOp,
  a: Numbers,
  aRows: number,
  aColumns: number,
  b: Numbers,
  bRows: number,
  bColumns: number,
): Numbers => {
  const rows = Math.max(aRows, bRows);
  const columns = Math.max(aColumns, bColumns);
  const apply = BINARY[op];
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i += 1) {
    const aStart = aRows === 1 ? 0 : i * aColumns;
    const bStart = bRows === 1 ? 0 : i * bColumns;
    for (let j = 0; j < columns; j += 1) {
      out[i * columns + j] = apply(a[aStart + (aColumns === 1 ? 0 : j)]!, b[bStart + (bColumns === 1 ? 0 : j)]!);
    }
  }
  return out;
};

const scatter = (dy: Numbers, rows: number, columns: number, indices: Int32Array): Numbers => {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i += 1) {
    indices.forEach((column, j) => (out[i * columns + column]! += dy[i * indices.length + j]!));
  }
  return out;
};

const concat = (parts: readonly Numbers[], rows: number, columns: readonly number[]): Numbers => {
  const total = columns.reduce((sum, count) => sum + count, 0);
  const out = new Float64Array(rows * total);
  let from = 0;
  parts.forEach((part, p) => {
    const count = columns[p]!;
    for (let i = 0; i < rows; i += 1) out.set(part.subarray(i * count, (i + 1) * count), i * total + from);
    from += count;
  });
  return out;
};

const sumOf = (length: number, term: (index: number) => number): number => {
  let sum = 0;
  for (let i = 0; i < length; i += 1) sum += term(i);
  return sum;
};

/** Plain float64 loops, written to be obviously right: the oracle of the tests. Ten times slower than `simd` and more. */
export const createReferenceBackend = (): TensorBackend => {
  const backend: TensorBackend<Numbers> = {
    name: 'reference',
    create: (_length, values) => Float64Array.from(values),
    zeros: (length) => new Float64Array(length),
    free: () => undefined,
    write: (storage, _length, values) => storage.set(values),
    read: (storage) => Float32Array.from(storage),
    readFloat64: (storage) => storage.slice(),
    matMul,
    batchMatMul,
    linear(x, w, b, rows, inner, columns, activation) {
      const product = matMul(x, w, rows, inner, columns, false, false);
      return product.map((value, i) => ACTIVATION[activation](value + b[i % columns]!));
    },
    binary,
    unary: (op, a, _length, p, q) => a.map((x) => UNARY[op](x, p, q)),
    unaryGradient: (op, x, y, dy, _length, p, q) =>
      dy.map((d, i) => {
        const slope = DERIVATIVE[op](x[i]!, y[i]!, p, q);
        return slope === 0 ? 0 : d * slope;
      }),
    sumRows: (a, rows, columns) => tabulate(rows, 1, (i) => sumOf(columns, (j) => a[i * columns + j]!)),
    sumColumns: (a, rows, columns) => tabulate(1, columns, (_, j) => sumOf(rows, (i) => a[i * columns + j]!)),
    sum: (a, length) => tabulate(1, 1, () => sumOf(length, (i) => a[i]!)),
    group,
    groupGradient,
    slice: (a, rows, columns, from, to) => tabulate(rows, to - from, (i, j) => a[i * columns + from + j]!),
    embed: (a, rows, columns, from, total) =>
      tabulate(rows, total, (i, j) => (j >= from && j < from + columns ? a[i * columns + j - from]! : 0)),
    concat,
    pick: (a, rows, columns, indices) => tabulate(rows, indices.length, (i, j) => a[i * columns + indices[j]!]!),
    scatter,
    transpose,
    sumOfSquares: (a, length) => sumOf(length, (i) => a[i]! ** 2),
    adamStep(parameter, gradient, moment, velocity, length, step) {
      for (let i = 0; i < length; i += 1) {
        const g = gradient[i]! * step.gradientScale;
        const m = step.beta1 * moment[i]! + (1 - step.beta1) * g;
        const v = step.beta2 * velocity[i]! + (1 - step.beta2) * g * g;
        moment[i] = m;
        velocity[i] = v;
        parameter[i]! -= (step.rate * m) / (Math.sqrt(v) * step.velocityScale + step.epsilon);
      }
    },
  };
  return backend;
};
