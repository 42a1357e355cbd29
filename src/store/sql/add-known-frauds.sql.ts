/**
 * $1: [{entityType, entityId, bucketMs, bin, nFraud}], each key once. Cells that were never written (a late event, a feature set
 * without evidence) stay absent. No order: the caller holds the labels' lock, so no other writer of cells is at work.
 */
export const addKnownFrauds = `UPDATE evidence_cells AS stored SET n_fraud = stored.n_fraud + r."nFraud"
FROM json_to_recordset($1::json) AS r("entityType" text, "entityId" text, "bucketMs" double precision, bin smallint, "nFraud" integer)
WHERE stored.entity_type = r."entityType" AND stored.entity_id = r."entityId"
  AND stored.bucket_at = to_timestamp(r."bucketMs" / 1000) AND stored.bin = r.bin`;
