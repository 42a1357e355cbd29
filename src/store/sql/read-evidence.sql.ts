/**
 * $1: entity types and $2: ids, one pair for each entity; $3, $4: bucket start from (inclusive) and to (exclusive), epoch ms.
 * One range of the primary key and one row for each entity that has cells, which come packed in key order: start of the
 * bucket in microseconds since 2000 (int8), bin (int2), n and n_fraud (int4 each), big-endian. A row for each cell would
 * cost the reader more than all the rest of its batch.
 */
export const readEvidence = `SELECT wanted.type, wanted.id, found.cells
FROM unnest($1::text[], $2::text[]) AS wanted(type, id)
CROSS JOIN LATERAL (
  SELECT string_agg(
    timestamptz_send(bucket_at) || int2send(bin) || int4send(n) || int4send(n_fraud), '' ORDER BY bucket_at, bin
  ) AS cells
  FROM evidence_cells
  WHERE entity_type = wanted.type AND entity_id = wanted.id
    AND bucket_at >= to_timestamp($3::double precision / 1000) AND bucket_at < to_timestamp($4::double precision / 1000)
) AS found
WHERE found.cells IS NOT NULL
ORDER BY wanted.type COLLATE "C", wanted.id COLLATE "C"`;
