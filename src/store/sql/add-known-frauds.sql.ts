/**
 * $1: [{type, id, bucket, bin, n_fraud}], each key once. Cells that were never written (a late event, a feature set without
 * evidence) stay absent. No order: the caller holds the labels' lock, so no other writer of cells is at work.
 */
export const addKnownFrauds = `UPDATE evidence_cells AS stored SET n_fraud = stored.n_fraud + r.n_fraud
FROM json_to_recordset($1::json) AS r(type text, id text, bucket double precision, bin smallint, n_fraud integer)
WHERE stored.entity_type = r.type AND stored.entity_id = r.id
  AND stored.bucket_at = to_timestamp(r.bucket / 1000) AND stored.bin = r.bin`;
