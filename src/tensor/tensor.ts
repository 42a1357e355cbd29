/** A matrix of numbers, row-major, held by an `Engine`; read it with `engine.read`. A scalar is [1,1]. */
export interface Tensor {
  readonly rows: number;
  readonly columns: number;
}

/** How a recorded tensor came to be: what `gradients` needs. */
export interface Origin {
  readonly sequence: number;
  readonly inputs: readonly Value[];
  /** The gradients by the inputs, given the gradient by the output; undefined where an input depends on no parameter. */
  readonly backward: (dy: Value) => readonly (Tensor | undefined)[];
}

/** The engine's own view of a tensor. */
export class Value implements Tensor {
  origin: Origin | undefined = undefined;
  /** How many gradient slots hold this tensor while `gradients` runs. */
  holders = 0;

  /** @param storage undefined once freed */
  constructor(
    readonly owner: object,
    readonly rows: number,
    readonly columns: number,
    public storage: unknown,
    readonly isParameter: boolean,
  ) {}

  /** True where a gradient has to flow: a parameter, or made from one while recording. */
  get needsGradient(): boolean {
    return this.isParameter || this.origin !== undefined;
  }
}

/** A wrong shape, a freed or foreign tensor, a wrong order of calls: an error in the calling model, never in its data. */
export class TensorError extends Error {
  override readonly name = 'TensorError';
}

export const shapeOf = (tensor: Tensor): string => `[${tensor.rows},${tensor.columns}]`;
