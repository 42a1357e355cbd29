import { z } from 'zod';
import { normalMatrix, zeroRow } from '../network-weights.js';
import { sequenceNetwork, sequenceParameters } from './sequence-network.js';

const parameters = z.strictObject({
  ...sequenceParameters,
  /** Numbers of the state that is carried from event to event. */
  units: z.int().min(1).max(512).default(32),
});

/** Update, reset and candidate. */
const GATES = 3;

/**
 * Recurrent network: gated recurrent units (Cho et al. 2014, the reset gate after the product as in cuDNN), unrolled over the
 * recent events, oldest first; the last state sums them up.
 */
export const recurrentNetwork = sequenceNetwork({
  name: 'recurrent-network',
  parameters,
  width: ({ units }) => units,
  initial({ units }, _steps, inputs, random) {
    return {
      input: normalMatrix(inputs, GATES * units, 1 / Math.sqrt(inputs), random),
      inputBias: zeroRow(GATES * units),
      state: normalMatrix(units, GATES * units, 1 / Math.sqrt(units), random),
      stateBias: zeroRow(GATES * units),
    };
  },
  summarise(engine, tensors, { units }, steps, given) {
    const rows = given.rows / steps;
    const all = engine.linear(given, tensors('input'), tensors('inputBias'));
    const side = engine.reshape(all, rows, steps * GATES * units);
    let state = engine.zeros(rows, units);
    for (let step = 0; step < steps; step += 1) {
      const before = state;
      const carried = engine.linear(before, tensors('state'), tensors('stateBias'));
      const fromInput = (gate: number) => engine.slice(side, (step * GATES + gate) * units, (step * GATES + gate + 1) * units);
      const fromState = (gate: number) => engine.slice(carried, gate * units, (gate + 1) * units);
      const update = engine.sigmoid(engine.add(fromInput(0), fromState(0)));
      const reset = engine.sigmoid(engine.add(fromInput(1), fromState(1)));
      const candidate = engine.tanh(engine.add(fromInput(2), engine.mul(reset, fromState(2))));
      state = engine.add(candidate, engine.mul(update, engine.sub(before, candidate)));
    }
    return state;
  },
});
