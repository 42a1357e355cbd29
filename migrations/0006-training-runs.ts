import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Training runs as rows, with what they say on their way, and the registry: where a version comes from, which role it has,
 * and a log of every change of roles that nobody can rewrite.
 *
 * A rollback must find the champion before without reading the log from its start: each promotion points to the one that
 * stood when it came (`previous`), and the champion's role points to its own. So rolling back twice goes back twice.
 */
export class TrainingRuns1763730000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...RUNS, ...VERSIONS, ...ROLES]) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('migrations are forward only: restore a backup'));
  }
}

const RUNS = [
  'SET LOCAL statement_timeout = 0',
  `CREATE TABLE training_runs (
    id bigserial PRIMARY KEY,
    schema text NOT NULL,
    trigger text NOT NULL CHECK (trigger IN ('schedule', 'drift', 'labels', 'manual')),
    requested_at timestamptz NOT NULL DEFAULT now(),
    requested_by text NOT NULL,
    why text NOT NULL,
    due_at timestamptz,
    state text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'lost')),
    holder text,
    epoch bigint NOT NULL,
    heartbeat_at timestamptz,
    cancel_requested_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    seed bigint NOT NULL,
    data_from timestamptz,
    data_to timestamptz,
    data_hash text,
    settings jsonb NOT NULL,
    report jsonb,
    version text,
    retry_of bigint REFERENCES training_runs (id),
    attempt integer NOT NULL,
    error text,
    events bigint NOT NULL
  )`,
  // Never two at once, whatever a program does; asking again answers the run that waits.
  `CREATE UNIQUE INDEX training_runs_running ON training_runs (schema) WHERE state = 'running'`,
  `CREATE UNIQUE INDEX training_runs_queued ON training_runs (schema, trigger) WHERE state = 'queued'`,
  'CREATE INDEX training_runs_due ON training_runs (schema, due_at) WHERE due_at IS NOT NULL',
  `CREATE TABLE training_events (
    run bigint NOT NULL REFERENCES training_runs (id),
    sequence bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    step text NOT NULL,
    share double precision NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (run, sequence)
  )`,
  'CREATE INDEX training_events_at ON training_events USING brin (at)',
  // Labels that became known since the last run: they come in that order, or nearly.
  'CREATE INDEX labels_known_at ON labels USING brin (known_at)',
];

const VERSIONS = [
  // Of a version of before, and of one that was fitted from a file, less is known.
  `ALTER TABLE model_versions
     ADD COLUMN data_from timestamptz,
     ADD COLUMN data_to timestamptz,
     ADD COLUMN data_hash text,
     ADD COLUMN schema_hash text,
     ADD COLUMN parent text,
     ADD COLUMN training_run bigint REFERENCES training_runs (id),
     ADD COLUMN gate jsonb,
     ADD COLUMN signature text,
     ALTER COLUMN artifact DROP NOT NULL`,
  'CREATE INDEX model_versions_trained_at ON model_versions (schema, trained_at DESC, version)',
  'DROP TRIGGER model_versions_immutable ON model_versions',
  // A retired version may lose its artifact, and one may be signed by another key: nothing else of it ever changes.
  `CREATE FUNCTION refuse_model_change() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF (NEW.version, NEW.schema, NEW.feature_set, NEW.checksum, NEW.trained_at, NEW.report, NEW.created_at,
         NEW.data_from, NEW.data_to, NEW.data_hash, NEW.schema_hash, NEW.parent, NEW.training_run, NEW.gate)
        IS DISTINCT FROM
        (OLD.version, OLD.schema, OLD.feature_set, OLD.checksum, OLD.trained_at, OLD.report, OLD.created_at,
         OLD.data_from, OLD.data_to, OLD.data_hash, OLD.schema_hash, OLD.parent, OLD.training_run, OLD.gate)
       OR (NEW.artifact IS NOT NULL AND NEW.artifact IS DISTINCT FROM OLD.artifact)
     THEN RAISE EXCEPTION 'rows of % never change: add another one', TG_TABLE_NAME; END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER model_versions_immutable BEFORE UPDATE ON model_versions FOR EACH ROW EXECUTE FUNCTION refuse_model_change()`,
];

const ROLES = [
  `CREATE TABLE role_changes (
    id bigserial PRIMARY KEY,
    schema text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('promote', 'rollback', 'challenge', 'relieve', 'retire')),
    version text NOT NULL REFERENCES model_versions (version),
    replaced text,
    epoch bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by text NOT NULL,
    why text NOT NULL,
    previous bigint REFERENCES role_changes (id)
  )`,
  'CREATE INDEX role_changes_newest ON role_changes (schema, id DESC)',
  `CREATE TRIGGER role_changes_immutable BEFORE UPDATE OR DELETE ON role_changes FOR EACH ROW EXECUTE FUNCTION refuse_update()`,
  `ALTER TABLE model_roles
     DROP CONSTRAINT model_roles_pkey,
     DROP CONSTRAINT model_roles_role_check,
     ADD CONSTRAINT model_roles_role_check CHECK (role IN ('champion', 'challenger', 'retired')),
     ADD COLUMN since timestamptz NOT NULL DEFAULT clock_timestamp(),
     ADD COLUMN change bigint REFERENCES role_changes (id)`,
  // A version has one role; none means candidate: just trained, or relieved.
  `DELETE FROM model_roles AS challenger USING model_roles AS champion
   WHERE challenger.role = 'challenger' AND champion.role = 'champion'
     AND challenger.schema = champion.schema AND challenger.version = champion.version`,
  'ALTER TABLE model_roles ADD PRIMARY KEY (schema, version)',
  `CREATE UNIQUE INDEX model_roles_champion ON model_roles (schema) WHERE role = 'champion'`,
  `INSERT INTO role_changes (schema, kind, version, epoch, by, why)
   SELECT schema, CASE role WHEN 'champion' THEN 'promote' ELSE 'challenge' END, version, epoch, 'migration', 'had this role before'
   FROM model_roles`,
  `UPDATE model_roles SET change = c.id FROM role_changes AS c
   WHERE c.schema = model_roles.schema AND c.version = model_roles.version`,
];
