import { type EncodedColumn, openOutcome } from '../column-encoder.js';
import { inverseTransform, transform } from '../column-transform.js';

/** The 5 %, 50 % and 95 % quantiles that `UsualValues` asks for. */
export const USUAL_QUANTILES = { low: 0.05, median: 0.5, high: 0.95 } as const;

/** Every column's z lies within, whatever the cell. */
const Z_MAX = 40;
const Z_STEP = 1e-5;

/** z with cumulative(z) = share. */
const bisect = (cumulative: (z: number) => number, share: number): number => {
  let [low, high] = [-Z_MAX, Z_MAX];
  while (high - low > Z_STEP) {
    const middle = (low + high) / 2;
    if (cumulative(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};

/**
 * Quantile, in a numeric column's own units, of a value that is not missing: atoms and the continuous part together.
 *
 * @param logOutcome log P of an outcome
 * @param cumulative P(Z <= z | continuous)
 */
export const mixedQuantile = (
  column: EncodedColumn,
  logOutcome: (outcome: number) => number,
  cumulative: (z: number) => number,
  share: number,
): number => {
  const map = column.map!;
  const open = openOutcome(column);
  const masses = Float64Array.from({ length: open + 1 }, (_, outcome) => Math.exp(logOutcome(outcome)));
  const target = share * masses.reduce((sum, mass) => sum + mass, 0);
  let below = 0;
  for (const [i, atom] of column.atoms.entries()) {
    const before = masses[open]! * cumulative(transform(map, atom)) + below;
    if (before >= target) break;
    below += masses[i]!;
    if (before + masses[i]! >= target) return atom;
  }
  return inverseTransform(map, bisect(cumulative, (target - below) / masses[open]!));
};
