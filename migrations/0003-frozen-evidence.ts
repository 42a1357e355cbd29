import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Old evidence cells are frozen, so that scoring threads may keep them: whoever changes a cell before the frontier raises
 * its entity's revision in the same database transaction, and a kept copy of another revision is read anew.
 *
 * A trigger sees to it, so that no writer can forget. It relies on the labels' lock, which writers of cells share until they
 * commit and the frontier is moved under alone: every cell that was written by an older frontier is visible with the newer.
 */
export class FrozenEvidence1763719200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('migrations are forward only: restore a backup'));
  }
}

const STATEMENTS = [
  `CREATE TABLE evidence_frontier (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    frozen_before timestamptz NOT NULL
  )`,
  `INSERT INTO evidence_frontier (frozen_before) VALUES ('-infinity')`,
  // No row: revision 0.
  `CREATE TABLE evidence_revisions (
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (entity_type, entity_id)
  )`,
  `CREATE FUNCTION revise_frozen_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     INSERT INTO evidence_revisions AS stored (entity_type, entity_id, revision)
     SELECT entity_type, entity_id, 1 FROM changed
     WHERE bucket_at < (SELECT frozen_before FROM evidence_frontier)
     GROUP BY entity_type, entity_id ORDER BY entity_type COLLATE "C", entity_id COLLATE "C"
     ON CONFLICT (entity_type, entity_id) DO UPDATE SET revision = stored.revision + 1;
     RETURN NULL;
   END $$`,
  // Not for deletions: retention removes only cells that no feature looks back on.
  ...['INSERT', 'UPDATE'].map(
    (event) => `CREATE TRIGGER evidence_cells_${event.toLowerCase()} AFTER ${event} ON evidence_cells
     REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION revise_frozen_evidence()`,
  ),
];
