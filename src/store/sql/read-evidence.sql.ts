/**
 * $1: entity types and $2: ids, one pair for each entity; $3: where to read it from; $4: where instead, and $5: while its
 * revision is still this; $6: bucket start up to (exclusive). Times in epoch ms.
 * One range of the primary key and one row for each entity, in the order asked; its cells come packed in key order: start of
 * the bucket in microseconds since 2000 (int8), bin (int2), n and n_fraud (int4 each), big-endian. A row for each cell would
 * cost the reader more than all the rest of its batch.
 * One statement, so revisions, frontier and cells are of one moment.
 */
export const readEvidence = `SELECT found.cells, coalesce(revised.revision, 0) AS revision,
  (extract(epoch FROM frontier.frozen_before) * 1000)::double precision AS frozen_before
FROM unnest($1::text[], $2::text[], $3::double precision[], $4::double precision[], $5::bigint[])
  WITH ORDINALITY AS wanted(type, id, from_ms, kept_until_ms, kept_revision, place)
CROSS JOIN evidence_frontier AS frontier
LEFT JOIN evidence_revisions AS revised ON revised.entity_type = wanted.type AND revised.entity_id = wanted.id
CROSS JOIN LATERAL (
  SELECT string_agg(
    timestamptz_send(bucket_at) || int2send(bin) || int4send(n) || int4send(n_fraud), '' ORDER BY bucket_at, bin
  ) AS cells
  FROM evidence_cells
  WHERE entity_type = wanted.type AND entity_id = wanted.id
    AND bucket_at >= to_timestamp(
      CASE WHEN coalesce(revised.revision, 0) = wanted.kept_revision THEN wanted.kept_until_ms ELSE wanted.from_ms END / 1000
    )
    AND bucket_at < to_timestamp($6::double precision / 1000)
) AS found
ORDER BY wanted.place`;
