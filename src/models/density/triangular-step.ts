import { type Matrix, type Weights, zeroRow } from '../network-weights.js';
import { affineStep } from './affine-step.js';
import type { FlowStep } from './flow-model.js';

const square = (size: number, at: (row: number, column: number) => number): Matrix => ({
  rows: size,
  columns: size,
  values: Float32Array.from({ length: size * size }, (_, i) => at(Math.floor(i / size), i % size)),
});

/** A lower and an upper triangular matrix before each coupling, both the identity at first. */
export const initialTriangular = (size: number, couplings: number): Weights => {
  const weights: Record<string, Matrix> = {
    maskLower: square(size, (row, column) => (row < column ? 1 : 0)),
    maskUpper: square(size, (row, column) => (row > column ? 1 : 0)),
  };
  for (let i = 0; i < couplings; i += 1)
    for (const name of ['lower', 'upper']) {
      weights[`${name}.${i}`] = square(size, () => 0);
      weights[`${name}Scale.${i}`] = zeroRow(size);
    }
  return weights;
};

const triangularStep = (i: number, size: number, side: 'Lower' | 'Upper'): FlowStep => {
  const name = side.toLowerCase();
  return affineStep((engine, tensors, z, { observed }) => {
    const matrix = engine.mul(tensors(`${name}.${i}`), tensors(`mask${side}`));
    return {
      logScale: engine.mul(observed, tensors(`${name}Scale.${i}`)),
      shift: engine.mul(engine.matMul(z, matrix), observed),
    };
  }, size);
};

/**
 * A linear map of all coordinates by its LU factors (Kingma and Dhariwal 2018; Durkan et al. 2019 put one between couplings):
 * it takes linear dependence off the couplings for D^2 weights. Triangular factors stay invertible on any subset of observed
 * coordinates, the others being 0.
 */
export const linearSteps = (i: number, size: number): FlowStep[] => [
  triangularStep(i, size, 'Lower'),
  triangularStep(i, size, 'Upper'),
];
