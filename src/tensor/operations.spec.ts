import { drawInputs, evaluate, expectAgreement, lossAt, operations } from '../../test/support/tensor-operations.js';
import { Engine } from './engine.js';
import { createReferenceBackend } from './reference.js';
import { createSimdBackend } from './simd.js';

describe('gradients of every operation on the reference', () => {
  const engine = new Engine(createReferenceBackend());

  it.each(operations)('%s agrees with finite differences', (_, test) => {
    const values = drawInputs(test).map((input) => Float64Array.from(input));
    const { gradients } = evaluate(engine, test, values);
    const step = 1e-5;
    values.forEach((input, i) => {
      // Every element of small inputs, about forty of large ones.
      const stride = Math.max(1, Math.floor(input.length / 40));
      for (let j = 0; j < input.length; j += stride) {
        const original = input[j]!;
        input[j] = original + step;
        const above = lossAt(engine, test, values);
        input[j] = original - step;
        const below = lossAt(engine, test, values);
        input[j] = original;
        const expected = (above - below) / (2 * step);
        expect(Math.abs(gradients[i]![j]! - expected)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected)));
      }
    });
  });
});

describe('every operation on SIMD', () => {
  const simd = new Engine(createSimdBackend());

  it.each(operations)('%s has the value and gradients of the reference', (_, test) => expectAgreement(simd, test, 3e-6));
});
