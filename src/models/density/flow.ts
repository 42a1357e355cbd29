import { z } from 'zod';
import { zeroRow } from '../network-weights.js';
import { affineMap, affineStep } from './affine-step.js';
import { couplingMasks, couplingOutputs, initialCouplings } from './couplings.js';
import { flowEstimator, flowTraining } from './flow-model.js';

/** Normalizing flow of affine couplings (RealNVP, Dinh et al. 2017; recipe in models.md 7.3); see `flowEstimator`. */
export const flow = flowEstimator({
  name: 'flow',
  parametersSchema: z.strictObject({
    ...flowTraining,
    couplings: z.int().min(2).max(32).default(6),
    hidden: z.int().min(1).max(512).default(48),
  }),
  initialWeights: (layout, parameters, random) =>
    initialCouplings(layout, parameters, random, () => zeroRow(2 * layout.dimensions.length)),
  steps: (weights) =>
    couplingMasks(weights).map((_, i) =>
      affineStep((engine, tensors, z, conditions) => {
        const moved = engine.mul(engine.offset(engine.neg(tensors(`mask${i}`)), 1), conditions.observed);
        return affineMap(engine, couplingOutputs(engine, tensors, i, z, conditions), moved);
      }, 1),
    ),
});
