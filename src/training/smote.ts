import type { FeatureMatrix } from '../domain/feature-matrix.js';
import type { Random } from '../domain/random.js';
import { encodeRows, fitEncoder } from '../models/column-encoder.js';
import { shuffledIndices } from '../models/fit-rows.js';
import { rowDistances } from '../models/row-distances.js';

/** As published: Chawla et al. 2002. */
const NEIGHBOURS = 5;

/**
 * Rows that neighbours are looked for in the space of `rowDistances`: asinh of what is beyond the median in units of the
 * interquartile range, so that one outlier does not decide who is near.
 *
 * @param rows at least two
 * @returns for each row the numbers of its nearest others, the nearest first. Cost: rows² x columns
 */
export const nearestOthers = (rows: FeatureMatrix, count: number): readonly Uint32Array[] => {
  const encoder = fitEncoder(rows, { transform: 'asinh', atoms: false });
  const distances = rowDistances(encoder, encodeRows(encoder, rows));
  const squared = new Float64Array(rows.rowCount);
  return Array.from({ length: rows.rowCount }, (_, i) => {
    distances.squaredAmong(i, squared);
    const others = Array.from(squared.keys()).filter((j) => j !== i);
    return Uint32Array.from(others.sort((a, b) => squared[a]! - squared[b]! || a - b).slice(0, count));
  });
};

/**
 * SMOTE: each new row lies between a row and one of its nearest neighbours. Of a categorical column it has the neighbour's level;
 * what the row lacks it lacks as well, and what only the neighbour lacks it has from the row.
 *
 * @param rows at least two
 */
export const smote = (rows: FeatureMatrix): ((n: number, random: Random) => FeatureMatrix) => {
  const { columns, values, rowCount } = rows;
  const width = columns.length;
  const neighbours = nearestOthers(rows, NEIGHBOURS);
  return (n, random) => {
    const drawn = new Float32Array(n * width);
    let order = shuffledIndices(rowCount, random);
    for (let r = 0; r < n; r += 1) {
      // Every row is started from equally often, or once more.
      if (r > 0 && r % rowCount === 0) order = shuffledIndices(rowCount, random);
      const own = order[r % rowCount]!;
      const near = neighbours[own]!;
      const other = near[random.integer(near.length)]!;
      const share = random.uniform();
      columns.forEach(({ kind }, c) => {
        const [from, to] = [values[own * width + c]!, values[other * width + c]!];
        const between = kind === 'categorical' ? to : from + share * (to - from);
        drawn[r * width + c] = Number.isNaN(from) || !Number.isFinite(between) ? from : between;
      });
    }
    return { columns, rowCount: n, values: drawn };
  };
};
