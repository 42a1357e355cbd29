import { tensorFlowVariants } from '../../test/support/tensor-flow.js';
import { expectAgreement, operations } from '../../test/support/tensor-operations.js';
import { trainNetwork } from '../../test/support/tensor-training.js';
import { type TensorBackend } from './backend.js';
import { Engine, type Tensor } from './engine.js';
import { createReferenceBackend } from './reference.js';
import { createSimdBackend } from './simd.js';
import { createTfjsBackend } from './tfjs.js';

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const special = [NaN, Infinity, -Infinity, 0, -1, 2, NaN, 1, -Infinity, -Infinity, -Infinity, Infinity];
const limits: [string, (engine: Engine, a: Tensor) => Tensor][] = [
  ...(['neg', 'exp', 'log', 'sqrt', 'square', 'tanh', 'relu', 'sigmoid', 'softplus', 'abs'] as const).map(
    (op): [string, (engine: Engine, a: Tensor) => Tensor] => [op, (e, a) => e[op](a)],
  ),
  ['clip', (e, a) => e.clip(a, -2, 3)],
  ['scale', (e, a) => e.scale(a, 2)],
  ['offset', (e, a) => e.offset(a, 2)],
  ...(['logSumExp', 'softmax', 'logSoftmax'] as const).map((op): [string, (engine: Engine, a: Tensor) => Tensor] => [
    `${op} of threes`,
    (e, a) => e[op](a, 3),
  ]),
];

describe.each(await tensorFlowVariants())('$name', ({ tf, activate }) => {
  beforeAll(activate);
  const create = (): TensorBackend => createTfjsBackend(tf);

  it.each(operations)('%s has the value and gradients of the reference', (_, test) =>
    expectAgreement(new Engine(create()), test, 3e-6),
  );

  it.each(limits)('%s carries NaN and infinities to their limits', (_, operation) => {
    const on = (engine: Engine): Float32Array =>
      engine.scope(() => engine.read(operation(engine, engine.constant(1, 12, special))));
    const expected = on(new Engine(createReferenceBackend()));
    on(new Engine(create())).forEach((actual, i) => {
      if (Number.isFinite(expected[i])) expect(actual).toBeCloseTo(expected[i]!, 5);
      else expect(actual).toBe(expected[i]);
    });
  });

  it('a gradient that relu and clip stop is 0, however large', () => {
    const engine = new Engine(create());
    const parameter = engine.parameter(1, 2, [-1, 1]);
    for (const stop of [(a: Tensor) => engine.relu(a), (a: Tensor) => engine.clip(a, 0, 2)]) {
      const gradient = engine.scope(() => {
        const loss = engine.record(() => engine.sum(engine.mul(stop(parameter), engine.constant(1, 2, [Infinity, 3]))));
        return engine.read(engine.gradients(loss, [parameter])[0]!);
      });
      expect([...gradient]).toEqual([0, 3]);
    }
  });

  it('trains as SIMD does: the same losses, but for rounding', () => {
    const [actual, expected] = [trainNetwork(create(), 120), trainNetwork(createSimdBackend(), 120)];
    actual.forEach((loss, step) => expect(Math.abs(loss / expected[step]! - 1)).toBeLessThan(1e-4));
    expect(meanOf(actual.slice(-40))).toBeLessThan(0.8 * meanOf(actual.slice(0, 40)));
  });

  it('frees everything but the parameters, step by step', () => {
    const start = tf.memory().numTensors;
    let early = 0;
    trainNetwork(create(), 12, (_, step) => {
      if (step === 2) early = tf.memory().numTensors;
      if (step > 2) expect(tf.memory().numTensors).toBe(early);
    });
    expect(early - start).toBeLessThanOrEqual(6);
  });

  it('keeps copies: neither side sees what the other writes', () => {
    const engine = new Engine(create());
    const values = Float32Array.of(1, 2);
    const tensor = engine.parameter(1, 2, values);
    values.fill(9);
    engine.read(tensor).fill(9);
    const doubled = engine.scale(tensor, 2);
    values.fill(7);
    engine.write(tensor, [5, 6]);
    expect([...engine.read(tensor), ...engine.read(doubled)]).toEqual([5, 6, 2, 4]);
    engine.dispose(tensor);
    engine.dispose(doubled);
  });
});
