/**
 * $1: schema, $2: days, $3: champions of before that are kept. Versions without a role that were stored, and last changed
 * their role, more than so many days ago; a hundred at once, the oldest first.
 */
export const idleCandidates = `WITH lately AS (
  SELECT version FROM role_changes WHERE schema = $1 AND kind IN ('promote', 'rollback')
  GROUP BY version ORDER BY max(id) DESC LIMIT $3 + 1
)
SELECT m.version FROM model_versions AS m
WHERE m.schema = $1 AND m.created_at < clock_timestamp() - $2 * interval '1 day'
  AND NOT EXISTS (SELECT FROM model_roles AS r WHERE r.schema = m.schema AND r.version = m.version)
  AND NOT EXISTS (SELECT FROM role_changes AS c WHERE c.schema = $1 AND (c.version = m.version OR c.replaced = m.version)
    AND c.at >= clock_timestamp() - $2 * interval '1 day')
  AND m.version NOT IN (SELECT version FROM lately)
ORDER BY m.created_at
LIMIT 100`;
