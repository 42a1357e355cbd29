import { type BinaryOp, type UnaryOp } from './backend.js';
import { shapeOf, type Tensor, TensorError, type Value } from './tensor.js';
import { TensorMemory } from './tensor-memory.js';

/** The engine's operations on single elements, and the sums that their gradients need. */
export class ElementwiseOperations extends TensorMemory {
  add(a: Tensor, b: Tensor): Tensor {
    return this.binary('add', a, b, (dy, x, y) => [this.reduce(dy, x), this.reduce(dy, y)]);
  }

  sub(a: Tensor, b: Tensor): Tensor {
    return this.binary('sub', a, b, (dy, x, y) => [
      this.reduce(dy, x),
      y.needsGradient ? this.reduce(this.neg(dy) as Value, y) : undefined,
    ]);
  }

  mul(a: Tensor, b: Tensor): Tensor {
    return this.binary('mul', a, b, (dy, x, y) => [
      x.needsGradient ? this.reduce(this.mul(dy, y) as Value, x) : undefined,
      y.needsGradient ? this.reduce(this.mul(dy, x) as Value, y) : undefined,
    ]);
  }

  div(a: Tensor, b: Tensor): Tensor {
    return this.binary('div', a, b, (dy, x, y, out) => {
      const dx = this.div(dy, y) as Value;
      return [this.reduce(dx, x), y.needsGradient ? this.reduce(this.neg(this.mul(dx, out)) as Value, y) : undefined];
    });
  }

  neg(a: Tensor): Tensor {
    return this.unary('neg', a);
  }

  exp(a: Tensor): Tensor {
    return this.unary('exp', a);
  }

  log(a: Tensor): Tensor {
    return this.unary('log', a);
  }

  sqrt(a: Tensor): Tensor {
    return this.unary('sqrt', a);
  }

  square(a: Tensor): Tensor {
    return this.unary('square', a);
  }

  tanh(a: Tensor): Tensor {
    return this.unary('tanh', a);
  }

  relu(a: Tensor): Tensor {
    return this.unary('relu', a);
  }

  sigmoid(a: Tensor): Tensor {
    return this.unary('sigmoid', a);
  }

  /** log(1 + e^a), without overflow. */
  softplus(a: Tensor): Tensor {
    return this.unary('softplus', a);
  }

  abs(a: Tensor): Tensor {
    return this.unary('abs', a);
  }

  /** The gradient is 0 outside [min, max] and 1 on its borders. */
  clip(a: Tensor, min: number, max: number): Tensor {
    if (!(min <= max)) throw new TensorError(`clip: the bounds must be min <= max, got ${min} and ${max}`);
    return this.unary('clip', a, min, max);
  }

  /** a · k */
  scale(a: Tensor, k: number): Tensor {
    return this.unary('scale', a, k);
  }

  /** a + k */
  offset(a: Tensor, k: number): Tensor {
    return this.unary('offset', a, k);
  }

  /** The sum of each row: [r,1]. */
  sumRows(a: Tensor): Tensor {
    const x = this.use('sumRows', a);
    const out = this.made(x.rows, 1, this.backend.sumRows(x.storage, x.rows, x.columns));
    return this.recording ? this.recorded(out, [x], (dy) => [this.expand(dy, x)]) : out;
  }

  /** The sum of each column: [1,c]. */
  sumColumns(a: Tensor): Tensor {
    const x = this.use('sumColumns', a);
    const out = this.made(1, x.columns, this.backend.sumColumns(x.storage, x.rows, x.columns));
    return this.recording ? this.recorded(out, [x], (dy) => [this.expand(dy, x)]) : out;
  }

  sum(a: Tensor): Tensor {
    const x = this.use('sum', a);
    const out = this.made(1, 1, this.backend.sum(x.storage, x.rows * x.columns));
    return this.recording ? this.recorded(out, [x], (dy) => [this.expand(dy, x)]) : out;
  }

  mean(a: Tensor): Tensor {
    return this.scale(this.sum(a), 1 / (a.rows * a.columns));
  }

  private unary(op: UnaryOp, a: Tensor, p = 0, q = 0): Tensor {
    const x = this.use(op, a);
    const out = this.made(x.rows, x.columns, this.backend.unary(op, x.storage, x.rows * x.columns, p, q));
    return this.recording ? this.recorded(out, [x], (dy) => [this.unaryGradient(op, x, out, dy, p, q)]) : out;
  }

  protected unaryGradient(op: UnaryOp, x: Value, y: Value, dy: Value, p: number, q: number): Value {
    if (op === 'offset') return dy;
    const storage = this.backend.unaryGradient(op, x.storage, y.storage, dy.storage, x.rows * x.columns, p, q);
    return this.made(x.rows, x.columns, storage);
  }

  private binary(
    op: BinaryOp,
    left: Tensor,
    right: Tensor,
    gradients: (dy: Value, a: Value, b: Value, out: Value) => readonly (Tensor | undefined)[],
  ): Tensor {
    const a = this.use(op, left);
    const b = this.use(op, right);
    if ((a.rows !== b.rows && a.rows !== 1 && b.rows !== 1) || (a.columns !== b.columns && a.columns !== 1 && b.columns !== 1)) {
      throw new TensorError(`${op}: ${shapeOf(a)} and ${shapeOf(b)} do not fit: rows and columns must agree or be 1`);
    }
    const rows = Math.max(a.rows, b.rows);
    const columns = Math.max(a.columns, b.columns);
    if (rows > a.rows || rows > b.rows) this.checkSize(op, rows, columns);
    const out = this.made(rows, columns, this.backend.binary(op, a.storage, a.rows, a.columns, b.storage, b.rows, b.columns));
    return this.recording ? this.recorded(out, [a, b], (dy) => gradients(dy, a, b, out)) : out;
  }

  /** The gradient by a broadcast input: summed over what was repeated. Undefined where none is needed. */
  private reduce(dy: Value, input: Value): Tensor | undefined {
    if (!input.needsGradient) return undefined;
    const rows = input.rows < dy.rows;
    const columns = input.columns < dy.columns;
    if (rows && columns) return this.sum(dy);
    if (rows) return this.sumColumns(dy);
    return columns ? this.sumRows(dy) : dy;
  }

  /** The gradient by a summed input: repeated. */
  private expand(dy: Value, input: Value): Tensor {
    return this.add(this.zeros(input.rows, input.columns), dy);
  }
}
