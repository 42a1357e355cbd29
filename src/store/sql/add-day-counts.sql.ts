/** $1: [{day, transactions, decided, alerts}] with day as epoch day. Sharded by connection, so that writers seldom share a row. */
export const addDayCounts = `INSERT INTO day_counts AS stored (day, shard, transactions, decided, alerts)
SELECT DATE '1970-01-01' + r.day, pg_backend_pid() % 8, r.transactions, r.decided, r.alerts
FROM json_to_recordset($1::json) AS r(day integer, transactions bigint, decided bigint, alerts bigint)
ORDER BY r.day
ON CONFLICT (day, shard) DO UPDATE
  SET transactions = stored.transactions + excluded.transactions,
    decided = stored.decided + excluded.decided,
    alerts = stored.alerts + excluded.alerts`;
