/** $1: transaction ids. Content hashes (hex) of those that were committed before. */
export const readKnown = `SELECT id, encode(content_hash, 'hex') AS hash FROM transaction_ids WHERE id = ANY ($1::text[])`;
