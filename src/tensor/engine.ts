/**
 * A small set of matrix operations with reverse-mode gradients, on any `TensorBackend`. In use:
 *
 *   const engine = new Engine(createSimdBackend());
 *   const w = engine.parameter(8, 1, initial);                    // trainable, lives until disposed
 *   const adam = new Adam(engine, [w]);
 *   engine.scope(() => {                                          // training: one scope a step
 *     const loss = engine.record(() => engine.mean(engine.square(engine.matMul(engine.constant(n, 8, batch), w))));
 *     adam.step(engine.gradients(loss, [w]), { learningRate: 1e-3 });
 *     return engine.read(loss)[0]!;
 *   });
 *   const scores = engine.scope(() => engine.read(engine.matMul(engine.constant(n, 8, rows), w)));   // scoring: no record
 *
 * Memory: a scope frees every tensor made inside it, parameters excepted. A tensor, or an array of tensors, that its body
 * returns moves to the scope around it, so `x = engine.scope(() => layer(x))` keeps only the layer's result. Outside any scope
 * a tensor lives until `dispose`.
 *
 * Recording: only operations inside `engine.record(...)`, itself inside a scope, remember where they came from, and only where
 * a parameter is involved. Scopes inside a recording free nothing before the scope around it ends. Without `record` nothing
 * is remembered: scoring pays for no gradients.
 *
 * Broadcasting: add, sub, mul and div take [r,c], [1,c], [r,1] and [1,1] on either side.
 */
import { type Activation, type GroupOp } from './backend.js';
import { ElementwiseOperations } from './elementwise-operations.js';
import { backward } from './gradients.js';
import { shapeOf, type Tensor, TensorError } from './tensor.js';

export { type Tensor, TensorError } from './tensor.js';

export class Engine extends ElementwiseOperations {
  /** d loss / d parameter for each of them, zeros where the loss does not depend on it. `loss` is [1,1] and was recorded. */
  gradients(loss: Tensor, parameters: readonly Tensor[]): Tensor[] {
    const root = this.use('gradients', loss);
    if (root.rows * root.columns !== 1) throw new TensorError(`gradients: the loss must be [1,1], got ${shapeOf(loss)}`);
    if (!root.needsGradient) throw new TensorError('gradients: the loss depends on no parameter, or was not made inside record');
    const values = parameters.map((parameter) => this.use('gradients', parameter));
    const other = values.find((value) => !value.isParameter);
    if (other !== undefined) throw new TensorError(`gradients: ${shapeOf(other)} is not a parameter`);
    return this.withoutRecording(() => backward(this, root, values));
  }

  matMul(left: Tensor, right: Tensor, options: { transposeA?: boolean; transposeB?: boolean } = {}): Tensor {
    const a = this.use('matMul', left);
    const b = this.use('matMul', right);
    const { transposeA: ta = false, transposeB: tb = false } = options;
    const [rows, inner] = ta ? [a.columns, a.rows] : [a.rows, a.columns];
    const [bInner, columns] = tb ? [b.columns, b.rows] : [b.rows, b.columns];
    if (inner !== bInner) {
      throw new TensorError(
        `matMul: ${shapeOf(a)}${ta ? 'ᵀ' : ''} · ${shapeOf(b)}${tb ? 'ᵀ' : ''}: inner sizes ${inner} and ${bInner} differ`,
      );
    }
    this.checkSize('matMul', rows, columns);
    const out = this.made(rows, columns, this.backend.matMul(a.storage, b.storage, rows, inner, columns, ta, tb));
    if (!this.recording) return out;
    return this.recorded(out, [a, b], (dy) => [
      a.needsGradient
        ? ta
          ? this.matMul(b, dy, { transposeA: tb, transposeB: true })
          : this.matMul(dy, b, { transposeB: !tb })
        : undefined,
      b.needsGradient
        ? tb
          ? this.matMul(dy, a, { transposeA: true, transposeB: ta })
          : this.matMul(a, dy, { transposeA: !ta })
        : undefined,
    ]);
  }

  /**
   * Both sides are `groups` matrices of one shape, one below the other: the product of each pair. Attention over the tokens of
   * many rows is two of these.
   */
  batchMatMul(left: Tensor, right: Tensor, groups: number, options: { transposeA?: boolean; transposeB?: boolean } = {}): Tensor {
    const a = this.use('batchMatMul', left);
    const b = this.use('batchMatMul', right);
    const { transposeA: ta = false, transposeB: tb = false } = options;
    const [aRows, bRows] = [a.rows / groups, b.rows / groups];
    const [rows, inner] = ta ? [a.columns, aRows] : [aRows, a.columns];
    const [bInner, columns] = tb ? [b.columns, bRows] : [bRows, b.columns];
    if (!(Number.isInteger(aRows) && Number.isInteger(bRows) && inner === bInner)) {
      throw new TensorError(
        `batchMatMul: ${groups} pairs of ${shapeOf(a)}${ta ? 'ᵀ' : ''} · ${shapeOf(b)}${tb ? 'ᵀ' : ''} do not fit`,
      );
    }
    this.checkSize('batchMatMul', groups * rows, columns);
    const storage = this.backend.batchMatMul(a.storage, b.storage, groups, rows, inner, columns, ta, tb);
    const out = this.made(groups * rows, columns, storage);
    if (!this.recording) return out;
    return this.recorded(out, [a, b], (dy) => [
      a.needsGradient
        ? ta
          ? this.batchMatMul(b, dy, groups, { transposeA: tb, transposeB: true })
          : this.batchMatMul(dy, b, groups, { transposeB: !tb })
        : undefined,
      b.needsGradient
        ? tb
          ? this.batchMatMul(dy, a, groups, { transposeA: true, transposeB: ta })
          : this.batchMatMul(a, dy, groups, { transposeA: !ta })
        : undefined,
    ]);
  }

  /** The same elements, row by row, in another shape. */
  reshape(a: Tensor, rows: number, columns: number): Tensor {
    const x = this.use('reshape', a);
    const length = this.checkSize('reshape', rows, columns);
    if (length !== x.rows * x.columns)
      throw new TensorError(`reshape: ${shapeOf(x)} has not the elements of [${rows},${columns}]`);
    const out = this.made(rows, columns, this.backend.slice(x.storage, 1, length, 0, length));
    return this.recording ? this.recorded(out, [x], (dy) => [this.reshape(dy, x.rows, x.columns)]) : out;
  }

  /** activation(x · w + b), b [1, columns], in one pass: the fast way to write a layer. */
  linear(input: Tensor, weights: Tensor, bias: Tensor, activation: Activation = 'none'): Tensor {
    const x = this.use('linear', input);
    const w = this.use('linear', weights);
    const b = this.use('linear', bias);
    if (x.columns !== w.rows)
      throw new TensorError(`linear: ${shapeOf(x)} · ${shapeOf(w)}: inner sizes ${x.columns} and ${w.rows} differ`);
    if (b.rows !== 1 || b.columns !== w.columns) throw new TensorError(`linear: bias ${shapeOf(b)} must be [1,${w.columns}]`);
    this.checkSize('linear', x.rows, w.columns);
    const storage = this.backend.linear(x.storage, w.storage, b.storage, x.rows, x.columns, w.columns, activation);
    const out = this.made(x.rows, w.columns, storage);
    if (!this.recording) return out;
    return this.recorded(out, [x, w, b], (dy) => {
      // Both activations' derivatives are functions of the output: relu's y > 0 exactly where x > 0.
      const dz = activation === 'none' ? dy : this.unaryGradient(activation, out, out, dy, 0, 0);
      return [
        x.needsGradient ? this.matMul(dz, w, { transposeB: true }) : undefined,
        w.needsGradient ? this.matMul(x, dz, { transposeA: true }) : undefined,
        b.needsGradient ? this.sumColumns(dz) : undefined,
      ];
    });
  }

  /** log Σ exp over each `groupSize` consecutive columns: [r, c / groupSize]. */
  logSumExp(a: Tensor, groupSize: number): Tensor {
    return this.group('logSumExp', a, groupSize);
  }

  /** Over each `groupSize` consecutive columns. */
  softmax(a: Tensor, groupSize: number): Tensor {
    return this.group('softmax', a, groupSize);
  }

  /** Over each `groupSize` consecutive columns. */
  logSoftmax(a: Tensor, groupSize: number): Tensor {
    return this.group('logSoftmax', a, groupSize);
  }

  /** Columns from..to, `to` excluded. */
  slice(a: Tensor, from: number, to: number): Tensor {
    const x = this.use('slice', a);
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= x.columns)) {
      throw new TensorError(`slice: columns ${from}..${to} are not within ${shapeOf(x)}`);
    }
    const out = this.made(x.rows, to - from, this.backend.slice(x.storage, x.rows, x.columns, from, to));
    if (!this.recording) return out;
    return this.recorded(out, [x], (dy) => [
      this.made(x.rows, x.columns, this.backend.embed(dy.storage, dy.rows, dy.columns, from, x.columns)),
    ]);
  }

  /** Side by side: rows must agree, columns add up. */
  concat(list: readonly Tensor[]): Tensor {
    const parts = list.map((part) => this.use('concat', part));
    const rows = parts[0]?.rows ?? 0;
    if (parts.length === 0 || parts.some((part) => part.rows !== rows)) {
      throw new TensorError(`concat: rows must agree, got ${parts.map(shapeOf).join(', ') || 'nothing'}`);
    }
    const counts = parts.map((part) => part.columns);
    const columns = counts.reduce((sum, count) => sum + count, 0);
    this.checkSize('concat', rows, columns);
    const storages = parts.map((part) => part.storage);
    const out = this.made(rows, columns, this.backend.concat(storages, rows, counts));
    if (!this.recording) return out;
    return this.recorded(out, parts, (dy) => {
      let to = 0;
      return parts.map((part) => {
        to += part.columns;
        return part.needsGradient ? this.slice(dy, to - part.columns, to) : undefined;
      });
    });
  }

  /** Column j of the result is column columnIndices[j]; duplicates allowed. The indices must not change while recorded. */
  pick(a: Tensor, columnIndices: Int32Array): Tensor {
    const x = this.use('pick', a);
    for (let j = 0; j < columnIndices.length; j += 1) {
      const index = columnIndices[j]!;
      if (index < 0 || index >= x.columns) throw new TensorError(`pick: column ${index} is not within ${shapeOf(x)}`);
    }
    this.checkSize('pick', x.rows, columnIndices.length);
    const out = this.made(x.rows, columnIndices.length, this.backend.pick(x.storage, x.rows, x.columns, columnIndices));
    if (!this.recording) return out;
    return this.recorded(out, [x], (dy) => [
      this.made(x.rows, x.columns, this.backend.scatter(dy.storage, x.rows, x.columns, columnIndices)),
    ]);
  }

  transpose(a: Tensor): Tensor {
    const x = this.use('transpose', a);
    const out = this.made(x.columns, x.rows, this.backend.transpose(x.storage, x.rows, x.columns));
    return this.recording ? this.recorded(out, [x], (dy) => [this.transpose(dy)]) : out;
  }

  private group(op: GroupOp, a: Tensor, groupSize: number): Tensor {
    const x = this.use(op, a);
    if (!(Number.isInteger(groupSize) && groupSize >= 1 && x.columns % groupSize === 0)) {
      throw new TensorError(`${op}: groups of ${groupSize} do not divide the columns of ${shapeOf(x)}`);
    }
    const groups = (x.rows * x.columns) / groupSize;
    const columns = op === 'logSumExp' ? x.columns / groupSize : x.columns;
    const out = this.made(x.rows, columns, this.backend.group(op, x.storage, groups, groupSize));
    if (!this.recording) return out;
    return this.recorded(out, [x], (dy) => [
      this.made(x.rows, x.columns, this.backend.groupGradient(op, x.storage, out.storage, dy.storage, groups, groupSize)),
    ]);
  }
}
