import type { FeatureMatrix } from '../domain/feature-matrix.js';
import type { Random } from '../domain/random.js';

const SWAPPED_SHARE = 0.3;

/**
 * Rows that no longer hang together: of each row about a third of the cells, at least one, come from random rows of `donors`.
 * Every value by itself stays usual; only the dependence of the columns is broken, at random.
 *
 * @param donors at least one row of the same columns
 */
export const swapCells = ({ columns, rowCount, values }: FeatureMatrix, donors: FeatureMatrix, random: Random): FeatureMatrix => {
  const width = columns.length;
  const swapped = values.slice();
  for (let r = 0; r < rowCount; r += 1) {
    const always = width > 0 ? random.integer(width) : 0;
    for (let c = 0; c < width; c += 1)
      if (random.uniform() < SWAPPED_SHARE || c === always)
        swapped[r * width + c] = donors.values[random.integer(donors.rowCount) * width + c]!;
  }
  return { columns, rowCount, values: swapped };
};

/** Chance that an unusual row scores above a usual one, ties counting half (AUROC); 1/2 where one side is empty. */
export const separation = (usual: Float64Array, unusual: Float64Array): number => {
  if (usual.length === 0 || unusual.length === 0) return 0.5;
  const [low, high] = [usual.slice().sort(), unusual.slice().sort()];
  let below = 0;
  let notAbove = 0;
  let wins = 0;
  for (const score of high) {
    while (below < low.length && low[below]! < score) below += 1;
    while (notAbove < low.length && low[notAbove]! <= score) notAbove += 1;
    wins += (below + notAbove) / 2;
  }
  return wins / (low.length * high.length);
};
