import type { Random } from '../../domain/random.js';
import type { Engine, Tensor } from '../../tensor/engine.js';
import { type ColumnEncoder, openOutcome } from '../column-encoder.js';
import { heNormal, normalMatrix, type Tensors, type Weights, zeroRow } from '../network-weights.js';
import type { JointLayout } from './joint-layout.js';

/** Inputs are cut here: nothing is learnt beyond. */
export const INPUT_MAX = 10;
const TEMPERATURE = 0.5;
/** The deviation of z around its reconstruction; fixes what one unit of the latent prior is worth. */
const RESIDUAL_SD = 0.25;

export const perceptron = (name: string, sizes: readonly [number, number, number], random: Random): Weights => ({
  [`${name}1`]: heNormal(sizes[0], sizes[1], random),
  [`${name}b1`]: zeroRow(sizes[1]),
  [`${name}2`]: heNormal(sizes[1], sizes[1], random),
  [`${name}b2`]: zeroRow(sizes[1]),
  [`${name}3`]: normalMatrix(sizes[1], sizes[2], Math.sqrt(1 / sizes[1]), random),
  [`${name}b3`]: zeroRow(sizes[2]),
});

const forward = (engine: Engine, tensors: Tensors, name: string, inputs: Tensor): Tensor => {
  const first = engine.linear(inputs, tensors(`${name}1`), tensors(`${name}b1`), 'relu');
  const second = engine.linear(first, tensors(`${name}2`), tensors(`${name}b2`), 'relu');
  return engine.linear(second, tensors(`${name}3`), tensors(`${name}b3`));
};

/** Log-odds that rows are real. */
export const discriminate = (engine: Engine, tensors: Tensors, rows: Tensor): Tensor =>
  forward(engine, tensors, 'discriminator', engine.clip(rows, -INPUT_MAX, INPUT_MAX));

/** z and outcome logits of latent points. */
export const generate = (engine: Engine, tensors: Tensors, latent: Tensor): Tensor =>
  forward(engine, tensors, 'generator', latent);

/** Latent points of rows. */
export const invert = (engine: Engine, tensors: Tensors, rows: Tensor): Tensor =>
  forward(engine, tensors, 'encoder', engine.clip(rows, -INPUT_MAX, INPUT_MAX));

/** One-hots of drawn outcomes whose gradient is that of the relaxed ones (straight-through Gumbel-softmax, Jang et al. 2017). */
const drawOneHots = (engine: Engine, logits: Tensor, random: Random): Tensor => {
  const { rows, columns } = logits;
  const gumbels = Float32Array.from({ length: rows * columns }, () => -Math.log(-Math.log(random.uniform() + 1e-12) + 1e-12));
  const noisy = engine.add(logits, engine.constant(rows, columns, gumbels));
  const soft = engine.softmax(engine.scale(noisy, 1 / TEMPERATURE), columns);
  const values = engine.read(soft);
  const correction = values.map((value) => -value);
  for (let r = 0; r < rows; r += 1) {
    const row = values.subarray(r * columns, (r + 1) * columns);
    correction[r * columns + row.indexOf(Math.max(...row))]! += 1;
  }
  return engine.add(soft, engine.constant(rows, columns, correction));
};

/** Generated rows as `NetworkRows`: outcomes drawn, z of cells without one set to 0. */
export const drawGenerated = (
  engine: Engine,
  tensors: Tensors,
  encoder: ColumnEncoder,
  layout: JointLayout,
  latent: Tensor,
  random: Random,
): Tensor => {
  const size = layout.dimensions.length;
  const decoded = generate(engine, tensors, latent);
  if (layout.discrete.length === 0) return decoded;
  const oneHots = layout.discrete.map(({ start, count }) =>
    drawOneHots(engine, engine.slice(decoded, size + start, size + start + count), random),
  );
  const cells = layout.dimensions.map((c, d) => {
    const z = engine.slice(decoded, d, d + 1);
    const at = layout.discrete.findIndex(({ index }) => index === c);
    if (at < 0) return z;
    const open = layout.discrete[at]!.seenPosition[openOutcome(encoder.columns[c]!)]!;
    return engine.mul(z, engine.slice(oneHots[at]!, open, open + 1));
  });
  return engine.concat([...cells, ...oneHots]);
};

/** -log p of rows by the outcomes and z of latent points, up to a constant, and of these by their prior: rows x 1. */
export const reconstructionEnergy = (
  engine: Engine,
  tensors: Tensors,
  layout: JointLayout,
  rows: Tensor,
  observed: Tensor | undefined,
  latent: Tensor,
): Tensor => {
  const size = layout.dimensions.length;
  const decoded = generate(engine, tensors, latent);
  let energy = engine.scale(engine.sumRows(engine.square(latent)), 0.5);
  if (observed) {
    const residual = engine.mul(engine.sub(engine.slice(rows, 0, size), engine.slice(decoded, 0, size)), observed);
    energy = engine.add(energy, engine.scale(engine.sumRows(engine.square(residual)), 0.5 / RESIDUAL_SD ** 2));
  }
  for (const { start, count } of layout.discrete) {
    const logProbs = engine.logSoftmax(engine.slice(decoded, size + start, size + start + count), count);
    const oneHot = engine.slice(rows, size + start, size + start + count);
    energy = engine.sub(energy, engine.sumRows(engine.mul(logProbs, oneHot)));
  }
  return energy;
};
