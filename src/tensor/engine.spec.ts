import { loadWebAssembly } from '../tensor-backend.js';
import { type TensorBackend } from './backend.js';
import { Engine, type Tensor, TensorError } from './engine.js';
import { createReferenceBackend } from './reference.js';
import { createSimdBackend } from './simd.js';
import { createTfjsBackend } from './tfjs.js';

const tf = await loadWebAssembly();
const backends: [string, () => TensorBackend][] = [
  ['reference', createReferenceBackend],
  ['simd', createSimdBackend],
  ['TensorFlow.js', () => createTfjsBackend(tf)],
];

it('frees the gradients of inner tensors while it goes', () => {
  const backend = createReferenceBackend();
  let peak = 0;
  const engine: Engine = new Engine({
    ...backend,
    unaryGradient: (...inputs) => {
      peak = Math.max(peak, engine.liveTensors);
      return backend.unaryGradient(...inputs);
    },
  });
  const parameter = engine.parameter(1, 1, [0.5]);
  engine.scope(() => {
    const loss = engine.record(() => Array.from({ length: 50 }).reduce<Tensor>((x) => engine.tanh(x), parameter));
    const before = engine.liveTensors;
    engine.gradients(loss, [parameter]);
    expect(peak - before).toBeLessThan(4);
  });
});

describe.each(backends)('engine on %s', (_, createBackend) => {
  let engine: Engine;
  const ones = (rows: number, columns: number): Tensor =>
    engine.constant(rows, columns, new Float32Array(rows * columns).fill(1));

  beforeEach(() => {
    engine = new Engine(createBackend());
  });

  describe('scopes', () => {
    it('free what was made inside, except parameters', () => {
      let parameter: Tensor | undefined;
      const sum = engine.scope(() => {
        parameter = engine.parameter(1, 2, [1, 2]);
        return engine.read(engine.sum(engine.add(ones(1, 2), parameter)))[0];
      });
      expect(sum).toBe(5);
      expect(engine.liveTensors).toBe(1);
      expect([...engine.read(parameter!)]).toEqual([1, 2]);
      engine.dispose(parameter!);
      engine.dispose(parameter!);
      expect(engine.liveTensors).toBe(0);
    });

    it('pass returned tensors to the scope around them', () => {
      engine.scope(() => {
        const doubled = engine.scope(() => engine.scale(engine.exp(engine.neg(ones(2, 2))), 2));
        expect(engine.liveTensors).toBe(1);
        const pair = engine.scope(() => [engine.square(doubled), engine.sum(doubled)]);
        expect(engine.liveTensors).toBe(3);
        expect(engine.read(pair[1]!)[0]).toBeCloseTo(8 / Math.E, 5);
      });
      expect(engine.liveTensors).toBe(0);
    });

    it('free everything when the body throws', () => {
      expect(() =>
        engine.scope(() => {
          ones(2, 2);
          throw new Error('trouble');
        }),
      ).toThrow('trouble');
      expect(engine.liveTensors).toBe(0);
    });

    it('refuse a body that is not synchronous', () => {
      expect(() => engine.scope(() => Promise.resolve(1))).toThrow('scope: the body must be synchronous');
    });
  });

  describe('recording', () => {
    it('does not remember outside record', () => {
      const parameter = engine.parameter(1, 1, [3]);
      expect(() => engine.scope(() => engine.gradients(engine.square(parameter), [parameter]))).toThrow('not made inside record');
      expect(() => engine.record(() => 1)).toThrow('record: must run inside a scope');
    });

    it('survives scopes within it', () => {
      const parameter = engine.parameter(1, 1, [3]);
      engine.scope(() => {
        const loss = engine.record(() => engine.scope(() => engine.square(engine.scope(() => engine.mul(parameter, parameter)))));
        const [gradient] = engine.gradients(loss, [parameter]);
        expect(engine.read(gradient!)[0]).toBeCloseTo(4 * 27, 3);
      });
      expect(engine.liveTensors).toBe(1);
    });

    it('frees every gradient but the ones asked for', () => {
      const [w, b] = [engine.parameter(4, 3, new Float32Array(12).fill(0.1)), engine.parameter(1, 3, [0, 0, 0])];
      engine.scope(() => {
        const loss = engine.record(() => engine.mean(engine.square(engine.linear(ones(5, 4), w, b, 'tanh'))));
        const before = engine.liveTensors;
        engine.gradients(loss, [w, b]);
        expect(engine.liveTensors).toBe(before + 2);
      });
      expect(engine.liveTensors).toBe(2);
    });

    it('gives zeros for a parameter the loss does not depend on, and adds up several uses', () => {
      const [used, unused] = [engine.parameter(1, 2, [2, 3]), engine.parameter(2, 2, [1, 1, 1, 1])];
      engine.scope(() => {
        const loss = engine.record(() => engine.sum(engine.add(engine.mul(used, used), engine.add(used, used))));
        const [first, second] = engine.gradients(loss, [used, unused]);
        expect([...engine.read(first!)]).toEqual([6, 8]);
        expect([...engine.read(second!)]).toEqual([0, 0, 0, 0]);
      });
    });

    it('can be asked twice', () => {
      const parameter = engine.parameter(1, 1, [3]);
      engine.scope(() => {
        const loss = engine.record(() => engine.square(parameter));
        const read = (): number => engine.read(engine.gradients(loss, [parameter])[0]!)[0]!;
        expect([read(), read()]).toEqual([6, 6]);
      });
    });

    it('refuses losses that are no scalar and things that are no parameters', () => {
      const parameter = engine.parameter(1, 2, [1, 2]);
      engine.scope(() => {
        const { out, loss } = engine.record(() => {
          const squared = engine.square(parameter);
          return { out: squared, loss: engine.sum(squared) };
        });
        expect(() => engine.gradients(out, [parameter])).toThrow('gradients: the loss must be [1,1], got [1,2]');
        expect(() => engine.gradients(loss, [out])).toThrow('gradients: [1,2] is not a parameter');
      });
    });
  });

  describe('errors name the operation and the shapes', () => {
    const cases: [string, () => unknown][] = [
      ['matMul: [2,3] · [2,3]: inner sizes 3 and 2 differ', () => engine.matMul(ones(2, 3), ones(2, 3))],
      ['matMul: [2,3]ᵀ · [3,2]: inner sizes 2 and 3 differ', () => engine.matMul(ones(2, 3), ones(3, 2), { transposeA: true })],
      ['batchMatMul: 2 pairs of [4,3] · [4,3] do not fit', () => engine.batchMatMul(ones(4, 3), ones(4, 3), 2)],
      ['batchMatMul: 3 pairs of [4,3] · [9,2] do not fit', () => engine.batchMatMul(ones(4, 3), ones(9, 2), 3)],
      ['reshape: [2,3] has not the elements of [2,4]', () => engine.reshape(ones(2, 3), 2, 4)],
      ['matMul: [2,3] · [3,2]ᵀ: inner sizes 3 and 2 differ', () => engine.matMul(ones(2, 3), ones(3, 2), { transposeB: true })],
      ['linear: [2,3] · [4,5]: inner sizes 3 and 4 differ', () => engine.linear(ones(2, 3), ones(4, 5), ones(1, 5))],
      ['linear: bias [1,4] must be [1,5]', () => engine.linear(ones(2, 3), ones(3, 5), ones(1, 4))],
      ['add: [2,3] and [3,2] do not fit', () => engine.add(ones(2, 3), ones(3, 2))],
      ['div: [2,3] and [1,2] do not fit', () => engine.div(ones(2, 3), ones(1, 2))],
      ['logSumExp: groups of 4 do not divide the columns of [2,6]', () => engine.logSumExp(ones(2, 6), 4)],
      ['softmax: groups of 0 do not divide the columns of [2,6]', () => engine.softmax(ones(2, 6), 0)],
      ['slice: columns 2..5 are not within [1,4]', () => engine.slice(ones(1, 4), 2, 5)],
      ['slice: columns 2..2 are not within [1,4]', () => engine.slice(ones(1, 4), 2, 2)],
      ['concat: rows must agree, got [1,4], [2,4]', () => engine.concat([ones(1, 4), ones(2, 4)])],
      ['concat: rows must agree, got nothing', () => engine.concat([])],
      ['pick: column 4 is not within [1,4]', () => engine.pick(ones(1, 4), Int32Array.of(0, 4))],
      ['pick: column -1 is not within [1,4]', () => engine.pick(ones(1, 4), Int32Array.of(-1))],
      ['pick: [1,0] is no shape', () => engine.pick(ones(1, 4), new Int32Array())],
      ['clip: the bounds must be min <= max, got 2 and 1', () => engine.clip(ones(1, 1), 2, 1)],
      ['constant: [2,2] needs 4 values, got 3', () => engine.constant(2, 2, [1, 2, 3])],
      ['parameter: [0,2] is no shape', () => engine.parameter(0, 2, [])],
      ['zeros: [1.5,2] is no shape', () => engine.zeros(1.5, 2)],
      ['zeros: [100000,100000] is no shape', () => engine.zeros(100_000, 100_000)],
      ['add: [70000,70000] is no shape', () => engine.add(engine.zeros(70_000, 1), engine.zeros(1, 70_000))],
      ['write: [1,2] needs 2 values, got 1', () => engine.write(ones(1, 2), [1])],
      ['exp: [1,2] has been freed', () => engine.exp(engine.scope(() => ({ tensor: ones(1, 2) })).tensor)],
      ['add: [1,2] belongs to another engine', () => engine.add(ones(1, 2), new Engine(createReferenceBackend()).zeros(1, 2))],
    ];
    it.each(cases)('%s', (message, wrong) => {
      const check = (): void => engine.scope(() => void wrong());
      expect(check).toThrow(TensorError);
      expect(check).toThrow(message);
    });
  });

  it('writes and reads whole tensors, as copies', () => {
    const tensor = engine.parameter(2, 2, [1, 2, 3, 4]);
    engine.read(tensor).fill(9);
    expect([...engine.read(tensor)]).toEqual([1, 2, 3, 4]);
    engine.write(tensor, [5, 6, 7, 8]);
    expect([...engine.readFloat64(tensor)]).toEqual([5, 6, 7, 8]);
  });
});
