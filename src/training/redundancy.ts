import type { FeatureMatrix } from '../domain/feature-matrix.js';

/** What columns say twice: a joint likelihood pays for the noise between two copies as for evidence of its own. */
export interface Redundancy {
  /** One value, or none, in all rows. */
  readonly constant: readonly string[];
  /** (Σ λ)² / Σ λ² of the rank correlations' eigenvalues: as many independent columns would spread as evenly. */
  readonly effectiveDimensions: number;
  /** Numeric columns that vary. */
  readonly dimensions: number;
  readonly pairs: readonly { readonly columns: readonly [string, string]; readonly correlation: number }[];
  /** Columns that the others determine, the later ones first; without them none is determined. */
  readonly determined: readonly string[];
}

/** |Spearman| of near-copies, and the share of a column's rank variance that others explain. */
const COPY_MIN = 0.98;
const ROWS_MAX = 5000;
/** Keeps the inverse of a singular correlation matrix finite. */
const RIDGE = 1e-6;

export const redundancyOf = (features: FeatureMatrix): Redundancy => {
  const { columns } = features;
  const constant = columns.filter((_, c) => isConstant(features, c)).map(({ name }) => name);
  const varying = columns.flatMap(({ name, kind }, c) => (kind === 'numeric' && !constant.includes(name) ? [c] : []));
  const names = varying.map((c) => columns[c]!.name);
  const correlation = correlations(varying.map((c) => standardRanks(features, c)));
  const squares = correlation.flat().reduce((sum, r) => sum + r * r, 0);
  const pairs = names.flatMap((a, i) =>
    names.slice(i + 1).flatMap((b, j) => {
      const r = correlation[i]![i + 1 + j]!;
      return Math.abs(r) >= COPY_MIN ? [{ columns: [a, b] as const, correlation: r }] : [];
    }),
  );
  return {
    constant,
    dimensions: names.length,
    effectiveDimensions: names.length === 0 ? 0 : names.length ** 2 / squares,
    pairs,
    determined: determinedColumns(correlation).map((i) => names[i]!),
  };
};

const isConstant = ({ values, rowCount, columns }: FeatureMatrix, c: number): boolean => {
  let first = NaN;
  for (let r = 0; r < rowCount; r += 1) {
    const value = values[r * columns.length + c]!;
    if (Number.isNaN(first)) first = value;
    else if (!Number.isNaN(value) && value !== first) return false;
  }
  return true;
};

/** Mid-ranks with mean 0 and length 1 of at most `ROWS_MAX` rows, evenly taken; a missing cell has the mean rank. */
const standardRanks = ({ values, rowCount, columns }: FeatureMatrix, c: number): Float64Array => {
  const step = Math.max(1, rowCount / ROWS_MAX);
  const n = Math.min(rowCount, ROWS_MAX);
  const cells = Float64Array.from({ length: n }, (_, i) => values[Math.floor(i * step) * columns.length + c]!);
  const order = [...cells.keys()].filter((i) => !Number.isNaN(cells[i])).sort((a, b) => cells[a]! - cells[b]!);
  const ranks = new Float64Array(n);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && cells[order[to]!] === cells[order[from]!]) to += 1;
    for (let k = from; k < to; k += 1) ranks[order[k]!] = (from + to - 1) / 2 - (order.length - 1) / 2;
    from = to;
  }
  const length = Math.sqrt(ranks.reduce((sum, rank) => sum + rank * rank, 0));
  return length > 0 ? ranks.map((rank) => rank / length) : ranks;
};

const correlations = (ranks: readonly Float64Array[]): number[][] =>
  ranks.map((a, i) => ranks.map((b, j) => (i === j ? 1 : a.reduce((sum, x, r) => sum + x * b[r]!, 0))));

/** Takes away the column that the others explain best (of equals the last) while one is explained by `COPY_MIN`. */
const determinedColumns = (correlation: readonly (readonly number[])[]): readonly number[] => {
  const kept = correlation.map((_, i) => i);
  const determined: number[] = [];
  while (kept.length > 1) {
    const inverse = inverseOf(kept.map((i) => kept.map((j) => correlation[i]![j]! + (i === j ? RIDGE : 0))));
    // R² of a column on the others is 1 - 1 / (inverse)_jj: the variance inflation factor.
    const explained = inverse.map((row, k) => 1 - 1 / row[k]!);
    const most = explained.reduce((best, share, k) => (share >= explained[best]! - 1e-3 ? k : best), 0);
    if (explained[most]! < COPY_MIN ** 2) break;
    determined.push(...kept.splice(most, 1));
  }
  return determined;
};

/** Gauss-Jordan of a positive definite matrix. */
const inverseOf = (matrix: readonly (readonly number[])[]): number[][] => {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let k = 0; k < n; k += 1) {
    const pivot = rows[k]![k]!;
    rows[k] = rows[k]!.map((value) => value / pivot);
    for (let i = 0; i < n; i += 1) {
      const factor = rows[i]![k]!;
      if (i !== k && factor !== 0) rows[i] = rows[i]!.map((value, j) => value - factor * rows[k]![j]!);
    }
  }
  return rows.map((row) => row.slice(n));
};
