/**
 * $1: promotion of the champion, $2: its version. Each promotion points to the one that stood when it came; the newest of
 * them whose version is another one, is stored whole and not retired is the champion to go back to.
 */
export const championBefore = `WITH RECURSIVE stood AS (
  SELECT previous AS id, 1 AS depth FROM role_changes WHERE id = $1
  UNION ALL
  SELECT c.previous, stood.depth + 1 FROM stood JOIN role_changes AS c ON c.id = stood.id
)
SELECT c.id AS promotion, c.version
FROM stood JOIN role_changes AS c ON c.id = stood.id JOIN model_versions AS m ON m.version = c.version
WHERE c.version <> $2 AND m.artifact IS NOT NULL
  AND NOT EXISTS (SELECT FROM model_roles AS r WHERE r.schema = m.schema AND r.version = m.version AND r.role = 'retired')
ORDER BY stood.depth
LIMIT 1`;
