import type { DataSource } from 'typeorm';

/** Event time of the `rowsMax`-th newest transaction before a time, UTC epoch milliseconds; null where there are fewer. */
export const newestRowsFrom = async (dataSource: DataSource, toMs: number, rowsMax: number): Promise<number | null> => {
  const [row] = await dataSource.query<{ at: Date }[]>(
    'SELECT occurred_at AS at FROM transactions WHERE occurred_at < $1 ORDER BY occurred_at DESC OFFSET $2 LIMIT 1',
    [new Date(toMs), rowsMax],
  );
  return row?.at.getTime() ?? null;
};

/** Event times of the first and the newest stored transaction; null: there is none. */
export const storedSpan = async (
  dataSource: DataSource,
): Promise<{ readonly firstMs: number; readonly newestMs: number } | null> => {
  const [row] = await dataSource.query<{ first: Date | null; newest: Date | null }[]>(
    'SELECT min(occurred_at) AS first, max(occurred_at) AS newest FROM transactions',
  );
  return row?.first && row.newest ? { firstMs: row.first.getTime(), newestMs: row.newest.getTime() } : null;
};

/** Transactions stored before a time. Costs a pass over an index. */
export const storedRows = async (dataSource: DataSource, toMs: number): Promise<number> => {
  const [row] = await dataSource.query<{ rows: number }[]>(
    'SELECT count(*)::double precision AS rows FROM transactions WHERE occurred_at < $1',
    [new Date(toMs)],
  );
  return row!.rows;
};
