/** $1: rows as `scoreJson` writes them. */
export const insertScores = `INSERT INTO scores (
  transaction_id, occurred_at, features,
  s_score, s_minus_log10_p, t_score, t_minus_log10_p, h_score, h_minus_log10_p, d_score, d_minus_log10_p,
  fused_score, fused_minus_log10_p, fraud_probability, outcome, lane, bound, threshold_minus_log10_p, late,
  model, calibration, policy, feature_set
)
SELECT
  r.id, to_timestamp(r.at / 1000), decode(r.features, 'base64'),
  r.s, r.sp, r.t, r.tp, r.h, r.hp, r.d, r.dp,
  r.f, r.fp, r.fraud, r.outcome, r.lane, r.bound, r.threshold, r.late,
  r.model, r.calibration, r.policy, r.feature_set
FROM json_to_recordset($1::json) AS r(
  id text, at double precision, features text,
  s double precision, sp double precision, t double precision, tp double precision,
  h double precision, hp double precision, d double precision, dp double precision,
  f double precision, fp double precision, fraud double precision, outcome text, lane text, bound text,
  threshold double precision, late boolean, model text, calibration text, policy text, feature_set text
)`;
