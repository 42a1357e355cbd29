import type { EntityManager } from 'typeorm';

/**
 * Advisory locks of a database transaction, in the order in which they are taken: after the offset and state rows,
 * `labels` before any evidence cell, `publication` last.
 */
const LABELS = 7_305_808_871;
const PUBLICATION = 7_305_808_872;
// 7_305_808_873 is of the session that retries dead letters.
const TRAINING = 7_305_808_874;
const ROLES = 7_305_808_875;

/**
 * A commit shares this lock, appending labels has it alone. Otherwise a label and its transaction, committed at the same
 * moment, would not see each other, and the fraud would never be counted.
 *
 * Every writer of evidence cells shares it, so the frontier of frozen ones, which is moved under it alone, is the same for
 * a writer from its first cell to its commit.
 */
export const shareLabels = (manager: EntityManager): Promise<unknown> =>
  manager.query('SELECT pg_advisory_xact_lock_shared($1)', [LABELS]);
export const holdLabels = (manager: EntityManager): Promise<unknown> =>
  manager.query('SELECT pg_advisory_xact_lock($1)', [LABELS]);

/**
 * Taken before alerts and outbox rows get their numbers and held until the commit: numbers become visible in rising
 * order, so a reader that remembers the last one it saw misses none.
 */
export const holdPublication = (manager: EntityManager): Promise<unknown> =>
  manager.query('SELECT pg_advisory_xact_lock($1)', [PUBLICATION]);

/** Whoever lets a training run begin or wait has it alone, so that two never begin at once. */
export const holdTraining = (manager: EntityManager): Promise<unknown> =>
  manager.query('SELECT pg_advisory_xact_lock($1)', [TRAINING]);

/** Changes of roles come one after another: each is decided on what the one before left. */
export const holdRoles = (manager: EntityManager): Promise<unknown> => manager.query('SELECT pg_advisory_xact_lock($1)', [ROLES]);
