import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Every table of the service.
 *
 * There are no foreign keys on the hot path: rows of one batch are written in one database transaction, and each key
 * would cost an index probe and a row lock per transaction. Immutable rows are guarded by a trigger instead.
 */
export class Initial1763712000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TRANSACTIONS, ...ALERTS, ...MEMORY, ...POSITIONS, ...REFUSED, ...MODELS, ...IMMUTABLE])
      await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('migrations are forward only: restore a backup'));
  }
}

const TRANSACTIONS = [
  // Kept when old transactions are dropped, so that a repeat is still known.
  `CREATE TABLE transaction_ids (
    id text PRIMARY KEY,
    content_hash bytea NOT NULL,
    occurred_at timestamptz NOT NULL
  )`,
  // Arrays are in the order of the transaction schema; NULL elements are missing values.
  `CREATE TABLE transactions (
    id text PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    entities text[] NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    numeric_fields double precision[] NOT NULL,
    categorical_fields text[] NOT NULL,
    amount_bin smallint NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now()
  )`,
  // A customer's recent transactions; secondary entities are found by the inverted index.
  `CREATE INDEX transactions_primary_entity ON transactions ((entities[1]), occurred_at, id)`,
  `CREATE INDEX transactions_secondary_entities ON transactions USING gin ((entities[2:6]))`,
  // Rows of the last minute: rows lie in commit order, so a block range index is enough.
  `CREATE INDEX transactions_committed_at ON transactions USING brin (committed_at)`,
  `CREATE TABLE scores (
    transaction_id text PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
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
    feature_set text NOT NULL
  )`,
  `CREATE INDEX scores_occurred_at ON scores (occurred_at, transaction_id)`,
  `CREATE INDEX scores_alerted ON scores (occurred_at, transaction_id) WHERE outcome <> 'approve'`,
  // Totals by event day; `decided` are the rows that a calibration decided on. The shard is the connection's, so that writers do not wait for each other's row.
  `CREATE TABLE day_counts (
    day date NOT NULL,
    shard smallint NOT NULL,
    transactions bigint NOT NULL,
    decided bigint NOT NULL,
    alerts bigint NOT NULL,
    PRIMARY KEY (day, shard)
  )`,
];

const ALERTS = [
  `CREATE TABLE alerts (
    sequence bigserial PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    transaction_id text NOT NULL UNIQUE,
    occurred_at timestamptz NOT NULL,
    entities text[] NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('review', 'decline')),
    lane text NOT NULL CHECK (lane IN ('S', 'T', 'H', 'D')),
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX alerts_entities ON alerts USING gin (entities)`,
  // A dead letter's bytes, which may be large, are not stored twice: its row has no payload but says where it is.
  `CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('alert', 'dead-letter')),
    key text,
    payload bytea,
    dead_letter_id bigint,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    CHECK ((payload IS NULL) <> (dead_letter_id IS NULL))
  )`,
  `CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL`,
  // A label delivered twice is one row; a correction differs in what it says or in when it became known.
  `CREATE TABLE labels (
    id bigserial PRIMARY KEY,
    transaction_id text NOT NULL,
    is_fraud boolean NOT NULL,
    type text,
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT labels_once UNIQUE (transaction_id, known_at, source, is_fraud)
  )`,
];

const MEMORY = [
  `CREATE TABLE entity_states (
    feature_set text NOT NULL,
    entity_id text NOT NULL,
    version bigint NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (feature_set, entity_id)
  )`,
  `CREATE TABLE evidence_cells (
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    bucket_at timestamptz NOT NULL,
    bin smallint NOT NULL,
    n integer NOT NULL,
    n_fraud integer NOT NULL,
    PRIMARY KEY (entity_type, entity_id, bucket_at, bin)
  )`,
];

const POSITIONS = [
  `CREATE TABLE consumer_offsets (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    max_event_time timestamptz,
    PRIMARY KEY (consumer_group, topic, partition)
  )`,
  `CREATE TABLE source_positions (
    name text PRIMARY KEY,
    next_position bigint NOT NULL
  )`,
  `CREATE TABLE leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
  )`,
];

const REFUSED = [
  `CREATE TABLE dead_letters (
    id bigserial PRIMARY KEY,
    position text NOT NULL,
    key text,
    reason text NOT NULL,
    bytes bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX dead_letters_position ON dead_letters (position)`,
  `CREATE TABLE repeats (
    transaction_id text PRIMARY KEY,
    count bigint NOT NULL,
    last_position text NOT NULL,
    last_seen_at timestamptz NOT NULL DEFAULT now()
  )`,
];

const MODELS = [
  `CREATE TABLE calibrations (
    id text PRIMARY KEY,
    model text NOT NULL,
    valid_from_day integer NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX calibrations_newest ON calibrations (model, valid_from_day, created_at)`,
  `CREATE TABLE model_versions (
    version text PRIMARY KEY,
    schema text NOT NULL,
    feature_set text NOT NULL,
    checksum text NOT NULL,
    trained_at timestamptz NOT NULL,
    report jsonb NOT NULL,
    artifact bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE TABLE model_roles (
    schema text NOT NULL,
    role text NOT NULL CHECK (role IN ('champion', 'challenger')),
    version text NOT NULL REFERENCES model_versions (version),
    epoch bigint NOT NULL,
    PRIMARY KEY (schema, role)
  )`,
  `CREATE TABLE feature_sets (
    id text PRIMARY KEY,
    columns text[] NOT NULL
  )`,
  `CREATE TABLE settings (
    key text PRIMARY KEY,
    value jsonb NOT NULL
  )`,
];

const IMMUTABLE = [
  `CREATE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN RAISE EXCEPTION 'rows of % never change: add another one', TG_TABLE_NAME; END $$`,
  ...['labels', 'calibrations', 'model_versions', 'feature_sets'].map(
    (table) => `CREATE TRIGGER ${table}_immutable BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse_update()`,
  ),
];
