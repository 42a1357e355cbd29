import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { createRandom } from '../../src/domain/random.js';
import type { Detector, Estimator } from '../../src/models/detector.js';
import { estimators } from '../../src/models/registry.js';
import type { TensorBackend } from '../../src/tensor/backend.js';
import { createSimdBackend } from '../../src/tensor/simd.js';
import { createTfjsBackend } from '../../src/tensor/tfjs.js';
import { tensorFlowVariants } from '../support/tensor-flow.js';
import { namesFor, purchases } from './fits.js';
import { drawPurchases } from './worlds.js';

const documented = parse(readFileSync('config/models.yaml', 'utf8')) as Record<string, Record<string, unknown>>;

/** A fit of few steps, so that two implementations' rounding has not grown. */
const fit = (estimator: Estimator, backend: TensorBackend): Promise<Detector> => {
  const known = documented[estimator.name]!;
  const parameters = 'stepsMax' in known ? { stepsMin: 8, stepsMax: 8 } : 'steps' in known ? { steps: 8 } : {};
  return estimator.fit(purchases(estimator, 120), { random: createRandom(3), backend, parameters });
};

/** Of a difference; not of its largest element, since Adam makes a step of full length of a gradient that is all rounding. */
const norm = (values: ArrayLike<number>, others?: ArrayLike<number>): number => {
  let squares = 0;
  for (let i = 0; i < values.length; i += 1) squares += (values[i]! - (others?.[i] ?? 0)) ** 2;
  return Math.sqrt(squares);
};

/** The estimators whose fit asks a backend for anything, with what SIMD makes of them. */
const onSimd = async (): Promise<{ name: string; estimator: Estimator; expected: Detector }[]> => {
  const found = [];
  for (const [name, estimator] of Object.entries(estimators)) {
    let used = false;
    const watched = new Proxy(createSimdBackend(), {
      get(backend, key) {
        used ||= key === 'matMul' || key === 'linear' || key === 'create';
        return Reflect.get(backend, key) as unknown;
      },
    });
    const expected = await fit(estimator, watched);
    if (used) found.push({ name, estimator, expected });
  }
  return found;
};
const fitted = await onSimd();
const variants = await tensorFlowVariants();

it('several estimators use tensors', () => expect(fitted.length).toBeGreaterThan(2));

describe.each(variants)('on $name', ({ tf, activate }) => {
  beforeAll(activate);

  it.each(fitted)('$name trains and scores as on SIMD, within 1e-3, and leaves no tensor', async ({ estimator, expected }) => {
    const start = tf.memory().numTensors;
    const actual = await fit(estimator, createTfjsBackend(tf));
    const test = drawPurchases(50, 3, namesFor(estimator));
    const exact = expected.score(test);
    actual.score(test).forEach((score, r) => expect(Math.abs(score - exact[r]!)).toBeLessThan(1e-3 * (1 + Math.abs(exact[r]!))));
    const weights = expected.save().arrays;
    for (const [array, values] of Object.entries(actual.save().arrays))
      expect(norm(values, weights[array])).toBeLessThan(1e-3 * (1e-3 + norm(values)));
    expect(tf.memory().numTensors).toBe(start);
  });
});
