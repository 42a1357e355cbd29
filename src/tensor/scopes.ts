import { TensorError, Value } from './tensor.js';

type Free = (storage: unknown, length: number) => void;

/** Which tensors are alive, and who frees them: a stack of scopes, each the list of what was made inside. */
export class Scopes {
  /** Tensors alive, parameters included. */
  live = 0;
  private readonly open: Value[][] = [];
  /** Scopes deeper than this pass their tensors to the scope around them, because a recording still needs them. */
  private heldFrom = Infinity;

  constructor(private readonly release: Free) {}

  get depth(): number {
    return this.open.length;
  }

  born(value: Value): void {
    this.live += 1;
    if (!value.isParameter) this.add(value);
  }

  free(value: Value): void {
    if (value.storage === undefined) return;
    this.release(value.storage, value.rows * value.columns);
    value.storage = undefined;
    this.live -= 1;
    value.origin = undefined;
  }

  run<T>(body: () => T): T {
    const made: Value[] = [];
    this.open.push(made);
    let kept: readonly unknown[] = [];
    try {
      const result = body();
      if (result instanceof Promise) throw new TensorError('scope: the body must be synchronous');
      if (result instanceof Value) kept = [result];
      else if (Array.isArray(result) && result[0] instanceof Value) kept = result;
      return result;
    } finally {
      const held = this.open.length > this.heldFrom;
      this.open.pop();
      for (const value of made) {
        if (value.storage === undefined) continue;
        if (held || kept.includes(value)) this.add(value);
        else this.free(value);
      }
    }
  }

  /** Runs `body` while inner scopes free nothing: their tensors live as long as the scope around this call. */
  hold<T>(body: () => T): T {
    const before = this.heldFrom;
    this.heldFrom = Math.min(before, this.open.length);
    try {
      return body();
    } finally {
      this.heldFrom = before;
    }
  }

  private add(value: Value): void {
    this.open.at(-1)?.push(value);
  }
}
