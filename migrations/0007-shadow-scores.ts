import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What challengers said of rows that the champion decided. A narrow table that is written at its end and kept for days, so
 * its only index is the smallest there is: a batch pays for the rows and next to nothing else. One row a transaction and
 * challenger, because they are written in the database transaction that stores the transaction's own row.
 */
export class ShadowScores1763733600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('migrations are forward only: restore a backup'));
  }
}

const STATEMENTS = [
  'SET LOCAL statement_timeout = 0',
  `CREATE TABLE shadow_scores (
    transaction_id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    version text NOT NULL,
    s_score double precision NOT NULL,
    t_score double precision NOT NULL,
    h_score double precision NOT NULL,
    d_score double precision NOT NULL,
    minus_log10_p double precision,
    outcome text CHECK (outcome IN ('approve', 'review', 'decline')),
    lane text CHECK (lane IN ('S', 'T', 'H', 'D')),
    calibration text,
    CONSTRAINT shadow_scores_decided CHECK (num_nulls(minus_log10_p, outcome, calibration) IN (0, 3))
  )`,
  'CREATE INDEX shadow_scores_occurred_at ON shadow_scores USING brin (occurred_at)',
];
