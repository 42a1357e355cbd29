import type { EntityManager } from 'typeorm';
import type { ModelState } from '../domain/model-version.js';
import { CHANGE_COLUMNS, type ChangeRow, MODEL_TABLES, type RoleChange, roleChange } from './model-views.js';
import { storableText } from './row-json.js';
import { championBefore } from './sql/champion-before.sql.js';
import { NotStoredError, StateConflictError } from './state-conflict.js';

const TEXT_MAX = 1_000;

/** Who changes a role, and why. */
export interface ChangedBy {
  readonly by: string;
  readonly why: string;
}

interface Role {
  readonly version: string;
  readonly epoch: string;
  readonly change: string | null;
}

export const STATE: Readonly<Record<ModelState, string>> = {
  candidate: 'a candidate',
  challenger: 'a challenger',
  champion: 'the champion',
  retired: 'retired',
};

export const stateOf = async (manager: EntityManager, schema: string, version: string): Promise<ModelState> => {
  const [row] = await manager.query<{ state: ModelState }[]>(
    `SELECT coalesce(r.role, 'candidate') AS state FROM ${MODEL_TABLES} WHERE m.schema = $1 AND m.version = $2`,
    [schema, storableText(version)],
  );
  if (!row) throw new NotStoredError(`no model version "${version}" is stored for schema "${schema}"`);
  return row.state;
};

export const championOf = async (manager: Pick<EntityManager, 'query'>, schema: string): Promise<Role | null> => {
  const [role] = await manager.query<Role[]>(
    `SELECT version, epoch, change FROM model_roles WHERE schema = $1 AND role = 'champion'`,
    [schema],
  );
  return role ?? null;
};

export const championToGoBackTo = async (manager: Pick<EntityManager, 'query'>, schema: string) => {
  const champion = await championOf(manager, schema);
  if (!champion) throw new StateConflictError(`schema "${schema}" has no champion: there is nothing to roll back`);
  const [before] = await manager.query<{ promotion: string; version: string }[]>(championBefore, [
    champion.change,
    champion.version,
  ]);
  if (before) return { champion, ...before };
  throw new StateConflictError(`no champion came before ${champion.version} that is stored and not retired`);
};

interface Installation {
  readonly schema: string;
  readonly version: string;
  readonly kind: 'promote' | 'rollback';
  readonly champion: Role | null;
  readonly by: ChangedBy;
  readonly previous: string | null;
  /** The promotion that counts again after a rollback; absent: this one. */
  readonly promotion?: string;
}

/** One row is the champion's: it passes from version to version, and its epoch grows. */
export const installChampion = async (manager: EntityManager, given: Installation): Promise<RoleChange> => {
  const { schema, version, kind, champion, by, previous } = given;
  const epoch = Number(champion?.epoch ?? 0) + 1;
  const change = await logChange(manager, { schema, kind, version, replaced: champion?.version ?? null, epoch, by, previous });
  await manager.query(`DELETE FROM model_roles WHERE schema = $1 AND version = $2 AND role = 'challenger'`, [schema, version]);
  await manager.query(
    `INSERT INTO model_roles (schema, role, version, epoch, change) VALUES ($1, 'champion', $2, $3, $4)
     ON CONFLICT (schema) WHERE role = 'champion' DO UPDATE
       SET version = excluded.version, epoch = excluded.epoch, change = excluded.change, since = clock_timestamp()`,
    [schema, version, epoch, given.promotion ?? change.id],
  );
  return change;
};

export const giveRole = async (
  manager: EntityManager,
  schema: string,
  version: string,
  role: 'challenger' | 'retired',
  by: ChangedBy,
): Promise<RoleChange> => {
  const kind = role === 'challenger' ? 'challenge' : 'retire';
  const change = await logChange(manager, { schema, kind, version, replaced: null, epoch: 1, by, previous: null });
  await manager.query(
    `INSERT INTO model_roles AS stored (schema, version, role, epoch, change) VALUES ($1, $2, $3, 1, $4)
     ON CONFLICT (schema, version) DO UPDATE SET role = excluded.role, change = excluded.change, since = clock_timestamp()`,
    [schema, version, role, change.id],
  );
  return change;
};

interface Line extends Pick<RoleChange, 'kind' | 'version' | 'replaced' | 'epoch'> {
  readonly schema: string;
  readonly by: ChangedBy;
  readonly previous: string | null;
}

export const logChange = async (manager: EntityManager, line: Line): Promise<RoleChange> => {
  const { schema, kind, version, replaced, epoch, by, previous } = line;
  const [row] = await manager.query<ChangeRow[]>(
    `INSERT INTO role_changes (schema, kind, version, replaced, epoch, by, why, previous) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     RETURNING ${CHANGE_COLUMNS}`,
    [schema, kind, version, replaced, epoch, shortText(by.by), shortText(by.why), previous],
  );
  return roleChange(row!);
};

const shortText = (text: string): string => storableText(text.slice(0, TEXT_MAX));
