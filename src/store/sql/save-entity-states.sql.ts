/**
 * $1: feature set; $2, $3: entity ids and the versions that were READ (0: no row yet); $4: all states, one behind the other;
 * $5, $6: where each begins, from 1, and its length. Answers how many were new and how many changed; a row at another
 * version is left alone and counted in neither.
 */
export const saveEntityStates = `WITH saved AS (
  INSERT INTO entity_states AS stored (feature_set, entity_id, version, state)
  SELECT $1, r.id, r.version + 1, substring($4::bytea FROM r.start FOR r.length)
  FROM unnest($2::text[], $3::bigint[], $5::integer[], $6::integer[]) AS r(id, version, start, length)
  ORDER BY r.id COLLATE "C"
  ON CONFLICT (feature_set, entity_id) DO UPDATE
    SET version = excluded.version, state = excluded.state
    WHERE stored.version = excluded.version - 1
  RETURNING xmax = 0 AS is_new
)
SELECT count(*) FILTER (WHERE is_new)::int AS inserted, count(*) FILTER (WHERE NOT is_new)::int AS updated FROM saved`;
