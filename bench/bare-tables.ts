import type { DemoTransaction } from '../src/synthetic/payment.js';

/** What the bare loop writes: 15 columns with a primary key and one index more, and its position in each partition. */
export const BARE_TABLES = `CREATE TABLE bare_rows (
  id text PRIMARY KEY, occurred_at timestamptz NOT NULL, customer text NOT NULL, merchant text NOT NULL,
  amount_minor bigint NOT NULL, currency text NOT NULL, category text NOT NULL, channel text NOT NULL, country text NOT NULL,
  partition integer NOT NULL, kafka_offset bigint NOT NULL, score double precision NOT NULL, p double precision NOT NULL,
  outcome text NOT NULL, committed_at timestamptz NOT NULL
);
CREATE INDEX bare_rows_customer ON bare_rows (customer, occurred_at);
CREATE TABLE bare_positions (topic text, partition integer, next_offset bigint NOT NULL, PRIMARY KEY (topic, partition))`;

/** $1 rows of an earlier time, of 2,000 customers and 400 merchants. */
export const FILL_BARE_ROWS = `INSERT INTO bare_rows
SELECT 'copy-' || n, timestamptz '2025-01-17' + n * interval '1 s', 'c' || lpad((n * 7919 % 2000 + 1)::text, 5, '0'),
  'm' || lpad((n * 104729 % 400 + 1)::text, 4, '0'), n % 100000, 'EUR', 'groceries', 'chip', 'DE',
  n % 6, n, ln(1 + n % 100000), 1.0 / (1 + n % 100000), 'approve', now()
FROM generate_series(1::bigint, $1::bigint) AS n`;

const TYPES =
  'text[],timestamptz[],text[],text[],bigint[],text[],text[],text[],text[],integer[],bigint[],float8[],float8[],text[],timestamptz[]';
export const INSERT_BARE_ROWS = `INSERT INTO bare_rows SELECT * FROM unnest(${TYPES.split(',')
  .map((type, i) => `$${i + 1}::${type}`)
  .join(', ')}) ON CONFLICT DO NOTHING`;

export interface BareMessage {
  readonly value: Buffer | null;
  readonly offset: string;
}

/** The 15 arrays of `INSERT_BARE_ROWS`. */
export const bareColumns = (messages: readonly BareMessage[], partition: number): (string | number)[][] => {
  const columns: (string | number)[][] = Array.from({ length: 15 }, () => []);
  const now = new Date().toISOString();
  for (const { value, offset } of messages) {
    const t = JSON.parse(value!.toString()) as DemoTransaction;
    const amountMinor = Math.round(Number(t.amount) * 100);
    const row = [t.id, t.occurred_at, t.customer, t.merchant, amountMinor, t.currency, t.category, t.channel, t.country];
    row.push(partition, offset, Math.log1p(amountMinor), 1 / (1 + amountMinor), 'approve', now);
    for (let c = 0; c < row.length; c += 1) columns[c]!.push(row[c]!);
  }
  return columns;
};
