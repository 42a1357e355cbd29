import { z } from 'zod';
import { heNormal, zeroRow } from '../network-weights.js';
import { sequenceNetwork, sequenceParameters } from './sequence-network.js';

const parameters = z.strictObject({
  ...sequenceParameters,
  filters: z.int().min(1).max(512).default(32),
  /** Neighbouring events that a filter sees at once. */
  kernel: z.int().min(1).max(33).default(3),
});

/** A sequence shorter than the kernel is one window. */
const windowsOf = (kernel: number, steps: number): { size: number; count: number } => {
  const size = Math.min(kernel, steps);
  return { size, count: steps - size + 1 };
};

/**
 * Convolutional network: one layer of filters over the recent events, as in the Fraud Detection Handbook's chapter 7. The
 * windows stay side by side instead of being pooled: they are few, and how recent a pattern is matters.
 */
export const convolutionalNetwork = sequenceNetwork({
  name: 'convolutional-network',
  parameters,
  width: ({ filters, kernel }, steps) => filters * windowsOf(kernel, steps).count,
  initial({ filters, kernel }, steps, inputs, random) {
    return { filters: heNormal(windowsOf(kernel, steps).size * inputs, filters, random), filterBias: zeroRow(filters) };
  },
  /** A convolution as one product: every window a row. */
  summarise(engine, tensors, { filters, kernel }, steps, given) {
    const rows = given.rows / steps;
    const { size, count } = windowsOf(kernel, steps);
    const side = engine.reshape(given, rows, steps * given.columns);
    const windows = Array.from({ length: count }, (_, w) => engine.slice(side, w * given.columns, (w + size) * given.columns));
    const stacked = engine.reshape(engine.concat(windows), rows * count, size * given.columns);
    const filtered = engine.linear(stacked, tensors('filters'), tensors('filterBias'), 'relu');
    return engine.reshape(filtered, rows, count * filters);
  },
});
