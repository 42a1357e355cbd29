/** $1 types, $2 ids, $3 buckets in epoch ms, $4 bins, $5 n, $6 n_fraud: each key once. The fixed order keeps concurrent writers from deadlocks. */
export const addEvidence = `INSERT INTO evidence_cells AS stored (entity_type, entity_id, bucket_at, bin, n, n_fraud)
SELECT r.type, r.id, to_timestamp(r.bucket / 1000), r.bin, r.n, r.n_fraud
FROM unnest($1::text[], $2::text[], $3::double precision[], $4::smallint[], $5::integer[], $6::integer[])
  AS r(type, id, bucket, bin, n, n_fraud)
ORDER BY r.type COLLATE "C", r.id COLLATE "C", r.bucket, r.bin
ON CONFLICT (entity_type, entity_id, bucket_at, bin) DO UPDATE
  SET n = stored.n + excluded.n, n_fraud = stored.n_fraud + excluded.n_fraud`;
