/**
 * What an engine needs from a numerical library: kernels on opaque storage `S` (a typed array, an address, a box around a
 * TensorFlow.js tensor). Every tensor is a row-major matrix, and shapes are passed along, so a storage need not know its own.
 *
 * A kernel returns new storage and leaves its inputs alone; only `write` and `adamStep` change storage in place. (A library
 * with immutable tensors keeps them in boxes `{ tensor }` and replaces the content.) Shapes have been checked by the engine.
 */
export interface TensorBackend<S = unknown> {
  readonly name: 'reference' | 'simd' | 'tfjs';

  /** New storage holding `values`; `length` must be their number. */
  create(length: number, values: ArrayLike<number>): S;
  zeros(length: number): S;
  free(storage: S, length: number): void;
  write(storage: S, length: number, values: ArrayLike<number>): void;
  /** A copy. */
  read(storage: S, length: number): Float32Array;
  /** A copy, exact for backends that hold float64. */
  readFloat64(storage: S, length: number): Float64Array;

  /** op(a) · op(b) with op(a) [rows, inner] and op(b) [inner, columns]; a row's bits must not depend on the other rows. */
  matMul(a: S, b: S, rows: number, inner: number, columns: number, transposeA: boolean, transposeB: boolean): S;
  /** The product of each of `groups` pairs, given and returned one below the other; sizes are those of one pair. */
  batchMatMul(
    a: S,
    b: S,
    groups: number,
    rows: number,
    inner: number,
    columns: number,
    transposeA: boolean,
    transposeB: boolean,
  ): S;
  /** activation(x · w + b) with b [1, columns]; the same bits as the three steps one by one. */
  linear(x: S, w: S, b: S, rows: number, inner: number, columns: number, activation: Activation): S;
  /** Element-wise; each side's rows and columns are those of the other side or 1. */
  binary(op: BinaryOp, a: S, aRows: number, aColumns: number, b: S, bRows: number, bColumns: number): S;
  /** `p` and `q`: the bounds of clip, the constant of scale and offset. */
  unary(op: UnaryOp, a: S, length: number, p: number, q: number): S;
  /** The gradient by the input `x`, given the output `y` and the gradient `dy` by it. */
  unaryGradient(op: UnaryOp, x: S, y: S, dy: S, length: number, p: number, q: number): S;
  sumRows(a: S, rows: number, columns: number): S;
  sumColumns(a: S, rows: number, columns: number): S;
  sum(a: S, length: number): S;
  /** Over consecutive groups of `groupSize` elements; logSumExp gives one element a group. */
  group(op: GroupOp, a: S, groups: number, groupSize: number): S;
  groupGradient(op: GroupOp, x: S, y: S, dy: S, groups: number, groupSize: number): S;

  /** Columns from..to (exclusive). */
  slice(a: S, rows: number, columns: number, from: number, to: number): S;
  /** `a` placed at column `from` of a matrix of zeros with `total` columns: the gradient of slice. */
  embed(a: S, rows: number, columns: number, from: number, total: number): S;
  concat(parts: readonly S[], rows: number, columns: readonly number[]): S;
  pick(a: S, rows: number, columns: number, indices: Int32Array): S;
  /** The gradient of pick: adds column j of `dy` to column indices[j] of a matrix of zeros with `columns` columns. */
  scatter(dy: S, rows: number, columns: number, indices: Int32Array): S;
  transpose(a: S, rows: number, columns: number): S;

  /** In float64. */
  sumOfSquares(a: S, length: number): number;
  /** Changes parameter, moment and velocity in place. */
  adamStep(parameter: S, gradient: S, moment: S, velocity: S, length: number, step: AdamStep): void;
}

export type Activation = 'none' | 'relu' | 'tanh';
export type BinaryOp = 'add' | 'sub' | 'mul' | 'div';
export type UnaryOp =
  'neg' | 'exp' | 'log' | 'sqrt' | 'square' | 'tanh' | 'relu' | 'sigmoid' | 'softplus' | 'abs' | 'clip' | 'scale' | 'offset';
export type GroupOp = 'logSumExp' | 'softmax' | 'logSoftmax';

/** parameter -= rate · moment / (√velocity · velocityScale + epsilon), after both moments took gradient · gradientScale. */
export interface AdamStep {
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly velocityScale: number;
  readonly gradientScale: number;
}
