/** $1: [{id, hash, at}] with hash in hex. Answers how many were new. In key order, so that two writers cannot deadlock. */
export const insertTransactionIds = `WITH inserted AS (
  INSERT INTO transaction_ids (id, content_hash, occurred_at)
  SELECT r.id, decode(r.hash, 'hex'), to_timestamp(r.at / 1000)
  FROM json_to_recordset($1::json) AS r(id text, hash text, at double precision)
  ORDER BY r.id COLLATE "C"
  ON CONFLICT DO NOTHING
  RETURNING 1
)
SELECT count(*)::int AS count FROM inserted`;
