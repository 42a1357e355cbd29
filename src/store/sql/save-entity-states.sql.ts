/**
 * $1: feature set, $2: [{id, version, state}] with the version that was READ (0: no row yet) and the state in base64.
 * Answers how many were new and how many changed; a row at another version is left alone and counted in neither.
 */
export const saveEntityStates = `WITH saved AS (
  INSERT INTO entity_states AS stored (feature_set, entity_id, version, state)
  SELECT $1, r.id, r.version + 1, decode(r.state, 'base64')
  FROM json_to_recordset($2::json) AS r(id text, version bigint, state text)
  ORDER BY r.id COLLATE "C"
  ON CONFLICT (feature_set, entity_id) DO UPDATE
    SET version = excluded.version, state = excluded.state
    WHERE stored.version = excluded.version - 1
  RETURNING xmax = 0 AS is_new
)
SELECT count(*) FILTER (WHERE is_new)::int AS inserted, count(*) FILTER (WHERE NOT is_new)::int AS updated FROM saved`;
