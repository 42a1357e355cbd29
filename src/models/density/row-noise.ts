import { createRandom, type Random } from '../../domain/random.js';
import type { EncodedRows } from '../column-encoder.js';

const SEED = 20_250_101;

/** A seed from the row's own content (FNV-1a). */
const rowSeed = (rows: EncodedRows, bits: Uint32Array, row: number): number => {
  let hash = SEED;
  for (let c = 0; c < rows.width; c += 1) {
    const at = row * rows.width + c;
    for (const part of [bits[2 * at]!, bits[2 * at + 1]!, rows.outcomes[at]!]) hash = Math.imul(hash ^ part, 0x01000193);
  }
  return hash;
};

/**
 * Chance of each row's own, so that a row alone and in a batch has the same draws. Draws shared by all rows would bias the
 * mean of a bound over rows by their own sample variance; a row's own draws make it unbiased.
 */
export const rowRandoms = function* (rows: EncodedRows): Generator<Random> {
  const bits = new Uint32Array(rows.z.buffer, rows.z.byteOffset, rows.z.length * 2);
  for (let r = 0; r < rows.rowCount; r += 1) yield createRandom(rowSeed(rows, bits, r));
};
