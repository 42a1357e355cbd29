/** $1: transaction ids. What their cells are found by; the time of `transaction_ids` leads to the row. */
export const readLabelled = `SELECT t.id, t.occurred_at AS at, t.entities, t.amount_bin AS bin
FROM transaction_ids AS known JOIN transactions AS t ON t.occurred_at = known.occurred_at AND t.id = known.id
WHERE known.id = ANY ($1::text[])`;
