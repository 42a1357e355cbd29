/**
 * $1: transaction ids. What is known now of each: the label that became known last, and of several at one time the one stored
 * last. `labels.id` in full: a plain `id` would be the answer's, which is the transaction's.
 */
export const latestLabels = `SELECT DISTINCT ON (transaction_id)
  transaction_id AS id, is_fraud AS fraud, (extract(epoch FROM known_at) * 1000)::double precision AS at
FROM labels
WHERE transaction_id = ANY ($1::text[])
ORDER BY transaction_id, known_at DESC, labels.id DESC`;
