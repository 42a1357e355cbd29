import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Pages of the alerts that have something in common, newest first. Without it the page of a rare pattern reads every alert.
 * Of its hash: a pattern with long levels would not fit an index's row, and its alert could not be stored.
 */
export class AlertPatternIndex1763740800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('SET LOCAL statement_timeout = 0');
    await runner.query('CREATE INDEX alerts_pattern ON alerts (md5(pattern), sequence DESC)');
  }

  down(): Promise<void> {
    return Promise.reject(new Error('migrations are forward only: restore a backup'));
  }
}
