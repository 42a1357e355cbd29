/**
 * $1: schema, $2: now in event time, $3: label delay in milliseconds, $4: no more are counted. Two parts, so that each is
 * found by its block range index: labels that became known since, and transactions whose delay passed since.
 */
export const newMaturedLabels = `WITH since AS (
  SELECT greatest(
    (SELECT max(data_to) FROM training_runs WHERE schema = $1 AND state IN ('running', 'succeeded')),
    (SELECT coalesce(m.data_to, m.trained_at) FROM model_roles AS r JOIN model_versions AS m ON m.version = r.version
     WHERE r.schema = $1 AND r.role = 'champion'),
    '-infinity'::timestamptz
  ) AS at
), matured AS (
  SELECT $2::timestamptz - $3 * interval '1 millisecond' AS at
)
SELECT count(*)::integer AS labels FROM (
  SELECT l.transaction_id FROM labels AS l JOIN transaction_ids AS t ON t.id = l.transaction_id
  WHERE l.known_at > (SELECT at FROM since) AND l.known_at <= $2 AND t.occurred_at <= (SELECT at FROM matured)
  UNION
  SELECT t.id FROM transaction_ids AS t JOIN labels AS l ON l.transaction_id = t.id
  WHERE t.occurred_at > (SELECT at FROM since) - $3 * interval '1 millisecond' AND t.occurred_at <= (SELECT at FROM matured)
    AND l.known_at <= $2
  LIMIT $4
) AS new`;
