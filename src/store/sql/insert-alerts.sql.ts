/**
 * $1: [{id, transaction, at, entities, outcome, lane, payload, key, headers}] in order; $2: each goes to the outbox as well. An
 * alert that is there already stays, and is not published again: its transaction came anew after retention forgot its id.
 */
export const insertAlerts = `WITH r AS MATERIALIZED (
  SELECT * FROM ROWS FROM (
    json_to_recordset($1::json) AS (
      id uuid, transaction text, at double precision, entities text[], outcome text, lane text, payload text, key text, headers jsonb
    )
  ) WITH ORDINALITY
), stored AS (
  INSERT INTO alerts (id, transaction_id, occurred_at, entities, outcome, lane, payload)
  SELECT id, transaction, to_timestamp(at / 1000), entities, outcome, lane, payload::jsonb FROM r ORDER BY ordinality
  ON CONFLICT DO NOTHING
  RETURNING id
)
INSERT INTO outbox (kind, key, payload, headers)
SELECT 'alert', key, convert_to(payload, 'UTF8'), headers FROM r WHERE $2 AND id IN (SELECT id FROM stored) ORDER BY ordinality`;
