import { Engine } from './tensor/engine.js';
import { createTensorBackend, loadWebAssembly } from './tensor-backend.js';

const lines: string[] = [];
const say = (line: string): void => void lines.push(line);
beforeEach(() => void lines.splice(0));
const notBuilt = (): never => {
  throw new Error('the addon is not built. A page of advice\n- and a stack');
};

it.each(['simd', 'reference'] as const)('%s comes without loading TensorFlow.js', async (name) => {
  expect((await createTensorBackend(name, say)).name).toBe(name);
  expect(globalThis).not.toHaveProperty('_tfengine');
  expect(lines).toEqual([]);
});

it('tfjs says in one line why it is not native, and computes', async () => {
  const listeners = (): unknown[] => [process.listeners('uncaughtException'), process.listeners('unhandledRejection')];
  const before = listeners();
  const backend = await createTensorBackend('tfjs', say, { loadNative: notBuilt, loadWebAssembly });
  expect(listeners()).toEqual(before);
  expect(lines).toEqual([
    'TENSOR_BACKEND=tfjs: TensorFlow.js runs on WebAssembly: the addon is not built; "npm run setup:tfjs" makes it native',
  ]);
  expect(backend.name).toBe('tfjs');
  const engine = new Engine(backend);
  const product = engine.matMul(engine.constant(1, 2, [1, 2]), engine.constant(2, 1, [3, 4]));
  expect([...engine.read(product)]).toEqual([11]);
});

it('tfjs says nothing where it is native', async () => {
  const native = await loadWebAssembly();
  await createTensorBackend('tfjs', say, { loadNative: () => native, loadWebAssembly });
  expect(lines).toEqual([]);
});

it('tfjs fails with both reasons where nothing can be loaded', async () => {
  const loadNothing = () => Promise.reject(new Error('no such package'));
  await expect(createTensorBackend('tfjs', say, { loadNative: notBuilt, loadWebAssembly: loadNothing })).rejects.toThrow(
    'TENSOR_BACKEND=tfjs: TensorFlow.js cannot be loaded (native: the addon is not built; WebAssembly: no such package)',
  );
});
