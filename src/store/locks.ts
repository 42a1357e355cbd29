import type { EntityManager } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { backtestNumber } from './backtest-name.js';

/**
 * Advisory locks of a database transaction, in the order in which they are taken: after the offset and state rows,
 * `labels` before any evidence cell, `publication` last.
 */
const LABELS = 7_305_808_871;
const PUBLICATION = 7_305_808_872;
// 7_305_808_873 is of the session that retries dead letters.
const TRAINING = 7_305_808_874;
const ROLES = 7_305_808_875;

/** Locks are of the whole database. A backtest is the only writer of its own tables: it needs none, and must hold up nobody. */
const lock = async (manager: EntityManager, key: number, mode: '' | '_shared' = ''): Promise<void> => {
  if (backtestNumber((manager.connection.driver as PostgresDriver).schema) !== null) return;
  await manager.query(`SELECT pg_advisory_xact_lock${mode}($1)`, [key]);
};

/**
 * A commit shares this lock, appending labels has it alone. Otherwise a label and its transaction, committed at the same
 * moment, would not see each other, and the fraud would never be counted.
 *
 * Every writer of evidence cells shares it, so the frontier of frozen ones, which is moved under it alone, is the same for
 * a writer from its first cell to its commit.
 */
export const shareLabels = (manager: EntityManager): Promise<void> => lock(manager, LABELS, '_shared');
export const holdLabels = (manager: EntityManager): Promise<void> => lock(manager, LABELS);

/**
 * Taken before alerts and outbox rows get their numbers and held until the commit: numbers become visible in rising
 * order, so a reader that remembers the last one it saw misses none.
 */
export const holdPublication = (manager: EntityManager): Promise<void> => lock(manager, PUBLICATION);

/** Whoever lets a training run begin or wait has it alone, so that two never begin at once. */
export const holdTraining = (manager: EntityManager): Promise<void> => lock(manager, TRAINING);

/** Changes of roles come one after another: each is decided on what the one before left. */
export const holdRoles = (manager: EntityManager): Promise<void> => lock(manager, ROLES);
