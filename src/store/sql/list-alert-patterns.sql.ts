/** $1: of a new type or not, null: both; $2 and $3: from and to, null: the seven days up to the newest alert; $4: rows at most. */
export const listAlertPatterns = `SELECT a.pattern, a.new_type, count(*)::int AS alerts, min(a.occurred_at) AS first_at, max(a.occurred_at) AS last_at,
  count(*) FILTER (WHERE label.is_fraud)::int AS frauds, count(*) FILTER (WHERE NOT label.is_fraud)::int AS legitimate
FROM alerts AS a
LEFT JOIN LATERAL (
  SELECT is_fraud FROM labels WHERE transaction_id = a.transaction_id ORDER BY known_at DESC, id DESC LIMIT 1
) AS label ON true
WHERE ($1::boolean IS NULL OR a.new_type = $1)
  AND a.occurred_at >= coalesce($2::timestamptz, (SELECT max(occurred_at) FROM alerts) - interval '7 days')
  AND a.occurred_at < coalesce($3::timestamptz, 'infinity')
GROUP BY a.pattern, a.new_type ORDER BY alerts DESC, last_at DESC, a.pattern LIMIT $4`;
