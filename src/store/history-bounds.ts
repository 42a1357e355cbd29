import type { DataSource } from 'typeorm';

/** Event time of the `rowsMax`-th newest transaction before a time, UTC epoch milliseconds; null where there are fewer. */
export const newestRowsFrom = async (dataSource: DataSource, toMs: number, rowsMax: number): Promise<number | null> => {
  const [row] = await dataSource.query<{ at: Date }[]>(
    'SELECT occurred_at AS at FROM transactions WHERE occurred_at < $1 ORDER BY occurred_at DESC OFFSET $2 LIMIT 1',
    [new Date(toMs), rowsMax],
  );
  return row?.at.getTime() ?? null;
};
