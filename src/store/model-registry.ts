import type { EntityManager } from 'typeorm';
import type { Database } from './database.js';
import { holdRoles } from './locks.js';
import {
  CHANGE_COLUMNS,
  type ChangeRow,
  MODEL_COLUMNS,
  MODEL_TABLES,
  type ModelDetail,
  type ModelRow,
  type ModelView,
  modelView,
  type RoleChange,
  roleChange,
} from './model-views.js';
import type { PostgresModelStore } from './model.store.js';
import { CHAMPION_CHANNEL } from './notices.js';
import { checkLimit, Conditions, dateOf, decodeCursor, encodeCursor, pageOf, storable } from './paging.js';
import type { ModelFilter, Page } from './query-types.js';
import {
  type ChangedBy,
  championOf,
  championToGoBackTo,
  giveRole,
  installChampion,
  logChange,
  stateOf,
  STATE,
} from './role-changes.js';
import { storableText } from './row-json.js';
import { idleCandidates } from './sql/idle-candidates.sql.js';
import { NotStoredError, StateConflictError } from './state-conflict.js';

/** Each scores the live stream as well: the cost of a batch grows with their number. */
export const CHALLENGERS_MAX = 2;
const CHANGES_SHOWN_MAX = 100;
/** Champions of before that keep their artifacts, however old. */
const CHAMPIONS_KEPT = 5;

/**
 * Which version has which role. Every change is one transaction: the role, its line in the log, and the notice to whoever
 * scores. A version comes into a role only with an artifact that this build can use and, where a key is set, trusts.
 */
export class ModelRegistry {
  constructor(
    private readonly database: Database,
    private readonly models: PostgresModelStore,
  ) {}

  /** Newest first. @throws InvalidQueryError naming the field of the filter */
  async list(filter: ModelFilter): Promise<Page<ModelView>> {
    const limit = checkLimit(filter.limit);
    const conditions = new Conditions();
    if (filter.schema !== undefined) conditions.add('m.schema = ?', filter.schema);
    if (filter.state !== undefined) conditions.add(`coalesce(r.role, 'candidate') = ?`, filter.state);
    if (filter.cursor !== undefined) {
      const [ms, last] = decodeCursor('models', filter.cursor, ['number', 'string']) as [number, string];
      conditions.add('(m.trained_at, m.version) < (?, ?)', dateOf('cursor', ms), storable('cursor', last));
    }
    const rows = await this.database.query<ModelRow[]>(
      `SELECT ${MODEL_COLUMNS} FROM ${MODEL_TABLES} ${conditions.where()}
       ORDER BY m.trained_at DESC, m.version DESC LIMIT ${conditions.parameter(limit + 1)}`,
      conditions.parameters,
    );
    return pageOf(rows, limit, modelView, (row) => encodeCursor('models', [row.trained_at.getTime(), row.version]));
  }

  async one(version: string): Promise<ModelDetail | null> {
    type Row = ModelRow & Pick<ModelDetail, 'report' | 'gate'>;
    const [row] = await this.database.query<Row[]>(
      `SELECT ${MODEL_COLUMNS}, m.report, m.gate FROM ${MODEL_TABLES} WHERE m.version = $1`,
      [storableText(version)],
    );
    if (!row) return null;
    const { report, gate } = row;
    return { ...modelView(row), report, gate, changes: await this.changes(row.schema, row.version) };
  }

  /** The champion and the epoch that a promotion decided on it names; null: there is none. */
  async champion(schema: string): Promise<{ readonly version: string; readonly epoch: number } | null> {
    const role = await championOf(this.database, schema);
    return role && { version: role.version, epoch: Number(role.epoch) };
  }

  /** The log, newest first. @param version only those that brought or removed it */
  async changes(schema: string, version: string | null = null, limit = CHANGES_SHOWN_MAX): Promise<readonly RoleChange[]> {
    const rows = await this.database.query<ChangeRow[]>(
      `SELECT ${CHANGE_COLUMNS} FROM role_changes
       WHERE schema = $1 AND ($2::text IS NULL OR version = $2 OR replaced = $2) ORDER BY id DESC LIMIT $3`,
      [schema, version, checkLimit(limit, 1_000)],
    );
    return rows.map(roleChange);
  }

  /**
   * Makes a stored version the champion.
   *
   * @param expectedEpoch of the champion that this was decided on (0: there was none); another one by now refuses it
   * @throws NotStoredError, StateConflictError, or ModelRefusedError when its artifact cannot be used
   */
  async promote(schema: string, version: string, by: ChangedBy, expectedEpoch?: number): Promise<RoleChange> {
    return this.#change(schema, version, async (manager) => {
      const state = await stateOf(manager, schema, version);
      if (state === 'retired') throw new StateConflictError(`model ${version} is retired: it cannot be the champion`);
      const champion = await championOf(manager, schema);
      if (expectedEpoch !== undefined && expectedEpoch !== Number(champion?.epoch ?? 0))
        throw new StateConflictError(
          `the champion of ${schema} has changed since: it is ${champion?.version ?? 'none'} of epoch ${champion?.epoch ?? 0}, ` +
            `not epoch ${expectedEpoch}`,
        );
      if (state === 'champion') throw new StateConflictError(`model ${version} is the champion already: nothing has changed`);
      return installChampion(manager, { schema, version, kind: 'promote', champion, by, previous: champion?.change ?? null });
    });
  }

  /** Makes the champion before the champion again; once more goes back once more. @throws StateConflictError when there is none */
  async rollback(schema: string, by: ChangedBy): Promise<RoleChange> {
    const before = await championToGoBackTo(this.database, schema);
    return this.#change(schema, before.version, async (manager) => {
      const { champion, version, promotion } = await championToGoBackTo(manager, schema);
      if (version !== before.version)
        throw new StateConflictError(`the champion of ${schema} has changed meanwhile: it is ${champion.version}`);
      return installChampion(manager, { schema, version, kind: 'rollback', champion, by, previous: null, promotion });
    });
  }

  /** Lets a version score beside the champion. @throws as `promote` */
  async challenge(schema: string, version: string, by: ChangedBy): Promise<RoleChange> {
    return this.#change(schema, version, async (manager) => {
      const state = await stateOf(manager, schema, version);
      if (state !== 'candidate')
        throw new StateConflictError(`model ${version} is ${STATE[state]}: it cannot become a challenger`);
      const [count] = await manager.query<{ n: number }[]>(
        `SELECT count(*)::integer AS n FROM model_roles WHERE schema = $1 AND role = 'challenger'`,
        [schema],
      );
      if (count!.n >= CHALLENGERS_MAX)
        throw new StateConflictError(`${schema} has ${count!.n} challengers, the most there may be: relieve or retire one`);
      return giveRole(manager, schema, version, 'challenger', by);
    });
  }

  /** Takes a challenger's role from it. @throws NotStoredError, StateConflictError */
  async relieve(schema: string, version: string, by: ChangedBy): Promise<RoleChange> {
    return this.#locked(schema, async (manager) => {
      const state = await stateOf(manager, schema, version);
      if (state !== 'challenger') throw new StateConflictError(`model ${version} is ${STATE[state]}, no challenger`);
      await manager.query('DELETE FROM model_roles WHERE schema = $1 AND version = $2', [schema, version]);
      return logChange(manager, { schema, kind: 'relieve', version, replaced: null, epoch: 1, by, previous: null });
    });
  }

  /** For good: it is never used again. The row and its reports stay. @param dropArtifact removes its bytes */
  async retire(schema: string, version: string, by: ChangedBy, dropArtifact = false): Promise<RoleChange> {
    return this.#locked(schema, async (manager) => {
      const state = await stateOf(manager, schema, version);
      if (state === 'champion')
        throw new StateConflictError(`model ${version} is the champion: promote another or roll back first`);
      if (state === 'retired' && !dropArtifact) throw new StateConflictError(`model ${version} is retired already`);
      const change = await giveRole(manager, schema, version, 'retired', by);
      if (dropArtifact) await manager.query('UPDATE model_versions SET artifact = NULL WHERE version = $1', [version]);
      return change;
    });
  }

  /**
   * Retires candidates that nobody has used for so many days and drops their bytes, which would fill the disk night by
   * night; what was champion lately stays, to go back to. Answers how many.
   */
  async retireCandidates(schema: string, days: number): Promise<number> {
    const rows = await this.database.query<{ version: string }[]>(idleCandidates, [schema, days, CHAMPIONS_KEPT]);
    const by = { by: 'retention', why: `had no role for ${days} days` };
    for (const { version } of rows) await this.retire(schema, version, by, true);
    return rows.length;
  }

  async #change(schema: string, version: string, work: (manager: EntityManager) => Promise<RoleChange>): Promise<RoleChange> {
    const stored = await this.models.load(version);
    if (stored.version.schema !== schema)
      throw new NotStoredError(`no model version "${version}" is stored for schema "${schema}"`);
    await this.#refuseForgotten(version, stored.version.featureSet);
    return this.#locked(schema, work);
  }

  #locked(schema: string, work: (manager: EntityManager) => Promise<RoleChange>): Promise<RoleChange> {
    return this.database.transaction(async (manager) => {
      await holdRoles(manager);
      const change = await work(manager);
      await manager.query('SELECT pg_notify($1, $2)', [CHAMPION_CHANNEL, schema]);
      return change;
    });
  }

  /** A model of features by which nothing is remembered would find every customer new, and alert on most. */
  async #refuseForgotten(version: string, featureSet: string): Promise<void> {
    const [row] = await this.database.query<{ other: string | null }[]>(
      `SELECT (SELECT feature_set FROM entity_states LIMIT 1) AS other
       WHERE NOT EXISTS (SELECT FROM entity_states WHERE feature_set = $1)`,
      [featureSet],
    );
    if (row && row.other !== null)
      throw new StateConflictError(
        `model ${version} reads the features ${featureSet}, this database remembers by ${row.other}: ` +
          'its states have to be built anew by a replay of the history',
      );
  }
}
