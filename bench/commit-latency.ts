import type pg from 'pg';

/** Settings of PostgreSQL that commit latencies need. */
export const COMMIT_TIMESTAMPS = { track_commit_timestamp: 'on', track_wal_io_timing: 'on' } as const;

const CHUNK = 10_000;

/**
 * When the database transaction of each transaction committed, in epoch milliseconds with fractions; those that are not
 * there yet are missing. PostgreSQL takes the time when it writes the commit record, so the flush of the log, which
 * `walFlushMs` tells, comes on top.
 */
export const committedAtMs = async (database: pg.Client, ids: readonly string[]): Promise<ReadonlyMap<string, number>> => {
  const found = new Map<string, number>();
  for (let from = 0; from < ids.length; from += CHUNK) {
    const { rows } = await database.query<{ id: string; ms: number }>(
      `SELECT id, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS ms
       FROM transaction_ids WHERE id = ANY($1)`,
      [ids.slice(from, from + CHUNK)],
    );
    for (const { id, ms } of rows) found.set(id, ms);
  }
  return found;
};

/** What a flush of the write-ahead log took on average since the last reset, in milliseconds; null where there was none. */
export const walFlushMs = async (database: pg.Client): Promise<number | null> => {
  const { rows } = await database.query<{ ms: number | null }>(
    `SELECT (sum(fsync_time) / nullif(sum(fsyncs), 0))::float8 AS ms FROM pg_stat_io WHERE object = 'wal'`,
  );
  return rows[0]!.ms;
};
