import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import type * as tfjs from '@tensorflow/tfjs-core';
import type { TensorBackend } from './tensor/backend.js';
import { createReferenceBackend } from './tensor/reference.js';
import { createSimdBackend } from './tensor/simd.js';
import { createTfjsBackend } from './tensor/tfjs.js';

/** The packages are CommonJS, and the optional one may be absent, so that no import may name it. */
const load = createRequire(import.meta.url);

/** Version 4.22.0, the last release, calls functions of `util` that Node 23 removed. */
const restoreRemovedUtilities = (): void => {
  const removed = { isNullOrUndefined: (value: unknown) => value === null || value === undefined, isArray: Array.isArray };
  for (const [name, body] of Object.entries(removed)) if (!(name in util)) Object.assign(util, { [name]: body });
};

/** @throws Error where the package is not installed, its addon not built, or TensorFlow's library not to be found */
export const loadNative = (): typeof tfjs => {
  // The package would look after it has loaded all of TensorFlow.js, which takes a second.
  const folder = dirname(load.resolve('@tensorflow/tfjs-node/package.json'));
  if (!existsSync(join(folder, 'lib'))) throw new Error('the addon of @tensorflow/tfjs-node is not built');
  restoreRemovedUtilities();
  return load('@tensorflow/tfjs-node') as typeof tfjs;
};

export const loadWebAssembly = async (): Promise<typeof tfjs> => {
  const [caught, rejected] = [process.listeners('uncaughtException'), process.listeners('unhandledRejection')];
  const tf = load('@tensorflow/tfjs-core') as typeof tfjs;
  load('@tensorflow/tfjs-backend-wasm');
  if (!(await tf.setBackend('wasm'))) throw new Error('its WebAssembly module does not start');
  // The module's own: what they rethrow ends the process with an exit code of theirs.
  for (const each of process.listeners('uncaughtException')) if (!caught.includes(each)) process.off('uncaughtException', each);
  for (const each of process.listeners('unhandledRejection'))
    if (!rejected.includes(each)) process.off('unhandledRejection', each);
  return tf;
};

/** The first sentence: Node adds the stack of requires, the package a page of advice. */
const reasonOf = (error: unknown): string => (error as Error).message.split(/\n|\. /)[0]!.trim();

/** How TensorFlow.js is loaded: native before WebAssembly. */
const variants = { loadNative, loadWebAssembly };

const loadTensorFlow = async (say: (line: string) => void, { loadNative, loadWebAssembly }: typeof variants) => {
  try {
    return loadNative();
  } catch (native) {
    try {
      const tf = await loadWebAssembly();
      say(`TENSOR_BACKEND=tfjs: TensorFlow.js runs on WebAssembly: ${reasonOf(native)}; "npm run setup:tfjs" makes it native`);
      return tf;
    } catch (error) {
      const reasons = `native: ${reasonOf(native)}; WebAssembly: ${reasonOf(error)}`;
      throw new Error(`TENSOR_BACKEND=tfjs: TensorFlow.js cannot be loaded (${reasons})`);
    }
  }
};

/**
 * `TENSOR_BACKEND` by name. TensorFlow.js is loaded only where it was chosen: 0.3 s and 20 MB, native 1 to 2 s and 250 MB.
 *
 * @param say hears one line where TensorFlow's native library was not to be had
 * @throws Error where TensorFlow.js was chosen and cannot be loaded at all
 */
export const createTensorBackend = async (
  name: TensorBackend['name'],
  say: (line: string) => void,
  tensorFlow = variants,
): Promise<TensorBackend> => {
  if (name === 'simd') return createSimdBackend();
  if (name === 'reference') return createReferenceBackend();
  return createTfjsBackend(await loadTensorFlow(say, tensorFlow));
};
