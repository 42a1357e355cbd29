import { createRandom } from '../../src/domain/random.js';
import { Adam } from '../../src/tensor/adam.js';
import type { TensorBackend } from '../../src/tensor/backend.js';
import { Engine, type Tensor } from '../../src/tensor/engine.js';

/** y = sin(3 x0) + x1 x2 by a network 3-16-16-1, data and start from one seed; the loss before each step. */
export const trainNetwork = (
  backend: TensorBackend,
  steps: number,
  afterStep?: (engine: Engine, step: number) => void,
): number[] => {
  const e = new Engine(backend);
  const draw = createRandom(5);
  const weights = (rows: number, columns: number): Tensor =>
    e.parameter(
      rows,
      columns,
      Float64Array.from({ length: rows * columns }, () => draw.normal() / Math.sqrt(rows)),
    );
  const parameters = [weights(3, 16), weights(1, 16), weights(16, 16), weights(1, 16), weights(16, 1), weights(1, 1)];
  const [w1, b1, w2, b2, w3, b3] = parameters as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const adam = new Adam(e, parameters);
  return Array.from({ length: steps }, (_, step) => {
    const rows = 20 + (step % 3) * 7;
    const x = Float32Array.from({ length: rows * 3 }, () => draw.normal());
    const y = Float32Array.from({ length: rows }, (__, i) => Math.sin(3 * x[i * 3]!) + x[i * 3 + 1]! * x[i * 3 + 2]!);
    const before = e.scope(() => {
      const loss = e.record(() => {
        const hidden = e.linear(e.linear(e.constant(rows, 3, x), w1, b1, 'tanh'), w2, b2, 'relu');
        return e.mean(e.square(e.sub(e.linear(hidden, w3, b3), e.constant(rows, 1, y))));
      });
      adam.step(e.gradients(loss, parameters), { learningRate: 5e-3, clipNorm: 5 });
      return e.read(loss)[0]!;
    });
    afterStep?.(e, step);
    return before;
  });
};
