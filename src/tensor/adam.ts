import { type Engine } from './engine.js';
import { type Tensor, TensorError } from './tensor.js';

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/** Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) on parameters of one engine. */
export class Adam {
  private readonly moments: Tensor[];
  private readonly velocities: Tensor[];
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly epsilon: number;
  private steps = 0;

  constructor(
    private readonly engine: Engine,
    private readonly parameters: readonly Tensor[],
    { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamOptions = {},
  ) {
    const zeros = ({ rows, columns }: Tensor): Tensor => engine.parameter(rows, columns, new Float32Array(rows * columns));
    this.moments = parameters.map(zeros);
    this.velocities = parameters.map(zeros);
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
  }

  /**
   * One step against `gradients`, in the order of the parameters, all scaled down together where their norm exceeds `clipNorm`.
   * Where the norm is not finite nothing changes: a single bad batch does not spoil the model.
   * @returns the gradients' norm before clipping
   */
  step(gradients: readonly Tensor[], { learningRate, clipNorm }: { learningRate: number; clipNorm?: number }): number {
    if (gradients.length !== this.parameters.length) {
      throw new TensorError(`Adam.step: ${this.parameters.length} parameters need as many gradients, got ${gradients.length}`);
    }
    let squares = 0;
    for (const gradient of gradients) squares += this.engine.sumOfSquares(gradient);
    const norm = Math.sqrt(squares);
    if (!Number.isFinite(norm)) return norm;
    this.steps += 1;
    const step = {
      rate: learningRate / (1 - this.beta1 ** this.steps),
      beta1: this.beta1,
      beta2: this.beta2,
      epsilon: this.epsilon,
      velocityScale: 1 / Math.sqrt(1 - this.beta2 ** this.steps),
      gradientScale: clipNorm !== undefined && norm > clipNorm ? clipNorm / norm : 1,
    };
    this.parameters.forEach((parameter, i) => {
      this.engine.adamStep(parameter, gradients[i]!, this.moments[i]!, this.velocities[i]!, step);
    });
    return norm;
  }

  /** The parameters' values, to come back to the best of several states. */
  snapshot(): Float32Array[] {
    return this.parameters.map((parameter) => this.engine.read(parameter));
  }

  /** Writes the parameters' values back; the moments stay as they are. */
  restore(snapshot: readonly ArrayLike<number>[]): void {
    if (snapshot.length !== this.parameters.length) {
      throw new TensorError(`Adam.restore: ${this.parameters.length} parameters need as many arrays, got ${snapshot.length}`);
    }
    this.parameters.forEach((parameter, i) => this.engine.write(parameter, snapshot[i]!));
  }

  /** Frees the moments; the parameters stay. */
  dispose(): void {
    for (const tensor of [...this.moments, ...this.velocities]) this.engine.dispose(tensor);
  }
}
