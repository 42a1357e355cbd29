/**
 * $1: entity types and $2: ids, one pair for each entity; $3, $4: bucket start from (inclusive) and to (exclusive), epoch ms.
 * One range of the primary key for each entity, in key order.
 */
export const readEvidence = `SELECT cell.entity_type AS type, cell.entity_id AS id,
  (extract(epoch FROM cell.bucket_at) * 1000)::double precision AS bucket, cell.bin, cell.n, cell.n_fraud
FROM unnest($1::text[], $2::text[]) AS wanted(type, id)
CROSS JOIN LATERAL (
  SELECT * FROM evidence_cells
  WHERE entity_type = wanted.type AND entity_id = wanted.id
    AND bucket_at >= to_timestamp($3::double precision / 1000) AND bucket_at < to_timestamp($4::double precision / 1000)
) AS cell
ORDER BY cell.entity_type COLLATE "C", cell.entity_id COLLATE "C", cell.bucket_at, cell.bin`;
