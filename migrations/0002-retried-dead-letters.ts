import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A dead letter that was sent back to its topic says when, so that it is not sent again by mistake. */
export class RetriedDeadLetters1763715600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE dead_letters ADD COLUMN retried_at timestamptz');
  }

  down(): Promise<void> {
    return Promise.reject(new Error('migrations are forward only: restore a backup'));
  }
}
