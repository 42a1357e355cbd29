import { z } from 'zod';
import { normalWidth } from './student-t.js';

/**
 * Shares of some rows that have one denominator, with the sums that say how certain they are when the rows of one primary
 * entity depend on each other: of every entity c, y_c rows of n_c are counted in a share.
 */
export const ShareTableSchema = z.strictObject({
  /** Σ n_c and Σ n_c². */
  rows: z.number(),
  rowSquares: z.number(),
  /** By share: Σ y_c, Σ y_c² and Σ y_c n_c. */
  counts: z.array(z.number()),
  countSquares: z.array(z.number()),
  products: z.array(z.number()),
});
export type ShareTable = z.infer<typeof ShareTableSchema>;

export const emptyShares = (shares: number): ShareTable => ({
  rows: 0,
  rowSquares: 0,
  counts: new Array<number>(shares).fill(0),
  countSquares: new Array<number>(shares).fill(0),
  products: new Array<number>(shares).fill(0),
});

/** Adds one entity's rows in place: a table is built of thousands. */
export const addEntity = (table: ShareTable, rows: number, counts: ArrayLike<number>): void => {
  table.rows += rows;
  table.rowSquares += rows * rows;
  for (let k = 0; k < table.counts.length; k += 1) {
    const count = counts[k]!;
    table.counts[k]! += count;
    table.countSquares[k]! += count * count;
    table.products[k]! += count * rows;
  }
};

/** Tables of entities that are taken for independent of each other: those of different days. */
export const sumOfShares = (tables: readonly ShareTable[], shares: number): ShareTable => {
  const sum = emptyShares(shares);
  for (const table of tables) {
    sum.rows += table.rows;
    sum.rowSquares += table.rowSquares;
    for (let k = 0; k < shares; k += 1) {
      sum.counts[k]! += table.counts[k]!;
      sum.countSquares[k]! += table.countSquares[k]!;
      sum.products[k]! += table.products[k]!;
    }
  }
  return sum;
};

/** NaN without rows. */
export const shareOf = (table: ShareTable, k: number): number => table.counts[k]! / table.rows;

/**
 * Variance of a share with the entities as clusters: Σ (y_c − p n_c)² / n², the ratio estimator's linearisation (Cochran 1977,
 * section 11; no dependence within an entity is too strong for it).
 */
export const entityVariance = (table: ShareTable, k: number, share = shareOf(table, k)): number => {
  const { rows, rowSquares, countSquares, products } = table;
  return Math.max(0, countSquares[k]! - 2 * share * products[k]! + share * share * rowSquares) / (rows * rows);
};

/**
 * As above, but never below that of independent rows with two more of either kind (Agresti & Caffo 2000): the sums say nothing of
 * a share that was 0 or 1 in all rows, and too little of one that a handful of rows make.
 */
export const cautiousVariance = (table: ShareTable, k: number): number => {
  const adjusted = (table.counts[k]! + 2) / (table.rows + 4);
  return Math.max(entityVariance(table, k), (adjusted * (1 - adjusted)) / (table.rows + 4));
};

/** A share between 0 and 1 with its interval; all null without rows. */
export interface Interval {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * Wilson's interval (1927) at the number of independent rows that would be as certain (Kish 1965: rows over the design effect).
 */
export const shareInterval = (table: ShareTable, k: number, confidence: number): Interval => {
  const { rows } = table;
  if (rows === 0) return { value: null, low: null, high: null };
  const share = shareOf(table, k);
  const variance = entityVariance(table, k, share);
  const meanRows = table.rowSquares / rows;
  // A share of 0 or 1 shows no variance: its rows may be as dependent as one entity's can be.
  const effective = variance > 0 ? Math.min(rows, (share * (1 - share)) / variance) : rows / meanRows;
  const z2 = normalWidth(confidence) ** 2;
  const center = (share + z2 / (2 * effective)) / (1 + z2 / effective);
  const half = (Math.sqrt(z2) / (1 + z2 / effective)) * Math.sqrt((share * (1 - share)) / effective + z2 / (4 * effective ** 2));
  return { value: share, low: Math.max(0, Math.min(share, center - half)), high: Math.min(1, Math.max(share, center + half)) };
};
