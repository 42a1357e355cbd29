import type * as tfjs from '@tensorflow/tfjs-core';
import { type AdamStep, type BinaryOp, type GroupOp, type TensorBackend, type UnaryOp } from './backend.js';

type TensorFlow = typeof tfjs;
type Tensor = tfjs.Tensor;

/**
 * A storage: its numbers on this side, on TensorFlow's side, or on both. What is only written, read or stepped (the batches'
 * copies, Adam's moments) never crosses over, and a tensor takes the shape in which it is used first.
 */
interface Box {
  values: Float32Array | null;
  tensor: Tensor | null;
}

const FLOAT_MAX = 3.4028234663852886e38;

const unaryKernels = (tf: TensorFlow): Record<UnaryOp, (x: Tensor, p: number, q: number) => Tensor> => ({
  neg: (x) => tf.neg(x),
  exp: (x) => tf.exp(x),
  log: (x) => tf.log(x),
  sqrt: (x) => tf.sqrt(x),
  square: (x) => tf.square(x),
  tanh: (x) => tf.tanh(x),
  relu: (x) => tf.relu(x),
  sigmoid: (x) => tf.sigmoid(x),
  softplus: (x) => tf.softplus(x),
  abs: (x) => tf.abs(x),
  // The WebAssembly kernel turns NaN into `min`.
  clip: (x, min, max) => tf.where(tf.equal(x, x), tf.clipByValue(x, min, max), x),
  scale: (x, k) => tf.mul(x, k),
  offset: (x, k) => tf.add(x, k),
});

/** dy · dy/dx. relu and clip choose instead of multiplying: 0 where the slope is 0, also of an infinite dy. */
const unaryGradients = (tf: TensorFlow): Record<UnaryOp, (x: Tensor, y: Tensor, dy: Tensor, p: number, q: number) => Tensor> => ({
  neg: (_, __, dy) => tf.neg(dy),
  exp: (_, y, dy) => tf.mul(dy, y),
  log: (x, _, dy) => tf.div(dy, x),
  sqrt: (_, y, dy) => tf.div(tf.mul(dy, 0.5), y),
  square: (x, _, dy) => tf.mul(dy, tf.mul(x, 2)),
  tanh: (_, y, dy) => tf.mul(dy, tf.sub(1, tf.square(y))),
  relu: (x, _, dy) => tf.where(tf.greater(x, 0), dy, tf.zerosLike(dy)),
  sigmoid: (_, y, dy) => tf.mul(dy, tf.mul(y, tf.sub(1, y))),
  softplus: (x, _, dy) => tf.mul(dy, tf.sigmoid(x)),
  abs: (x, _, dy) => tf.mul(dy, tf.sign(x)),
  clip: (x, y, dy) => tf.where(tf.equal(x, y), dy, tf.zerosLike(dy)),
  scale: (_, __, dy, k) => tf.mul(dy, k),
  offset: (_, __, dy) => tf.clone(dy),
});

/** TensorFlow's own logSumExp and softmax give NaN for infinities; these go to their limits. */
const groupKernels = (tf: TensorFlow): Record<GroupOp, (x: Tensor) => Tensor> => {
  const logSumExp = (x: Tensor): Tensor => {
    const max = tf.clipByValue(tf.max(x, 1, true), -FLOAT_MAX, FLOAT_MAX);
    return tf.add(tf.log(tf.sum(tf.exp(tf.sub(x, max)), 1, true)), max);
  };
  const logSoftmax = (x: Tensor): Tensor => tf.sub(x, logSumExp(x));
  return { logSumExp, logSoftmax, softmax: (x) => tf.exp(logSoftmax(x)) };
};

const groupGradients = (tf: TensorFlow): Record<GroupOp, (x: Tensor, y: Tensor, dy: Tensor) => Tensor> => ({
  logSumExp: (x, y, dy) => tf.mul(dy, tf.exp(tf.sub(x, y))),
  softmax: (_, y, dy) => tf.mul(y, tf.sub(dy, tf.sum(tf.mul(dy, y), 1, true))),
  logSoftmax: (_, y, dy) => tf.sub(dy, tf.mul(tf.exp(y), tf.sum(dy, 1, true))),
});

/** [rows.length, columns] with a one in each row. */
const oneHot = (positions: Int32Array, columns: number): Float32Array => {
  const out = new Float32Array(positions.length * columns);
  positions.forEach((position, row) => (out[row * columns + position] = 1));
  return out;
};

/**
 * TensorFlow.js in float32, whichever of its backends is active in `tf`: an implementation not ours, so the oracle of the SIMD
 * kernels at full size, and the way to TensorFlow's native library. It promises no bits: a row's last digits may depend on its
 * batch. Each kernel costs 5 to 60 µs of dispatch, which decides at these sizes (docs/performance.md).
 */
export const createTfjsBackend = (tf: TensorFlow): TensorBackend => {
  const unary = unaryKernels(tf);
  const unaryGradient = unaryGradients(tf);
  const group = groupKernels(tf);
  const groupGradient = groupGradients(tf);
  const binary: Record<BinaryOp, (a: Tensor, b: Tensor) => Tensor> = { add: tf.add, sub: tf.sub, mul: tf.mul, div: tf.div };

  const holding = (values: Float32Array): Box => ({ values, tensor: null });
  /** Whatever `kernel` makes on its way is freed. Its inputs must have been taken out of their boxes before. */
  const made = (kernel: () => Tensor): Box => ({ values: null, tensor: tf.tidy(kernel) });
  const drop = (box: Box): void => {
    box.tensor?.dispose();
    box.tensor = null;
  };
  /** The box's tensor in a shape; it keeps that shape until it is asked for in another. */
  const shaped = (box: Box, ...shape: number[]): Tensor => {
    const { tensor } = box;
    if (!tensor) return (box.tensor = tf.tensor(box.values!, shape, 'float32'));
    if (tensor.shape.length === shape.length && tensor.shape.every((size, i) => size === shape[i])) return tensor;
    box.tensor = tf.reshape(tensor, shape);
    tensor.dispose();
    return box.tensor;
  };
  /** Never changed but by `write` and `adamStep`, which drop the tensor. */
  const valuesOf = (box: Box): Float32Array => (box.values ??= Float32Array.from(box.tensor!.dataSync()));

  const product = (a: Box, b: Box, batch: number[], sizes: [number, number, number], ta: boolean, tb: boolean): Box => {
    const [rows, inner, columns] = sizes;
    const left = shaped(a, ...batch, ...(ta ? [inner, rows] : [rows, inner]));
    const right = shaped(b, ...batch, ...(tb ? [columns, inner] : [inner, columns]));
    return made(() => tf.matMul(left, right, ta, tb));
  };

  const backend: TensorBackend<Box> = {
    name: 'tfjs',
    create: (_length, values) => holding(Float32Array.from(values)),
    zeros: (length) => holding(new Float32Array(length)),
    free: drop,
    write(box, _length, values) {
      drop(box);
      box.values = Float32Array.from(values);
    },
    read: (box) => valuesOf(box).slice(),
    readFloat64: (box) => Float64Array.from(valuesOf(box)),
    matMul: (a, b, rows, inner, columns, ta, tb) => product(a, b, [], [rows, inner, columns], ta, tb),
    batchMatMul: (a, b, groups, rows, inner, columns, ta, tb) => product(a, b, [groups], [rows, inner, columns], ta, tb),
    linear(x, w, b, rows, inner, columns, activation) {
      const [input, weights, bias] = [shaped(x, rows, inner), shaped(w, inner, columns), shaped(b, 1, columns)];
      return made(() => {
        const sum = tf.add(tf.matMul(input, weights), bias);
        return activation === 'none' ? sum : unary[activation](sum, 0, 0);
      });
    },
    binary(op, a, aRows, aColumns, b, bRows, bColumns) {
      const [left, right] = [shaped(a, aRows, aColumns), shaped(b, bRows, bColumns)];
      return made(() => binary[op](left, right));
    },
    unary(op, a, length, p, q) {
      const x = a.tensor ?? shaped(a, length);
      return made(() => unary[op](x, p, q));
    },
    unaryGradient(op, x, y, dy, length, p, q) {
      const input = x.tensor ?? shaped(x, length);
      const [output, gradient] = [shaped(y, ...input.shape), shaped(dy, ...input.shape)];
      return made(() => unaryGradient[op](input, output, gradient, p, q));
    },
    sumRows(a, rows, columns) {
      const x = shaped(a, rows, columns);
      return made(() => tf.sum(x, 1, true));
    },
    sumColumns(a, rows, columns) {
      const x = shaped(a, rows, columns);
      return made(() => tf.sum(x, 0, true));
    },
    sum(a, length) {
      const x = a.tensor ?? shaped(a, length);
      return made(() => tf.reshape(tf.sum(x), [1, 1]));
    },
    group(op, a, groups, groupSize) {
      const x = shaped(a, groups, groupSize);
      return made(() => group[op](x));
    },
    groupGradient(op, x, y, dy, groups, groupSize) {
      const ofOutput = [groups, op === 'logSumExp' ? 1 : groupSize];
      const [input, output, gradient] = [shaped(x, groups, groupSize), shaped(y, ...ofOutput), shaped(dy, ...ofOutput)];
      return made(() => groupGradient[op](input, output, gradient));
    },
    slice(a, rows, columns, from, to) {
      const x = shaped(a, rows, columns);
      return made(() => tf.slice(x, [0, from], [rows, to - from]));
    },
    embed(a, rows, columns, from, total) {
      const x = shaped(a, rows, columns);
      return made(() => tf.pad(x, [[0, 0], [from, total - from - columns]])); // prettier-ignore
    },
    concat(parts, rows, columns) {
      const tensors = parts.map((part, i) => shaped(part, rows, columns[i]!));
      return made(() => tf.concat(tensors, 1));
    },
    pick(a, rows, columns, indices) {
      const x = shaped(a, rows, columns);
      return made(() => tf.gather(x, tf.tensor1d(indices.slice(), 'int32'), 1));
    },
    // Its WebAssembly backend has no segment sums; a product with ones and zeros gives the same numbers.
    scatter(dy, rows, columns, indices) {
      const gradient = shaped(dy, rows, indices.length);
      return made(() => tf.matMul(gradient, tf.tensor2d(oneHot(indices, columns), [indices.length, columns])));
    },
    transpose(a, rows, columns) {
      const x = shaped(a, rows, columns);
      return made(() => tf.transpose(x));
    },
    sumOfSquares: (a) => valuesOf(a).reduce((sum, x) => sum + x * x, 0),
    adamStep(parameter, gradient, moment, velocity, _length, step) {
      stepInPlace(valuesOf(parameter), valuesOf(gradient), valuesOf(moment), valuesOf(velocity), step);
      for (const box of [parameter, moment, velocity]) drop(box);
    },
  };
  return backend;
};

/** One loop here instead of a dozen dispatches for each parameter, which would be a third of a training step. */
const stepInPlace = (
  parameter: Float32Array,
  gradient: Float32Array,
  moment: Float32Array,
  velocity: Float32Array,
  { rate, beta1, beta2, epsilon, velocityScale, gradientScale }: AdamStep,
): void => {
  for (let i = 0; i < parameter.length; i += 1) {
    const g = gradient[i]! * gradientScale;
    const m = beta1 * moment[i]! + (1 - beta1) * g;
    const v = beta2 * velocity[i]! + (1 - beta2) * g * g;
    moment[i] = m;
    velocity[i] = v;
    parameter[i]! -= (rate * m) / (Math.sqrt(v) * velocityScale + epsilon);
  }
};
