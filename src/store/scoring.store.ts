import type { DataSource, EntityManager } from 'typeorm';
import { DAY_MS } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import {
  type BatchCommit,
  type BatchKeys,
  type BatchMemory,
  type CommitResult,
  type CommittedRow,
  type EvidenceCell,
  type EntityState,
  ScoringStore,
  type Source,
} from '../scoring/ports.js';
import { COPY_TRANSACTION_IDS, COPY_TRANSACTIONS, transactionIdsCopy, transactionsCopy } from './copy-rows.js';
import { COPY_SHADOW_SCORES, shadowScoresCopy } from './copy-shadows.js';
import { CellSums, cellKeys } from './evidence-keys.js';
import { EvidenceReader } from './evidence-reader.js';
import { HotConnection } from './hot-connection.js';
import { holdPublication, shareLabels } from './locks.js';
import { Partitions } from './partitions.js';
import { alertJson, deadLetterJson, storableText } from './row-json.js';
import { StateCache } from './state-cache.js';
import { addDayCounts } from './sql/add-day-counts.sql.js';
import { addEvidence } from './sql/add-evidence.sql.js';
import { countRepeats } from './sql/count-repeats.sql.js';
import { insertAlerts } from './sql/insert-alerts.sql.js';
import { insertDeadLetters } from './sql/insert-dead-letters.sql.js';
import { latestLabels } from './sql/latest-labels.sql.js';
import { moveOffset } from './sql/move-offset.sql.js';
import { moveSourcePosition } from './sql/move-source-position.sql.js';
import { readEntityStates } from './sql/read-entity-states.sql.js';
import { readKnown } from './sql/read-known.sql.js';
import { saveEntityStates } from './sql/save-entity-states.sql.js';

/** Rolls the database transaction back; the caller gets `result`. */
class Refused extends Error {
  constructor(readonly result: Exclude<CommitResult, 'committed'>) {
    super(result);
  }
}

/** The online line's memory in PostgreSQL: a batch is one database transaction with one statement per table. */
export class PostgresScoringStore extends ScoringStore {
  readonly #partitions: Partitions;
  readonly #evidence: EvidenceReader;
  readonly #pooled: HotConnection;
  readonly #cache = new StateCache();

  constructor(
    private readonly dataSource: DataSource,
    private readonly schema: TransactionSchema,
    /** Whether anybody publishes: without Kafka the outbox would only grow. */
    private readonly options: { readonly publishes: boolean } = { publishes: true },
  ) {
    super();
    this.#partitions = new Partitions(dataSource);
    this.#evidence = new EvidenceReader(dataSource);
    this.#pooled = HotConnection.pooled(dataSource);
  }

  override async read(keys: BatchKeys): Promise<BatchMemory> {
    const [known, states, evidence] = await Promise.all([
      this.#known(keys.transactionIds),
      this.#states(keys.featureSet, keys.primaryIds),
      this.#evidence.read(keys),
    ]);
    return { known, states, evidence };
  }

  override async commit(commit: BatchCommit): Promise<CommitResult> {
    const { featureSet, states } = commit;
    // Whatever happens, also where nobody can say whether it was committed.
    this.#cache.drop(states.map(({ entityId }) => entityId));
    const result = await this.#commit(commit);
    if (result === 'committed')
      this.#cache.keep(
        featureSet,
        // Copies: what was handed over are parts of one buffer, which each of them would keep whole.
        states.map(({ entityId, version, bytes }) => ({ entityId, version: version + 1, bytes: bytes.slice() })),
      );
    return result;
  }

  /** What was remembered of entities whose partitions another worker may have now. */
  forgetStates(): void {
    this.#cache.clear();
  }

  /** Conflicts with other writers are answered as `state-moved`: the batch is to be computed again. */
  async #commit(commit: BatchCommit): Promise<CommitResult> {
    await this.#partitions.ensure(commit.rows.map(({ scored }) => scored.transaction.occurredAtMs));
    try {
      await this.dataSource.transaction(async (manager) => {
        await this.#moveSource(manager, commit);
        await this.#insertRows(manager, commit);
        await this.#saveStates(manager, commit);
        await this.#addEvidence(manager, commit);
        await this.#count(manager, commit);
        await this.#publish(manager, commit);
      });
      return 'committed';
    } catch (error) {
      if (error instanceof Refused) return error.result;
      if (isConflict(error)) return 'state-moved';
      throw error;
    }
  }

  async #known(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#pooled.query<{ id: string; hash: string }>('read-known', readKnown, [ids]);
    return new Map(rows.map(({ id, hash }) => [id, hash]));
  }

  async #states(featureSet: string, ids: readonly string[]): Promise<readonly EntityState[]> {
    const { found, missing } = this.#cache.find(featureSet, ids);
    if (missing.length === 0) return found;
    const rows = await this.#pooled.query<{ id: string; version: string; state: Buffer }>(
      'read-entity-states',
      readEntityStates,
      [featureSet, missing],
    );
    return [...found, ...rows.map(({ id, version, state }) => ({ entityId: id, version: Number(version), bytes: state }))];
  }

  /** First of all, so that a consumer that lost its partition finds out before it locks anything else. */
  async #moveSource(manager: EntityManager, { source, rows }: BatchCommit): Promise<void> {
    const moved = await moveStatement(
      manager,
      source,
      rows.reduce<number | null>((max, { scored }) => Math.max(max ?? -Infinity, scored.transaction.occurredAtMs), null),
    );
    if (!moved) throw new Refused('offset-moved');
  }

  async #insertRows(manager: EntityManager, { rows, shadows }: BatchCommit): Promise<void> {
    if (rows.length === 0) return;
    const connection = await HotConnection.of(manager);
    // An id that another writer stored meanwhile violates the key: see `isConflict`.
    await connection.copy(COPY_TRANSACTION_IDS, transactionIdsCopy(rows));
    await connection.copy(COPY_TRANSACTIONS, transactionsCopy(rows));
    if (shadows) await connection.copy(COPY_SHADOW_SCORES, shadowScoresCopy(rows, shadows));
  }

  async #saveStates(manager: EntityManager, { featureSet, states }: BatchCommit): Promise<void> {
    if (states.length === 0) return;
    const starts: number[] = [];
    let end = 1;
    for (const { bytes } of states) {
      starts.push(end);
      end += bytes.length;
    }
    const connection = await HotConnection.of(manager);
    const [saved] = await connection.query<{ inserted: number; updated: number }>('save-entity-states', saveEntityStates, [
      featureSet,
      states.map(({ entityId }) => entityId),
      states.map(({ version }) => version),
      Buffer.concat(states.map(({ bytes }) => bytes)),
      starts,
      states.map(({ bytes }) => bytes.length),
    ]);
    const fresh = states.filter(({ version }) => version === 0).length;
    if (saved?.inserted !== fresh || saved.updated !== states.length - fresh) throw new Refused('state-moved');
  }

  /** With what labels already say of these transactions: a label may be faster than its transaction. */
  async #addEvidence(manager: EntityManager, { rows, evidence }: BatchCommit): Promise<void> {
    if (rows.length === 0 && evidence.length === 0) return;
    await shareLabels(manager);
    const connection = await HotConnection.of(manager);
    const ids = rows.map(({ scored }) => scored.transaction.id);
    const known = await connection.query<{ id: string; fraud: boolean }>('latest-labels', latestLabels, [ids]);
    const frauds = new Set(known.filter(({ fraud }) => fraud).map(({ id }) => id));
    const cells = frauds.size === 0 ? evidence : this.#withFrauds(evidence, rows, frauds);
    if (cells.length === 0) return;
    await connection.query('add-evidence', addEvidence, [
      cells.map(({ entityType }) => entityType),
      cells.map(({ entityId }) => entityId),
      cells.map(({ bucketMs }) => bucketMs),
      cells.map(({ bin }) => bin),
      cells.map(({ n }) => n),
      cells.map(({ nFraud }) => nFraud),
    ]);
  }

  #withFrauds(evidence: readonly EvidenceCell[], rows: readonly CommittedRow[], frauds: ReadonlySet<string>): EvidenceCell[] {
    const sums = new CellSums();
    for (const cell of evidence) sums.add(cell, cell.n, cell.nFraud);
    for (const { scored, amountBin } of rows)
      if (frauds.has(scored.transaction.id))
        for (const key of cellKeys(this.schema, { ...scored.transaction, amountBin })) sums.addFraud(key);
    return sums.cells();
  }

  async #count(manager: EntityManager, { rows, repeats }: BatchCommit): Promise<void> {
    const days = new Map<number, { day: number; transactions: number; decided: number; alerts: number }>();
    for (const { scored } of rows) {
      const day = Math.floor(scored.transaction.occurredAtMs / DAY_MS);
      const counts = days.get(day) ?? { day, transactions: 0, decided: 0, alerts: 0 };
      counts.transactions += 1;
      if (scored.fused.minusLog10P !== null) counts.decided += 1;
      if (scored.decision.outcome !== 'approve') counts.alerts += 1;
      days.set(day, counts);
    }
    if (days.size > 0)
      await (await HotConnection.of(manager)).query('add-day-counts', addDayCounts, [JSON.stringify([...days.values()])]);
    const ids = new Map<string, { id: string; count: number; position: string }>();
    for (const { transactionId, position } of repeats)
      ids.set(transactionId, {
        id: transactionId,
        count: (ids.get(transactionId)?.count ?? 0) + 1,
        position: storableText(position),
      });
    if (ids.size > 0) await manager.query(countRepeats, [JSON.stringify([...ids.values()])]);
  }

  /** Last, because its lock makes writers wait for each other until the commit. */
  async #publish(manager: EntityManager, { alerts, deadLetters }: BatchCommit): Promise<void> {
    if (alerts.length === 0 && deadLetters.length === 0) return;
    await holdPublication(manager);
    const entitiesOf = ({ entities }: { entities: Readonly<Record<string, string>> }): string[] =>
      this.schema.entities.flatMap(({ name }) => entities[name] ?? []);
    if (alerts.length > 0)
      await manager.query(insertAlerts, [
        JSON.stringify(alerts.map((alert) => alertJson(alert, entitiesOf(alert)))),
        this.options.publishes,
      ]);
    if (deadLetters.length > 0)
      await manager.query(insertDeadLetters, [JSON.stringify(deadLetters.map(deadLetterJson)), false, this.options.publishes]);
  }
}

const moveStatement = async (manager: EntityManager, source: Source, maxEventMs: number | null): Promise<boolean> => {
  if (source.kind === 'kafka') {
    const { group, topic, partition, fetchedOffset, nextOffset } = source;
    const key = [group, topic, partition, fetchedOffset.toString(), nextOffset.toString(), maxEventMs];
    return (await manager.query<unknown[]>(moveOffset, key)).length === 1;
  }
  if (!source.position) return true;
  const { from, next } = source.position;
  return (await manager.query<unknown[]>(moveSourcePosition, [source.name, from.toString(), next.toString()])).length === 1;
};

/** Serialisation failure, deadlock, or an id that another writer stored since it was read. */
const isConflict = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === '40001' ||
    error.code === '40P01' ||
    (error.code === '23505' && 'constraint' in error && error.constraint === 'transaction_ids_pkey'));
