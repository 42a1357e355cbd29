/**
 * $1: [{position, key, reason, bytes, headers}] with bytes in base64; $2: true leaves out positions that are stored already.
 * $3: each goes to the outbox as well.
 */
export const insertDeadLetters = `WITH r AS MATERIALIZED (
  SELECT nextval('dead_letters_id_seq') AS id, given.*
  FROM json_to_recordset($1::json) AS given(position text, key text, reason text, bytes text, headers jsonb)
  WHERE NOT ($2 AND EXISTS (SELECT FROM dead_letters AS old WHERE old.position = given.position))
), stored AS (
  INSERT INTO dead_letters (id, position, key, reason, bytes)
  SELECT id, position, key, reason, decode(bytes, 'base64') FROM r
)
INSERT INTO outbox (kind, key, dead_letter_id, headers)
SELECT 'dead-letter', key, id, headers FROM r WHERE $3 ORDER BY id`;
