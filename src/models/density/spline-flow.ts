import { z } from 'zod';
import type { Engine, Tensor } from '../../tensor/engine.js';
import { type Matrix, type Weights, zeroRow } from '../network-weights.js';
import { couplingMasks, couplingOutputs, initialCouplings } from './couplings.js';
import { flowEstimator, flowTraining, type FlowStep } from './flow-model.js';
import { initialTriangular, linearSteps } from './triangular-step.js';
import { rawColumns, splineForward, splineInverse, UNIT_SLOPE } from './rational-quadratic.js';

/** Bins of one width and height and slope 1: the identity. */
const identitySplines = (coordinates: number, bins: number): Matrix => {
  const bias = zeroRow(rawColumns(coordinates, bins));
  bias.values.fill(UNIT_SLOPE, 2 * coordinates * bins);
  return bias;
};

/** Coupling i: the coordinates that it moves go through splines that the kept ones determine. */
const splineStep = (i: number, kept: Float32Array, bins: number): FlowStep => {
  const size = kept.length;
  const moved = Int32Array.from(kept.keys()).filter((d) => kept[d] === 0);
  /** Of every coordinate in the kept ones followed by the moved ones' new values. */
  const places = Int32Array.from(kept, (keeps, d) => (keeps === 1 ? d : size + moved.indexOf(d)));
  const together = (engine: Engine, z: Tensor, changed: Tensor): Tensor => engine.pick(engine.concat([z, changed]), places);
  return {
    toBase(engine, tensors, z, conditions) {
      if (moved.length === 0) return { z, logDeterminant: engine.zeros(z.rows, 1) };
      const raw = couplingOutputs(engine, tensors, i, z, conditions);
      const { y, logSlope } = splineForward(engine, raw, engine.pick(z, moved), bins);
      const observed = engine.pick(conditions.observed, moved);
      return {
        z: together(engine, z, engine.mul(y, observed)),
        logDeterminant: engine.sumRows(engine.mul(logSlope, observed)),
      };
    },
    toData(engine, tensors, z, conditions) {
      if (moved.length === 0) return z;
      const raw = couplingOutputs(engine, tensors, i, z, conditions);
      const y = engine.read(engine.pick(z, moved));
      const x = engine.constant(z.rows, moved.length, splineInverse(engine, raw, y, moved.length, bins));
      return together(engine, z, engine.mul(x, engine.pick(conditions.observed, moved)));
    },
  };
};

/** A spline has 3 K - 1 raw parameters; the last layer's width over the moved coordinates says K. */
const binsOf = (weights: Weights, i: number, kept: Float32Array): number => {
  const moved = Math.max(1, kept.filter((keeps) => keeps === 0).length);
  return (weights[`b3.${i}`]!.columns / moved + 1) / 3;
};

/**
 * Neural spline flow (Durkan et al. 2019; recipe in models.md 7.3): couplings of rational-quadratic splines, which bend where
 * affine ones only stretch, with a linear map before each; see `flowEstimator`. A step costs about four times the affine flow's.
 */
export const splineFlow = flowEstimator({
  name: 'spline-flow',
  parametersSchema: z.strictObject({
    ...flowTraining,
    couplings: z.int().min(2).max(32).default(4),
    bins: z.int().min(2).max(32).default(6),
    hidden: z.int().min(1).max(512).default(48),
  }),
  initialWeights: (layout, parameters, random) => ({
    ...initialCouplings(layout, parameters, random, (moved) => identitySplines(Math.max(1, moved), parameters.bins)),
    ...initialTriangular(layout.dimensions.length, parameters.couplings),
  }),
  steps: (weights) =>
    couplingMasks(weights).flatMap((kept, i) => [...linearSteps(i, kept.length), splineStep(i, kept, binsOf(weights, i, kept))]),
});
