import { loadWebAssembly } from '../tensor-backend.js';
import { Adam } from './adam.js';
import { type TensorBackend } from './backend.js';
import { Engine } from './engine.js';
import { createReferenceBackend } from './reference.js';
import { createSimdBackend } from './simd.js';
import { createTfjsBackend } from './tfjs.js';

const tf = await loadWebAssembly();
const backends: [string, () => TensorBackend][] = [
  ['reference', createReferenceBackend],
  ['simd', createSimdBackend],
  ['TensorFlow.js', () => createTfjsBackend(tf)],
];

describe.each(backends)('Adam on %s', (_, createBackend) => {
  const start = [1, -2, 0.5];
  const setUp = (options?: ConstructorParameters<typeof Adam>[2]) => {
    const engine = new Engine(createBackend());
    const parameter = engine.parameter(1, 3, start);
    return { engine, parameter, adam: new Adam(engine, [parameter], options) };
  };

  it('makes the steps computed by hand', () => {
    const { engine, parameter, adam } = setUp({ beta1: 0.8, beta2: 0.9, epsilon: 1e-3 });
    // By hand, from algorithm 1 of the paper, in float64.
    const expected = [...start];
    const [m, v] = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    const gradients = [
      [0.3, -4, 0],
      [-0.1, 2, 0.25],
    ];
    gradients.forEach((gradient, t) => {
      gradient.forEach((g, i) => {
        m[i] = 0.8 * m[i]! + 0.2 * g;
        v[i] = 0.9 * v[i]! + 0.1 * g * g;
        expected[i]! -= (0.05 * (m[i] / (1 - 0.8 ** (t + 1)))) / (Math.sqrt(v[i] / (1 - 0.9 ** (t + 1))) + 1e-3);
      });
      const norm = engine.scope(() => adam.step([engine.constant(1, 3, gradient)], { learningRate: 0.05 }));
      expect(norm).toBeCloseTo(Math.hypot(...gradient), 6);
    });
    engine.read(parameter).forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, 6));
  });

  it('scales gradients above the clip norm down to it, and leaves smaller ones alone', () => {
    const stepped = (gradient: number[], clipNorm?: number): number[] => {
      // A large epsilon keeps Adam from dividing the scale out again.
      const { engine, parameter, adam } = setUp({ epsilon: 10 });
      engine.scope(() =>
        adam.step([engine.constant(1, 3, gradient)], { learningRate: 1, ...(clipNorm === undefined ? {} : { clipNorm }) }),
      );
      return [...engine.read(parameter)];
    };
    const clipped = stepped([3, 4, 0], 1);
    stepped([0.6, 0.8, 0]).forEach((x, i) => expect(clipped[i]).toBeCloseTo(x, 6));
    expect(stepped([0.6, 0.8, 0], 5)).toEqual(stepped([0.6, 0.8, 0]));
    expect(clipped).not.toEqual(stepped([3, 4, 0]));
  });

  it.each([NaN, Infinity])('changes nothing where a gradient is %p, and says so by the norm', (bad) => {
    const { engine, parameter, adam } = setUp();
    const twin = setUp();
    const norm = engine.scope(() => adam.step([engine.constant(1, 3, [1, bad, 1])], { learningRate: 0.1, clipNorm: 1 }));
    expect(Number.isFinite(norm)).toBe(false);
    expect([...engine.read(parameter)]).toEqual(start);
    // The moments are untouched as well: the next step is a first step.
    engine.scope(() => adam.step([engine.constant(1, 3, [1, 2, 3])], { learningRate: 0.1 }));
    twin.engine.scope(() => twin.adam.step([twin.engine.constant(1, 3, [1, 2, 3])], { learningRate: 0.1 }));
    expect(engine.read(parameter)).toEqual(twin.engine.read(twin.parameter));
  });

  it('restores a snapshot', () => {
    const { engine, parameter, adam } = setUp();
    const snapshot = adam.snapshot();
    engine.scope(() => adam.step([engine.constant(1, 3, [1, 1, 1])], { learningRate: 0.1 }));
    expect([...engine.read(parameter)]).not.toEqual(start);
    adam.restore(snapshot);
    expect([...engine.read(parameter)]).toEqual(start);
  });

  it('names wrong counts and shapes', () => {
    const { engine, adam } = setUp();
    expect(() => adam.step([], { learningRate: 0.1 })).toThrow('Adam.step: 1 parameters need as many gradients, got 0');
    expect(() => adam.restore([])).toThrow('Adam.restore: 1 parameters need as many arrays, got 0');
    expect(() => engine.scope(() => adam.step([engine.constant(3, 1, [1, 1, 1])], { learningRate: 0.1 }))).toThrow(
      'adamStep: gradient [3,1] does not fit parameter [1,3]',
    );
  });

  it('frees its moments', () => {
    const { engine, adam } = setUp();
    expect(engine.liveTensors).toBe(3);
    adam.dispose();
    expect(engine.liveTensors).toBe(1);
  });
});
