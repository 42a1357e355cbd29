/** $1: name, $2: position it was read from, $3: new position. A source without a row stands at 0. No row: it had moved. */
export const moveSourcePosition = `WITH moved AS (
  INSERT INTO source_positions AS stored (name, next_position)
  SELECT $1::text, $3::bigint WHERE $2::bigint = 0 OR EXISTS (SELECT FROM source_positions WHERE name = $1::text)
  ON CONFLICT (name) DO UPDATE SET next_position = excluded.next_position WHERE stored.next_position = $2::bigint
  RETURNING 1
)
SELECT * FROM moved`;
