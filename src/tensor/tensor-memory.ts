import { type AdamStep, type TensorBackend } from './backend.js';
import { Scopes } from './scopes.js';
import { type Origin, shapeOf, type Tensor, TensorError, Value } from './tensor.js';

/** 2^26 elements are 256 MB of float32: more is a batch that should have been cut. */
const ELEMENTS_MAX = 2 ** 26;

/** The engine without its operations: tensors, their lives, and what is remembered of how they were made. */
export class TensorMemory {
  protected recording = false;
  private readonly scopes: Scopes;
  private sequence = 0;

  constructor(readonly backend: TensorBackend) {
    this.scopes = new Scopes((storage, length) => backend.free(storage, length));
  }

  /** How many tensors are alive, parameters included: flat where nothing leaks. */
  get liveTensors(): number {
    return this.scopes.live;
  }

  /** Runs `body` and frees the tensors made inside it, unless it returns them. */
  scope<T>(body: () => T): T {
    return this.scopes.run(body);
  }

  /** Runs `body`, remembering what `gradients` needs. */
  record<T>(body: () => T): T {
    if (this.scopes.depth === 0) throw new TensorError('record: must run inside a scope, which frees what is remembered');
    const before = this.recording;
    this.recording = true;
    try {
      return this.scopes.hold(body);
    } finally {
      this.recording = before;
    }
  }

  constant(rows: number, columns: number, values: ArrayLike<number>): Tensor {
    this.checkValues('constant', rows, columns, values);
    return this.made(rows, columns, this.backend.create(rows * columns, values));
  }

  zeros(rows: number, columns: number): Tensor {
    return this.made(rows, columns, this.backend.zeros(this.checkSize('zeros', rows, columns)));
  }

  /** Trainable; outlives all scopes, until disposed. */
  parameter(rows: number, columns: number, values: ArrayLike<number>): Tensor {
    this.checkValues('parameter', rows, columns, values);
    const value = new Value(this, rows, columns, this.backend.create(rows * columns, values), true);
    this.scopes.born(value);
    return value;
  }

  /** A copy, row by row. */
  read(a: Tensor): Float32Array {
    return this.backend.read(this.use('read', a).storage, a.rows * a.columns);
  }

  /** A copy, exact where the backend holds float64. */
  readFloat64(a: Tensor): Float64Array {
    return this.backend.readFloat64(this.use('read', a).storage, a.rows * a.columns);
  }

  write(a: Tensor, values: ArrayLike<number>): void {
    const value = this.use('write', a);
    this.checkValues('write', a.rows, a.columns, values);
    this.backend.write(value.storage, a.rows * a.columns, values);
  }

  /** Frees at once; a second time does nothing. */
  dispose(a: Tensor): void {
    this.scopes.free(a as Value);
  }

  /** Σ a², in float64. */
  sumOfSquares(a: Tensor): number {
    return this.backend.sumOfSquares(this.use('sumOfSquares', a).storage, a.rows * a.columns);
  }

  /** One fused optimiser step, in place; `Adam` is the way to call it. */
  adamStep(parameter: Tensor, gradient: Tensor, moment: Tensor, velocity: Tensor, step: AdamStep): void {
    const [p, g, m, v] = [parameter, gradient, moment, velocity].map((tensor) => this.use('adamStep', tensor)) as [
      Value,
      Value,
      Value,
      Value,
    ];
    if (g.rows !== p.rows || g.columns !== p.columns) {
      throw new TensorError(`adamStep: gradient ${shapeOf(g)} does not fit parameter ${shapeOf(p)}`);
    }
    this.backend.adamStep(p.storage, g.storage, m.storage, v.storage, p.rows * p.columns, step);
  }

  protected withoutRecording<T>(body: () => T): T {
    const before = this.recording;
    this.recording = false;
    try {
      return this.scopes.run(body);
    } finally {
      this.recording = before;
    }
  }

  /** The tensor as this engine's own, alive. */
  protected use(operation: string, tensor: Tensor): Value {
    const value = tensor as Value;
    if (value.owner !== this) throw new TensorError(`${operation}: ${shapeOf(tensor)} belongs to another engine`);
    if (value.storage === undefined) throw new TensorError(`${operation}: ${shapeOf(tensor)} has been freed`);
    return value;
  }

  protected made(rows: number, columns: number, storage: unknown): Value {
    const value = new Value(this, rows, columns, storage, false);
    this.scopes.born(value);
    return value;
  }

  protected recorded(out: Value, inputs: readonly Value[], gradients: Origin['backward']): Value {
    for (const input of inputs) {
      if (!input.needsGradient) continue;
      this.sequence += 1;
      out.origin = { sequence: this.sequence, inputs, backward: gradients };
      break;
    }
    return out;
  }

  protected checkSize(operation: string, rows: number, columns: number): number {
    const length = rows * columns;
    if (!(Number.isInteger(rows) && Number.isInteger(columns) && rows >= 1 && columns >= 1 && length <= ELEMENTS_MAX)) {
      throw new TensorError(
        `${operation}: [${rows},${columns}] is no shape: rows and columns must be positive integers, at most 2^26 elements`,
      );
    }
    return length;
  }

  private checkValues(operation: string, rows: number, columns: number, values: ArrayLike<number>): void {
    const length = this.checkSize(operation, rows, columns);
    if (values.length !== length)
      throw new TensorError(`${operation}: [${rows},${columns}] needs ${length} values, got ${values.length}`);
  }
}
