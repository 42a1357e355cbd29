/** $1: [{id, count, position}], each id once; in key order. */
export const countRepeats = `INSERT INTO repeats AS stored (transaction_id, count, last_position)
SELECT r.id, r.count, r.position
FROM json_to_recordset($1::json) AS r(id text, count bigint, position text)
ORDER BY r.id COLLATE "C"
ON CONFLICT (transaction_id) DO UPDATE
  SET count = stored.count + excluded.count, last_position = excluded.last_position, last_seen_at = now()`;
