import type { Random } from '../../domain/random.js';

/**
 * Random Fourier features (Rahimi & Recht 2007): sqrt(2 / D) cos(w·x + b) with w ~ N(0, 2 gamma) and b uniform on a turn, whose
 * inner products are exp(-gamma |x - y|^2) on average, within about 1 / sqrt(D).
 */
export interface FourierMap {
  /** Inputs. */
  readonly width: number;
  /** Features x inputs. */
  readonly directions: Float64Array;
  readonly phases: Float64Array;
}

export const drawFourierMap = (width: number, features: number, gamma: number, random: Random): FourierMap => {
  const deviation = Math.sqrt(2 * gamma);
  return {
    width,
    directions: Float64Array.from({ length: features * width }, () => deviation * random.normal()),
    phases: Float64Array.from({ length: features }, () => 2 * Math.PI * random.uniform()),
  };
};

/** Rows x features. Cost: features x inputs a row. */
export const fourierFeatures = (
  { width, directions, phases }: FourierMap,
  inputs: Float32Array,
  rowCount: number,
): Float32Array => {
  const count = phases.length;
  const scale = Math.sqrt(2 / count);
  const features = new Float32Array(rowCount * count);
  for (let r = 0; r < rowCount; r += 1)
    for (let f = 0; f < count; f += 1) {
      let angle = phases[f]!;
      for (let i = 0; i < width; i += 1) angle += directions[f * width + i]! * inputs[r * width + i]!;
      features[r * count + f] = scale * Math.cos(angle);
    }
  return features;
};
