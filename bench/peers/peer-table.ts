import { EntitySchema } from 'typeorm';

/** What each peer stores of a transaction, as a first version of a service would. `n` counts rows for the bench. */
export const PEER_TABLE = `CREATE TABLE peer_rows (
  id text PRIMARY KEY, occurred_at timestamptz NOT NULL, customer text NOT NULL, merchant text NOT NULL,
  amount text NOT NULL, currency text NOT NULL, category text NOT NULL, channel text NOT NULL, country text NOT NULL,
  features bytea NOT NULL, score double precision NOT NULL, minus_log10_p double precision, outcome text NOT NULL,
  n bigserial NOT NULL UNIQUE
);
CREATE INDEX peer_rows_customer ON peer_rows (customer, occurred_at)`;

export const PEER_POSITION = 'SELECT max(n) AS position FROM peer_rows WHERE $1 <> id';

export interface PeerRow {
  id: string;
  occurredAt: Date;
  customer: string;
  merchant: string;
  amount: string;
  currency: string;
  category: string;
  channel: string;
  country: string;
  features: Buffer;
  score: number;
  minusLog10P: number | null;
  outcome: string;
}

export const PeerRows = new EntitySchema<PeerRow>({
  name: 'peer_rows',
  tableName: 'peer_rows',
  columns: {
    id: { type: 'text', primary: true },
    occurredAt: { type: 'timestamptz', name: 'occurred_at' },
    customer: { type: 'text' },
    merchant: { type: 'text' },
    amount: { type: 'text' },
    currency: { type: 'text' },
    category: { type: 'text' },
    channel: { type: 'text' },
    country: { type: 'text' },
    features: { type: 'bytea' },
    score: { type: 'float8' },
    minusLog10P: { type: 'float8', name: 'minus_log10_p', nullable: true },
    outcome: { type: 'text' },
  },
});
