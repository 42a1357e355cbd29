import type * as tfjs from '@tensorflow/tfjs-core';
import { loadNative, loadWebAssembly } from '../../src/tensor-backend.js';

/** A variant of TensorFlow.js; only one is active at a time, so `activate` before use. */
export interface TensorFlowVariant {
  readonly name: string;
  readonly tf: typeof tfjs;
  readonly activate: () => Promise<unknown>;
}

const variant = (name: string, tf: typeof tfjs): TensorFlowVariant => {
  const backend = tf.getBackend();
  return { name, tf, activate: () => tf.setBackend(backend) };
};

/** WebAssembly always; native where `npm run setup:tfjs` has been run. */
export const tensorFlowVariants = async (): Promise<TensorFlowVariant[]> => {
  const variants = [variant('TensorFlow.js on WebAssembly', await loadWebAssembly())];
  try {
    variants.push(variant('native TensorFlow.js', loadNative()));
  } catch {
    // Not installed here.
  }
  return variants;
};
