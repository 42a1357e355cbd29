/**
 * $1: group, $2: topic, $3: partition, $4: position it was read from, $5: new position, $6: largest event time or null.
 * No row in the answer: another consumer moved it. Compare-and-set, not `<=`, which would let a skipped range commit.
 */
export const moveOffset = `WITH moved AS (
  UPDATE consumer_offsets
  SET next_offset = $5, max_event_time = greatest(max_event_time, to_timestamp($6::double precision / 1000))
  WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND next_offset = $4
  RETURNING 1
)
SELECT * FROM moved`;
