import type { DataSource, EntityManager } from 'typeorm';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import {
  type BatchCommit,
  type BatchKeys,
  type BatchMemory,
  type CommitResult,
  type EntityState,
  type EvidenceCell,
  ScoringStore,
  type Source,
} from '../scoring/ports.js';
import { CellSums, cellKeys } from './evidence-keys.js';
import { holdPublication, shareLabels } from './locks.js';
import { unpackCells } from './packed-cells.js';
import { alertJson, deadLetterJson, scoreJson, storableText, transactionJson } from './row-json.js';
import { addDayCounts } from './sql/add-day-counts.sql.js';
import { addEvidence } from './sql/add-evidence.sql.js';
import { countRepeats } from './sql/count-repeats.sql.js';
import { insertAlerts } from './sql/insert-alerts.sql.js';
import { insertDeadLetters } from './sql/insert-dead-letters.sql.js';
import { insertScores } from './sql/insert-scores.sql.js';
import { insertTransactionIds } from './sql/insert-transaction-ids.sql.js';
import { insertTransactions } from './sql/insert-transactions.sql.js';
import { latestLabels } from './sql/latest-labels.sql.js';
import { moveOffset } from './sql/move-offset.sql.js';
import { moveSourcePosition } from './sql/move-source-position.sql.js';
import { readEntityStates } from './sql/read-entity-states.sql.js';
import { readEvidence } from './sql/read-evidence.sql.js';
import { readKnown } from './sql/read-known.sql.js';
import { saveEntityStates } from './sql/save-entity-states.sql.js';

const DAY_MS = 86_400_000;

/** Rolls the database transaction back; the caller gets `result`. */
class Refused extends Error {
  constructor(readonly result: Exclude<CommitResult, 'committed'>) {
    super(result);
  }
}

/** The online line's memory in PostgreSQL: a batch is one database transaction with one statement per table. */
export class PostgresScoringStore extends ScoringStore {
  constructor(
    private readonly dataSource: DataSource,
    private readonly schema: TransactionSchema,
    /** Whether anybody publishes: without Kafka the outbox would only grow. */
    private readonly options: { readonly publishes: boolean } = { publishes: true },
  ) {
    super();
  }

  override async read(keys: BatchKeys): Promise<BatchMemory> {
    const [known, states, evidence] = await Promise.all([
      this.#known(keys.transactionIds),
      this.#states(keys.featureSet, keys.primaryIds),
      this.#evidence(keys),
    ]);
    return { known, states, evidence };
  }

  /** Serialisation failures and deadlocks are answered as `state-moved`: the batch is to be computed again. */
  override async commit(commit: BatchCommit): Promise<CommitResult> {
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
    const rows = await this.dataSource.query<{ id: string; hash: string }[]>(readKnown, [ids]);
    return new Map(rows.map(({ id, hash }) => [id, hash]));
  }

  async #states(featureSet: string, ids: readonly string[]): Promise<readonly EntityState[]> {
    if (ids.length === 0) return [];
    const rows = await this.dataSource.query<{ id: string; version: string; state: Buffer }[]>(readEntityStates, [
      featureSet,
      ids,
    ]);
    return rows.map(({ id, version, state }) => ({ entityId: id, version: Number(version), bytes: state }));
  }

  async #evidence({ secondary, evidenceFromMs, evidenceToMs }: BatchKeys): Promise<Iterable<EvidenceCell>> {
    const pairs = secondary.flatMap(({ entityType, entityIds }) => entityIds.map((id) => [entityType, id] as const));
    if (pairs.length === 0 || evidenceFromMs >= evidenceToMs) return [];
    const packed = await this.dataSource.query<{ type: string; id: string; cells: Buffer }[]>(readEvidence, [
      pairs.map(([type]) => type),
      pairs.map(([, id]) => id),
      evidenceFromMs,
      evidenceToMs,
    ]);
    return unpackCells(packed);
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

  async #insertRows(manager: EntityManager, { rows }: BatchCommit): Promise<void> {
    if (rows.length === 0) return;
    const ids = rows.map(({ scored, contentHash }) => ({
      id: scored.transaction.id,
      hash: contentHash,
      at: scored.transaction.occurredAtMs,
    }));
    const [inserted] = await manager.query<{ count: number }[]>(insertTransactionIds, [JSON.stringify(ids)]);
    if (inserted?.count !== rows.length) throw new Refused('state-moved');
    await manager.query(insertTransactions, [JSON.stringify(rows.map(transactionJson))]);
    await manager.query(insertScores, [JSON.stringify(rows.map(scoreJson))]);
  }

  async #saveStates(manager: EntityManager, { featureSet, states }: BatchCommit): Promise<void> {
    if (states.length === 0) return;
    const json = states.map(({ entityId, version, bytes }) => ({
      id: entityId,
      version,
      state: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
    }));
    const [saved] = await manager.query<{ inserted: number; updated: number }[]>(saveEntityStates, [
      featureSet,
      JSON.stringify(json),
    ]);
    const fresh = states.filter(({ version }) => version === 0).length;
    if (saved?.inserted !== fresh || saved.updated !== states.length - fresh) throw new Refused('state-moved');
  }

  /** With what labels already say of these transactions: a label may be faster than its transaction. */
  async #addEvidence(manager: EntityManager, { rows, evidence }: BatchCommit): Promise<void> {
    const sums = new CellSums();
    for (const cell of evidence)
      sums.add({ type: cell.entityType, id: cell.entityId, bucket: cell.bucketMs, bin: cell.bin }, cell.n, cell.nFraud);
    if (rows.length > 0) {
      await shareLabels(manager);
      const ids = rows.map(({ scored }) => scored.transaction.id);
      const waiting = await manager.query<{ id: string; fraud: boolean }[]>(latestLabels, [ids]);
      const frauds = new Set(waiting.filter(({ fraud }) => fraud).map(({ id }) => id));
      for (const { scored, amountBin } of rows)
        if (frauds.has(scored.transaction.id))
          for (const key of cellKeys(this.schema, { ...scored.transaction, amountBin })) sums.addFraud(key);
    }
    const cells = sums.rows();
    if (cells.length > 0) await manager.query(addEvidence, [JSON.stringify(cells)]);
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
    if (days.size > 0) await manager.query(addDayCounts, [JSON.stringify([...days.values()])]);
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

/** Serialisation failure, deadlock. */
const isConflict = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '40001' || error.code === '40P01');
