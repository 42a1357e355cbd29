/** $1: rows as `transactionJson` writes them. */
export const insertTransactions = `INSERT INTO transactions (id, occurred_at, entities, amount_minor, currency, numeric_fields, categorical_fields, amount_bin)
SELECT r.id, to_timestamp(r.at / 1000), r.entities, r.amount, r.currency, r.numeric_fields, r.categorical_fields, r.bin
FROM json_to_recordset($1::json) AS r(
  id text, at double precision, entities text[], amount bigint, currency text,
  numeric_fields double precision[], categorical_fields text[], bin smallint
)`;
