/**
 * $1: transaction schema. Totals come from the day counts; rows of the last minute from the end of the table, which the
 * block range index finds; bigints as double precision, exact up to 2^53.
 */
export const streamStatus = `
WITH champion AS (
  SELECT version FROM model_roles WHERE schema = $1 AND role = 'champion'
), calibration AS (
  SELECT c.id, c.payload FROM calibrations AS c, champion
  WHERE c.model = champion.version
  ORDER BY c.valid_from_day DESC, c.created_at DESC
  LIMIT 1
), totals AS (
  SELECT coalesce(sum(transactions), 0) AS transactions, coalesce(sum(alerts), 0) AS alerts FROM day_counts
), week AS (
  SELECT sum(alerts) / nullif(sum(decided), 0) AS rate FROM day_counts
  WHERE day > (SELECT max(day) FROM day_counts) - 7
)
SELECT
  totals.transactions::double precision AS "transactions",
  (SELECT count(*) FROM transactions WHERE committed_at > now() - interval '60 seconds')::double precision
    AS "transactionsPerMinute",
  totals.alerts::double precision AS "alerts",
  (SELECT count(*) FROM dead_letters)::double precision AS "deadLetters",
  (SELECT coalesce(sum(count), 0) FROM repeats)::double precision AS "repeats",
  (SELECT max(occurred_at) FROM transactions) AS "newestOccurredAt",
  week.rate::double precision AS "alertRate",
  (SELECT (payload ->> 'nominal')::double precision FROM calibration) AS "budget",
  (SELECT version FROM champion) AS "model",
  (SELECT id FROM calibration) AS "calibration"
FROM totals, week`;
