/** $1: [{id, fraud, type, source, at}]. Answers, in no order, the ordinals (from 1) of those that were not stored before. */
export const insertLabels = `WITH r AS MATERIALIZED (
  SELECT * FROM ROWS FROM (
    json_to_recordset($1::json) AS (id text, fraud boolean, type text, source text, at double precision)
  ) WITH ORDINALITY
), stored AS (
  INSERT INTO labels (transaction_id, is_fraud, type, source, known_at)
  SELECT id, fraud, type, source, to_timestamp(at / 1000) FROM r ORDER BY ordinality
  ON CONFLICT DO NOTHING
  RETURNING transaction_id, known_at, source, is_fraud
)
SELECT min(r.ordinality)::int AS ordinal
FROM stored JOIN r
  ON r.id = transaction_id AND to_timestamp(r.at / 1000) = known_at AND r.source = stored.source AND r.fraud = is_fraud
GROUP BY stored.transaction_id, stored.known_at, stored.source, stored.is_fraud`;
