import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an alert has in common with others, and whether it is of a new type, as columns of its payload: lists ask for them. */
export class AlertPatterns1763726400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('migrations are forward only: restore a backup'));
  }
}

const STATEMENTS = [
  'SET LOCAL statement_timeout = 0',
  // Alerts of before say that nothing is known of it.
  `UPDATE alerts SET payload = '{"typical": null, "pattern": "", "novelty": null}'::jsonb || payload`,
  `ALTER TABLE alerts
     ADD COLUMN pattern text GENERATED ALWAYS AS (coalesce(payload ->> 'pattern', '')) STORED NOT NULL,
     ADD COLUMN new_type boolean GENERATED ALWAYS AS (coalesce((payload -> 'novelty' ->> 'isNew')::boolean, false)) STORED NOT NULL`,
  'CREATE INDEX alerts_new_type ON alerts (occurred_at DESC) WHERE new_type',
];
