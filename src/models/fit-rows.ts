import { type FeatureMatrix, selectRows } from '../domain/feature-matrix.js';
import { type Random } from '../domain/random.js';
import { type FitContext } from './detector.js';

/** 0..count-1 in random order (Fisher-Yates). */
export const shuffledIndices = (count: number, random: Random): Uint32Array => {
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i -= 1) {
    const j = random.integer(i + 1);
    [indices[i], indices[j]] = [indices[j]!, indices[i]!];
  }
  return indices;
};

/** At most `rowsMax` rows, drawn without replacement and kept in order. */
export const limitRows = (features: FeatureMatrix, rowsMax: number, random: Random): FeatureMatrix =>
  features.rowCount <= rowsMax
    ? features
    : selectRows(features, shuffledIndices(features.rowCount, random).subarray(0, rowsMax).sort());

/**
 * Between two steps of a fit: reports, lets the thread's other work (such as the message that aborts) run, and stops
 * when the signal says so.
 */
export const betweenSteps = async (context: FitContext, share: number, message: string): Promise<void> => {
  context.onProgress?.({ share, message });
  await new Promise((resolve) => setImmediate(resolve));
  context.signal?.throwIfAborted();
};
