import type { Random } from '../domain/random.js';
import type { Engine, Tensor } from '../tensor/engine.js';
import type { Artifact } from './artifact.js';

/** A network's weights as plain numbers, by name: what a fitted detector keeps, so that it owns no tensor. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}
export type Weights = Readonly<Record<string, Matrix>>;

/** The tensor of a weight. @throws Error when the network has no such weight */
export type Tensors = (name: string) => Tensor;

export const tensorsBy = (tensors: ReadonlyMap<string, Tensor>): Tensors => {
  return (name) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`the network has no weight "${name}"; it has ${[...tensors.keys()].join(', ')}`);
    return tensor;
  };
};

/** The weights as constants of the scope it is called in. */
export const constantsOf = (engine: Engine, weights: Weights): Tensors =>
  tensorsBy(new Map(Object.entries(weights).map(([name, w]) => [name, engine.constant(w.rows, w.columns, w.values)])));

export const normalMatrix = (rows: number, columns: number, sd: number, random: Random): Matrix => ({
  rows,
  columns,
  values: Float32Array.from({ length: rows * columns }, () => sd * random.normal()),
});

/** N(0, 2 / rows), He et al. 2015: keeps the variance through ReLU layers. */
export const heNormal = (rows: number, columns: number, random: Random): Matrix =>
  normalMatrix(rows, columns, Math.sqrt(2 / Math.max(1, rows)), random);

export const zeroRow = (columns: number): Matrix => ({ rows: 1, columns, values: new Float32Array(columns) });

type Shape = readonly [name: string, rows: number, columns: number];

/** For `Artifact.meta.weights` and `Artifact.arrays.weights`. */
export const saveWeights = (weights: Weights): { meta: Shape[]; values: Float32Array } => {
  const entries = Object.entries(weights);
  const values = new Float32Array(entries.reduce((sum, [, w]) => sum + w.values.length, 0));
  let at = 0;
  for (const [, w] of entries) {
    values.set(w.values, at);
    at += w.values.length;
  }
  return { meta: entries.map(([name, { rows, columns }]) => [name, rows, columns]), values };
};

/** @throws Error when the artifact holds no weights */
export const loadWeights = (artifact: Artifact): Weights => {
  const values = artifact.arrays['weights'];
  if (!values) throw new Error(`the artifact of ${artifact.estimator} has no array "weights"`);
  let at = 0;
  const shapes = artifact.meta['weights'] as Shape[];
  return Object.fromEntries(
    shapes.map(([name, rows, columns]) => {
      at += rows * columns;
      return [name, { rows, columns, values: Float32Array.from(values.subarray(at - rows * columns, at)) }];
    }),
  );
};
