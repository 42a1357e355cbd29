import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A transaction and its score become one row, in partitions by month of event time: half the rows and half the indexes
 * on the hot path, and old months are dropped whole.
 *
 * There is no unique index: `transaction_ids` sees that an id is stored once. It also says the time by which a row is
 * found. States are held in place and uncompressed: they change with every batch, and fit a page (4 KB at most).
 */
export class OneRowATransaction1763722800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('migrations are forward only: restore a backup'));
  }
}

const STATEMENTS = [
  // Millions of rows are moved.
  'SET LOCAL statement_timeout = 0',
  'ALTER TABLE transactions RENAME TO old_transactions',
  'ALTER TABLE scores RENAME TO old_scores',
  `CREATE TABLE transactions (
    id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    entities text[] NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    numeric_fields double precision[] NOT NULL,
    categorical_fields text[] NOT NULL,
    amount_bin smallint NOT NULL,
    features bytea NOT NULL,
    s_score double precision NOT NULL,
    s_minus_log10_p double precision,
    t_score double precision NOT NULL,
    t_minus_log10_p double precision,
    h_score double precision NOT NULL,
    h_minus_log10_p double precision,
    d_score double precision NOT NULL,
    d_minus_log10_p double precision,
    fused_score double precision NOT NULL,
    fused_minus_log10_p double precision,
    fraud_probability double precision,
    outcome text NOT NULL CHECK (outcome IN ('approve', 'review', 'decline')),
    lane text CHECK (lane IN ('S', 'T', 'H', 'D')),
    bound text NOT NULL,
    threshold_minus_log10_p double precision NOT NULL,
    late boolean NOT NULL,
    model text NOT NULL,
    calibration text NOT NULL,
    policy text NOT NULL,
    feature_set text NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now()
  ) PARTITION BY RANGE (occurred_at)`,
  // Rows far from the newest ones: they come singly, and are not worth a month of their own.
  'CREATE TABLE transactions_other PARTITION OF transactions DEFAULT',
  `DO $$
   DECLARE month date;
   BEGIN
     FOR month IN SELECT DISTINCT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date FROM old_transactions LOOP
       EXECUTE format('CREATE TABLE transactions_%s PARTITION OF transactions FOR VALUES FROM (%L) TO (%L)',
         to_char(month, 'YYYY_MM'), month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
     END LOOP;
   END $$`,
  `INSERT INTO transactions
   SELECT t.id, t.occurred_at, t.entities, t.amount_minor, t.currency, t.numeric_fields, t.categorical_fields, t.amount_bin,
     s.features, s.s_score, s.s_minus_log10_p, s.t_score, s.t_minus_log10_p, s.h_score, s.h_minus_log10_p,
     s.d_score, s.d_minus_log10_p, s.fused_score, s.fused_minus_log10_p, s.fraud_probability,
     s.outcome, s.lane, s.bound, s.threshold_minus_log10_p, s.late, s.model, s.calibration, s.policy, s.feature_set, t.committed_at
   FROM old_transactions AS t JOIN old_scores AS s ON s.transaction_id = t.id
   ORDER BY t.committed_at`,
  'DROP TABLE old_scores',
  'DROP TABLE old_transactions',
  // Lists by time, and a row whose time `transaction_ids` knows.
  'CREATE INDEX transactions_occurred_at ON transactions (occurred_at, id)',
  `CREATE INDEX transactions_alerted ON transactions (occurred_at, id) WHERE outcome <> 'approve'`,
  // A customer's recent transactions; secondary entities are found by the inverted index.
  'CREATE INDEX transactions_primary_entity ON transactions ((entities[1]), occurred_at)',
  'CREATE INDEX transactions_secondary_entities ON transactions USING gin ((entities[2:6]))',
  // Rows of the last minute: rows lie in commit order, so a block range index is enough.
  'CREATE INDEX transactions_committed_at ON transactions USING brin (committed_at)',
  // What is older than it has to be is deleted by time.
  'CREATE INDEX transaction_ids_occurred_at ON transaction_ids USING brin (occurred_at)',
  'CREATE INDEX evidence_cells_bucket_at ON evidence_cells USING brin (bucket_at)',
  // Room for the next version of a state beside it, so that no index changes.
  'ALTER TABLE entity_states ALTER COLUMN state SET STORAGE PLAIN',
  'ALTER TABLE entity_states SET (fillfactor = 45)',
];
