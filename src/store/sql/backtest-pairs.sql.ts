import { LABEL, TRUTH } from './scored-pairs.sql.js';

/** Database schemas of the two sides, as SQL names them. */
export interface BothSchemas {
  /** Of the backtest: side a. */
  readonly here: string;
  /** Of the service: side b. */
  readonly live: string;
}

/** $1 to $2: event time. Rows of both, into the table of `CREATE_PAIRS`. */
export const fillBacktestPairs = ({ here, live }: BothSchemas): string => `
INSERT INTO scored_pairs
SELECT id, occurred_at, a.fused_minus_log10_p, b.fused_minus_log10_p, a.outcome, b.outcome, a.lane, b.lane
FROM ${here}.transactions AS a JOIN ${live}.transactions AS b USING (id, occurred_at)
WHERE a.occurred_at >= $1 AND a.occurred_at < $2 AND b.occurred_at >= $1 AND b.occurred_at < $2`;

const flipped = (alerting: 'a' | 'b', other: 'a' | 'b'): string => `(
  SELECT scored_pairs.*, '${alerting}' AS alerting, p${alerting} AS surprise FROM scored_pairs
  WHERE pa IS NOT NULL AND pb IS NOT NULL AND outcome_${alerting} <> 'approve' AND outcome_${other} = 'approve'
  ORDER BY p${alerting} DESC, id LIMIT $2
)`;

/** What one side alerts on and the other does not, the smallest p-values first; $1: what is older has matured; $2: so many of each. */
export const backtestFlips = ({ here, live }: BothSchemas): string => `
SELECT pairs.*, ${TRUTH} AS truth, t.entities, t.amount_minor, t.currency,
  alert_a.payload ->> 'sentence' AS sentence_a, alert_b.payload ->> 'sentence' AS sentence_b
FROM (${flipped('a', 'b')} UNION ALL ${flipped('b', 'a')}) AS pairs
  JOIN ${here}.transactions AS t ON t.occurred_at = pairs.occurred_at AND t.id = pairs.id
  LEFT JOIN ${here}.alerts AS alert_a ON alert_a.transaction_id = pairs.id
  LEFT JOIN ${live}.alerts AS alert_b ON alert_b.transaction_id = pairs.id
  ${LABEL}
ORDER BY alerting, surprise DESC, id`;

const DECIDED = 'id, occurred_at, outcome, model, policy, calibration, fused_minus_log10_p AS p';

/** $1 to $2: event time. UTC days of both sides; frauds are those that are known now. */
export const backtestDays = ({ here, live }: BothSchemas): string => `
SELECT to_char(pairs.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
  count(a_outcome)::double precision AS rows,
  count(*) FILTER (WHERE a_outcome <> 'approve')::double precision AS alerts,
  count(*) FILTER (WHERE b_outcome <> 'approve')::double precision AS "liveAlerts",
  count(*) FILTER (WHERE label.is_fraud AND a_outcome IS NOT NULL)::double precision AS frauds,
  count(*) FILTER (WHERE label.is_fraud AND a_outcome <> 'approve')::double precision AS caught,
  count(*) FILTER (WHERE label.is_fraud AND b_outcome <> 'approve')::double precision AS "liveCaught",
  count(*) FILTER (WHERE b_outcome IS NULL)::double precision AS "onlyHere",
  count(*) FILTER (WHERE a_outcome IS NULL)::double precision AS "onlyLive",
  count(*) FILTER (WHERE b_late)::double precision AS late,
  count(*) FILTER (WHERE other)::double precision AS "otherCalibration"
FROM (
  SELECT id, occurred_at, a.outcome AS a_outcome, b.outcome AS b_outcome, b.late AS b_late,
    a.model = b.model AND a.policy = b.policy AND a.calibration <> b.calibration AND a.p + b.p IS NOT NULL AS other
  FROM (SELECT ${DECIDED} FROM ${here}.transactions WHERE occurred_at >= $1 AND occurred_at < $2) AS a
    FULL JOIN (SELECT ${DECIDED}, late FROM ${live}.transactions WHERE occurred_at >= $1 AND occurred_at < $2) AS b
    USING (id, occurred_at)
) AS pairs ${LABEL}
GROUP BY 1
ORDER BY 1`;

/** Rows whose label has matured, after a row and before $4, at most $5: $1, $2 are its time and id; $3: what is older has matured. */
export const judgedRows = ({ here }: Pick<BothSchemas, 'here'>): string => `
SELECT pairs.id, pairs.occurred_at AS at, coalesce(pairs.entities[1], pairs.id) AS card, pairs.s_score AS s, pairs.t_score AS t,
  pairs.h_score AS h, pairs.d_score AS d, pairs.fused_score AS fused, pairs.outcome, coalesce(label.is_fraud, false) AS fraud
FROM ${here}.transactions AS pairs ${LABEL}
WHERE (pairs.occurred_at, pairs.id) > ($1, $2) AND pairs.occurred_at >= $1 AND pairs.occurred_at < least($3::timestamptz, $4::timestamptz)
ORDER BY pairs.occurred_at, pairs.id
LIMIT $5`;
