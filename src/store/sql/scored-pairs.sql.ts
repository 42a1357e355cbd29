/** A version said something of a row as champion (`transactions`) or as challenger (`shadow_scores`), never both. */
const said = (version: string): string => `
  SELECT id, occurred_at, fused_minus_log10_p AS p, outcome, lane
  FROM transactions
  WHERE model = ${version} AND occurred_at >= $3 AND occurred_at < $4 AND hashtextextended(id, 0) % $5::bigint = 0
  UNION ALL
  SELECT transaction_id, occurred_at, minus_log10_p, outcome, lane
  FROM shadow_scores
  WHERE version = ${version} AND occurred_at >= $3 AND occurred_at < $4 AND hashtextextended(transaction_id, 0) % $5::bigint = 0`;

/** Rows that both versions scored, for the statements below, until the database transaction ends. */
export const CREATE_PAIRS = `CREATE TEMPORARY TABLE scored_pairs (
  id text, occurred_at timestamptz, pa double precision, pb double precision,
  outcome_a text, outcome_b text, lane_a text, lane_b text
) ON COMMIT DROP`;

/** The planner knows nothing of the hash, expects a row or two of it and would compare each row with each. */
export const NO_NESTED_LOOPS = 'SET LOCAL enable_nestloop = off';
export const NESTED_LOOPS = 'SET LOCAL enable_nestloop = on';

/** $1, $2: versions; $3 to $4: event time; $5: every n-th row. */
export const fillPairs = `INSERT INTO scored_pairs
SELECT id, occurred_at, a.p, b.p, a.outcome, b.outcome, a.lane, b.lane
FROM (${said('$1')}) AS a JOIN (${said('$2')}) AS b USING (id, occurred_at)`;

/** $1: what is older has matured. */
export const TRUTH = `CASE WHEN label.is_fraud THEN 'fraud' WHEN NOT label.is_fraud OR pairs.occurred_at < $1 THEN 'legitimate' END`;
export const LABEL = `LEFT JOIN LATERAL (
    SELECT is_fraud FROM labels WHERE transaction_id = pairs.id ORDER BY known_at DESC, id DESC LIMIT 1
  ) AS label ON true`;

/** Rows by what each version says and what is known; null outcomes: one of them had no calibration. */
export const countPairs = `
SELECT
  CASE WHEN decided THEN outcome_a END AS a, CASE WHEN decided THEN outcome_b END AS b, truth,
  count(*)::double precision AS rows, min(occurred_at) AS first, max(occurred_at) AS last
FROM (
  SELECT pairs.*, pa IS NOT NULL AND pb IS NOT NULL AS decided, ${TRUTH} AS truth FROM scored_pairs AS pairs ${LABEL}
) AS judged
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3`;

/** Spearman's rank correlation of the fused p-values: equal ones share the mean of their ranks. */
export const rankCorrelation = `
SELECT corr(rank_a, rank_b) AS correlation FROM (
  SELECT
    rank() OVER (ORDER BY pa) + (count(*) OVER (PARTITION BY pa) - 1) / 2.0::double precision AS rank_a,
    rank() OVER (ORDER BY pb) + (count(*) OVER (PARTITION BY pb) - 1) / 2.0::double precision AS rank_b
  FROM scored_pairs WHERE pa IS NOT NULL AND pb IS NOT NULL
) AS ranks`;

const flipped = (alerting: 'a' | 'b', other: 'a' | 'b'): string => `(
  SELECT scored_pairs.*, '${alerting}' AS alerting FROM scored_pairs
  WHERE pa IS NOT NULL AND pb IS NOT NULL AND outcome_${alerting} <> 'approve' AND outcome_${other} = 'approve'
  ORDER BY abs(pa - pb) DESC, id LIMIT $2
)`;

/** What one alerts on and the other does not, the p-values furthest apart first; $2: so many of each. */
export const listFlips = `
SELECT pairs.*, ${TRUTH} AS truth, t.model, t.entities, t.amount_minor, t.currency, alert.payload ->> 'sentence' AS sentence
FROM (${flipped('a', 'b')} UNION ALL ${flipped('b', 'a')}) AS pairs
  JOIN transactions AS t ON t.occurred_at = pairs.occurred_at AND t.id = pairs.id
  LEFT JOIN alerts AS alert ON alert.transaction_id = pairs.id
  ${LABEL}
ORDER BY alerting, abs(pa - pb) DESC, id`;
