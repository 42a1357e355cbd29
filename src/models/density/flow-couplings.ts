import type { Random } from '../../domain/random.js';
import type { Engine, Tensor } from '../../tensor/engine.js';
import { shuffledIndices } from '../fit-rows.js';
import { heNormal, type Matrix, normalMatrix, type Tensors, type Weights, zeroRow } from '../network-weights.js';
import type { JointLayout } from './joint-layout.js';

/** What the couplings' networks see of an outlier; the map itself acts on all of it. */
const INPUT_MAX = 10;

/** Random halves in complementary pairs; starts as the identity. */
export const initialCouplings = (layout: JointLayout, couplings: number, hidden: number, random: Random): Weights => {
  const size = layout.dimensions.length;
  const weights: Record<string, Matrix> = {};
  let kept = new Set<number>();
  for (let i = 0; i < couplings; i += 1) {
    kept =
      i % 2 === 0
        ? new Set(shuffledIndices(size, random).subarray(0, Math.floor(size / 2)))
        : new Set([...Array(size).keys()].filter((d) => !kept.has(d)));
    weights[`mask${i}`] = {
      rows: 1,
      columns: size,
      values: Float32Array.from({ length: size }, (_, d) => (kept.has(d) ? 1 : 0)),
    };
    weights[`w1.${i}`] = heNormal(size + layout.oneHots, hidden, random);
    weights[`b1.${i}`] = zeroRow(hidden);
    weights[`w2.${i}`] = heNormal(hidden, hidden, random);
    weights[`b2.${i}`] = zeroRow(hidden);
    weights[`w3.${i}`] = normalMatrix(hidden, 2 * size, 0.01 / Math.sqrt(hidden), random);
    weights[`b3.${i}`] = zeroRow(2 * size);
  }
  return weights;
};

/** Log scale and shift of one coupling, both 0 on coordinates that are kept or not observed. */
const coupling = (
  engine: Engine,
  tensors: Tensors,
  i: number,
  z: Tensor,
  observed: Tensor,
  oneHots: Tensor | undefined,
): { logScale: Tensor; shift: Tensor } => {
  const mask = tensors(`mask${i}`);
  const seen = engine.mul(engine.clip(z, -INPUT_MAX, INPUT_MAX), mask);
  const inputs = oneHots ? engine.concat([seen, oneHots]) : seen;
  const first = engine.linear(inputs, tensors(`w1.${i}`), tensors(`b1.${i}`), 'relu');
  const second = engine.linear(first, tensors(`w2.${i}`), tensors(`b2.${i}`), 'relu');
  const out = engine.linear(second, tensors(`w3.${i}`), tensors(`b3.${i}`));
  const size = mask.columns;
  const moved = engine.mul(engine.offset(engine.neg(mask), 1), observed);
  const logScale = engine.scale(engine.tanh(engine.scale(engine.slice(out, 0, size), 0.5)), 2);
  return { logScale: engine.mul(logScale, moved), shift: engine.mul(engine.slice(out, size, 2 * size), moved) };
};

/** Rows x values as a tensor; nothing where there are no columns. */
const optional = (engine: Engine, rows: number, values: Float32Array): Tensor | undefined =>
  values.length > 0 ? engine.constant(rows, values.length / rows, values) : undefined;

/** Data to base: z' = z e^s + t per coupling; log |det| is the sum of s. */
export const toBase = (
  engine: Engine,
  tensors: Tensors,
  couplings: number,
  rowCount: number,
  cells: Float32Array,
  observed: Float32Array,
  oneHots: Float32Array,
): { z: Tensor; logDeterminant: Tensor } => {
  const size = cells.length / rowCount;
  const present = engine.constant(rowCount, size, observed);
  const conditions = optional(engine, rowCount, oneHots);
  let z = engine.constant(rowCount, size, cells);
  let logDeterminant = engine.zeros(rowCount, 1);
  for (let i = 0; i < couplings; i += 1) {
    const { logScale, shift } = coupling(engine, tensors, i, z, present, conditions);
    z = engine.add(engine.mul(z, engine.exp(logScale)), shift);
    logDeterminant = engine.add(logDeterminant, engine.sumRows(logScale));
  }
  return { z, logDeterminant };
};

/** Base to data: the couplings undone in reverse. */
export const toData = (
  engine: Engine,
  tensors: Tensors,
  couplings: number,
  rowCount: number,
  base: Float32Array,
  observed: Float32Array,
  oneHots: Float32Array,
): Tensor => {
  const size = base.length / rowCount;
  const present = engine.constant(rowCount, size, observed);
  const conditions = optional(engine, rowCount, oneHots);
  let z = engine.constant(rowCount, size, base);
  for (let i = couplings - 1; i >= 0; i -= 1) {
    const { logScale, shift } = coupling(engine, tensors, i, z, present, conditions);
    z = engine.mul(engine.sub(z, shift), engine.exp(engine.neg(logScale)));
  }
  return z;
};

/** Mean -log p(z) without its constant. */
export const flowLoss = (
  engine: Engine,
  tensors: Tensors,
  couplings: number,
  rowCount: number,
  cells: Float32Array,
  observed: Float32Array,
  oneHots: Float32Array,
): Tensor => {
  const { z, logDeterminant } = toBase(engine, tensors, couplings, rowCount, cells, observed, oneHots);
  const base = engine.mul(engine.square(z), engine.constant(rowCount, cells.length / rowCount, observed));
  return engine.scale(engine.sub(engine.scale(engine.sum(base), 0.5), engine.sum(logDeterminant)), 1 / rowCount);
};
