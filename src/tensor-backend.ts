import type { TensorBackend } from './tensor/backend.js';
import { createReferenceBackend } from './tensor/reference.js';
import { createSimdBackend } from './tensor/simd.js';

/** `TENSOR_BACKEND` by name; a TensorFlow.js backend takes its place here. */
export const createTensorBackend = (name: 'simd' | 'reference'): TensorBackend =>
  name === 'simd' ? createSimdBackend() : createReferenceBackend();
