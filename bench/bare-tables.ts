/** What the bare loop writes: 15 columns with a primary key and one index more, and its position in each partition. */
export const BARE_TABLES = `CREATE TABLE bare_rows (
  id text PRIMARY KEY, occurred_at timestamptz NOT NULL, customer text NOT NULL, merchant text NOT NULL,
  amount_minor bigint NOT NULL, currency text NOT NULL, category text NOT NULL, channel text NOT NULL, country text NOT NULL,
  partition integer NOT NULL, kafka_offset bigint NOT NULL, score double precision NOT NULL, p double precision NOT NULL,
  outcome text NOT NULL, committed_at timestamptz NOT NULL
);
CREATE INDEX bare_rows_customer ON bare_rows (customer, occurred_at);
CREATE TABLE bare_positions (topic text, partition integer, next_offset bigint NOT NULL, PRIMARY KEY (topic, partition))`;
