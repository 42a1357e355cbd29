import type { Engine, Tensor } from '../../tensor/engine.js';
import type { Tensors } from '../network-weights.js';
import type { FlowConditions, FlowStep } from './flow-model.js';

/** |log scale| of a step stays below this. */
const LOG_SCALE_MAX = 2;

/** From a network's outputs (log scales, then shifts): bounded, and 0 on coordinates that do not move. */
export const affineMap = (engine: Engine, outputs: Tensor, moved: Tensor): { logScale: Tensor; shift: Tensor } => {
  const size = outputs.columns / 2;
  const bounded = engine.tanh(engine.scale(engine.slice(outputs, 0, size), 1 / LOG_SCALE_MAX));
  return {
    logScale: engine.mul(engine.scale(bounded, LOG_SCALE_MAX), moved),
    shift: engine.mul(engine.slice(outputs, size, 2 * size), moved),
  };
};

/**
 * z' = z e^s + t, where s and t of a coordinate depend on coordinates before it; log |det| is the sum of s.
 *
 * @param passes the length of the longest chain of dependence: the inverse is found coordinate by coordinate, each pass
 *   setting those right whose predecessors are. 1 for a coupling, the number of dimensions for an autoregressive step.
 */
export const affineStep = (
  map: (engine: Engine, tensors: Tensors, z: Tensor, conditions: FlowConditions) => { logScale: Tensor; shift: Tensor },
  passes: number,
): FlowStep => ({
  toBase(engine, tensors, z, conditions) {
    const { logScale, shift } = map(engine, tensors, z, conditions);
    return { z: engine.add(engine.mul(z, engine.exp(logScale)), shift), logDeterminant: engine.sumRows(logScale) };
  },
  toData(engine, tensors, base, conditions) {
    let z = base;
    for (let pass = 0; pass < passes; pass += 1)
      z = engine.scope(() => {
        const { logScale, shift } = map(engine, tensors, z, conditions);
        return engine.mul(engine.sub(base, shift), engine.exp(engine.neg(logScale)));
      });
    return z;
  },
});
