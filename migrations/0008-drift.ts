import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What drift is judged by, and what was found. Everything is a summary of a day (some 10 KB) or of a model: no row of it is as
 * large as the day it speaks of.
 */
export class Drift1763737200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('migrations are forward only: restore a backup'));
  }
}

const STATEMENTS = [
  // Of a model: what its rows looked like, how far its days were looked at, and the martingale of its scores.
  `CREATE TABLE drift_states (
    model text PRIMARY KEY,
    reference jsonb,
    made_from text CHECK (made_from IN ('training rows', 'served rows')),
    martingale jsonb,
    day integer,
    note text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((reference IS NULL) = (made_from IS NULL))
  )`,
  // An event day counted by the bins of a model's reference.
  `CREATE TABLE drift_days (
    model text NOT NULL,
    day integer NOT NULL,
    counts jsonb NOT NULL,
    PRIMARY KEY (model, day)
  )`,
  // Frauds of an event day whose label delay has passed, whatever model scored it.
  `CREATE TABLE drift_matured_days (
    schema text NOT NULL,
    day integer NOT NULL,
    shares jsonb NOT NULL,
    PRIMARY KEY (schema, day)
  )`,
  `CREATE TABLE drift_reports (
    schema text NOT NULL,
    day integer NOT NULL,
    model text NOT NULL,
    report jsonb NOT NULL,
    alarms integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schema, day)
  )`,
];
