/**
 * $1: outbox ids; $2: lease, $3: holder, $4: epoch. The lease's row is locked, so that nobody takes it over in between.
 * Answers whether the lease held.
 */
export const markPublished = `WITH lease AS (
  SELECT 1 FROM leases
  WHERE name = $2 AND holder = $3 AND epoch = $4 AND expires_at > clock_timestamp()
  FOR SHARE
), marked AS (
  UPDATE outbox SET published_at = now()
  WHERE id = ANY ($1::bigint[]) AND published_at IS NULL AND EXISTS (SELECT FROM lease)
)
SELECT EXISTS (SELECT FROM lease) AS held`;
