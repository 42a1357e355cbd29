/** Which direction of a column means risk. `both`: two-sided; `none`: never evidence by itself. */
export type RiskDirection = 'up' | 'down' | 'both' | 'none';

/**
 * One column of a feature matrix.
 *
 * A categorical cell holds the index of its level; `levels.length` means a level that training did not know
 * (unseen). A missing cell of either kind is NaN.
 */
export interface FeatureColumn {
  readonly name: string;
  /** What a person calls it: the field of the transaction that this column speaks about. */
  readonly field: string;
  readonly kind: 'numeric' | 'categorical';
  /** Known levels, in order; empty for numeric columns. */
  readonly levels: readonly string[];
  readonly risk: RiskDirection;
}

/** Rows of features, row-major float32: cell (r, c) is `values[r * columns.length + c]`. */
export interface FeatureMatrix {
  readonly columns: readonly FeatureColumn[];
  readonly rowCount: number;
  readonly values: Float32Array;
}

export const numericColumn = (name: string, risk: RiskDirection = 'both', field = name): FeatureColumn => ({
  name,
  field,
  kind: 'numeric',
  levels: [],
  risk,
});

/** @throws RangeError when `values` does not hold a whole number of rows */
export const featureMatrix = (columns: readonly FeatureColumn[], values: Float32Array): FeatureMatrix => {
  const rowCount = columns.length === 0 ? 0 : values.length / columns.length;
  if (!Number.isInteger(rowCount))
    throw new RangeError(`${values.length} values are not whole rows of ${columns.length} columns`);
  return { columns, rowCount, values };
};

/** The chosen rows, copied, in the order given. */
export const selectRows = (matrix: FeatureMatrix, rows: ArrayLike<number>): FeatureMatrix => {
  const width = matrix.columns.length;
  const values = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i += 1) {
    const start = rows[i]! * width;
    values.set(matrix.values.subarray(start, start + width), i * width);
  }
  return { columns: matrix.columns, rowCount: rows.length, values };
};

/** The named columns, copied, in the order given. @throws Error naming a column that is not there */
export const selectColumns = (matrix: FeatureMatrix, names: readonly string[]): FeatureMatrix => {
  const width = matrix.columns.length;
  const picks = names.map((name) => {
    const index = matrix.columns.findIndex((column) => column.name === name);
    if (index < 0) throw new Error(`no feature column "${name}"; there are ${matrix.columns.map((c) => c.name).join(', ')}`);
    return index;
  });
  const values = new Float32Array(matrix.rowCount * picks.length);
  for (let r = 0; r < matrix.rowCount; r += 1)
    for (let c = 0; c < picks.length; c += 1) values[r * picks.length + c] = matrix.values[r * width + picks[c]!]!;
  return { columns: picks.map((i) => matrix.columns[i]!), rowCount: matrix.rowCount, values };
};
