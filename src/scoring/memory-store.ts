import { entityKey, EvidenceColumns } from '../domain/evidence-columns.js';
import type { Label } from '../domain/label.js';
import type { BatchCommit, BatchKeys, BatchMemory, CommitResult, CommittedRow, EntityState, EvidenceCell } from './ports.js';
import { ScoringStore } from './ports.js';

interface CellKey {
  readonly entities: readonly string[];
  readonly occurredAtMs: number;
  readonly amountBin: number;
}

/** The line's memory without a database: for backtests and files. One writer, so a commit never meets another. */
export class MemoryScoringStore extends ScoringStore {
  readonly #known = new Map<string, string>();
  readonly #states = new Map<string, EntityState>();
  /** By entity type and id, then by bucket and bin. */
  readonly #evidence = new Map<string, Map<string, EvidenceCell>>();
  readonly #cells = new Map<string, CellKey>();
  readonly #frauds = new Set<string>();

  /**
   * @param buckets width in milliseconds of each secondary entity's buckets, in schema order
   * @param onCommit sees every committed row
   */
  constructor(
    private readonly buckets: readonly { readonly entityType: string; readonly widthMs: number }[],
    private readonly onCommit: (rows: readonly CommittedRow[], commit: BatchCommit) => void = () => undefined,
  ) {
    super();
  }

  /** Starts from a history that was computed apart. */
  seed(states: readonly { entityId: string; bytes: Uint8Array }[], evidence: readonly EvidenceCell[]): void {
    for (const state of states) this.#states.set(state.entityId, { ...state, version: 1 });
    this.#add(evidence);
  }

  /** Cells of transactions seen before this store began, so that labels find them; `isFraud`: they count it already. */
  expectLabels(cells: Iterable<readonly [string, CellKey & { readonly isFraud: boolean }]>): void {
    for (const [id, cell] of cells) {
      this.#cells.set(id, cell);
      if (cell.isFraud) this.#frauds.add(id);
    }
  }

  override read(keys: BatchKeys): Promise<BatchMemory> {
    const known = new Map<string, string>();
    for (const id of keys.transactionIds) {
      const hash = this.#known.get(id);
      if (hash !== undefined) known.set(id, hash);
    }
    const states = keys.primaryIds.flatMap((id) => this.#states.get(id) ?? []);
    const evidence: EvidenceCell[] = [];
    for (const { entityType, entityId, fromMs } of keys.evidence)
      for (const cell of this.#evidence.get(entityKey(entityType, entityId))?.values() ?? [])
        if (cell.bucketMs >= fromMs && cell.bucketMs < keys.evidenceToMs) evidence.push(cell);
    return Promise.resolve({ known, states, evidence: EvidenceColumns.of(evidence) });
  }

  override commit(commit: BatchCommit): Promise<CommitResult> {
    for (const row of commit.rows) this.#known.set(row.scored.transaction.id, row.contentHash);
    for (const state of commit.states) this.#states.set(state.entityId, { ...state, version: state.version + 1 });
    this.#add(commit.evidence);
    for (const { scored, amountBin } of commit.rows) {
      const { id, entities, occurredAtMs } = scored.transaction;
      const cell = { entities, occurredAtMs, amountBin };
      this.#cells.set(id, cell);
      if (this.#frauds.has(id)) this.#addFraud(cell, 1);
    }
    this.onCommit(commit.rows, commit);
    return Promise.resolve('committed');
  }

  /**
   * A label became known: its transaction's cells count one fraud more (or one less, when it is withdrawn). A repeat changes
   * nothing, and a label that was faster than its transaction takes effect when that is committed.
   *
   * @param label no older than those given before
   */
  applyLabel({ transactionId, isFraud }: Label): void {
    if (this.#frauds.has(transactionId) === isFraud) return;
    if (isFraud) this.#frauds.add(transactionId);
    else this.#frauds.delete(transactionId);
    const cell = this.#cells.get(transactionId);
    if (cell) this.#addFraud(cell, isFraud ? 1 : -1);
  }

  #addFraud({ entities, occurredAtMs, amountBin }: CellKey, nFraud: 1 | -1): void {
    this.#add(
      this.buckets.map(({ entityType, widthMs }, i) => ({
        entityType,
        entityId: entities[i + 1]!,
        bucketMs: Math.floor(occurredAtMs / widthMs) * widthMs,
        bin: amountBin,
        n: 0,
        nFraud,
      })),
    );
  }

  #add(cells: readonly EvidenceCell[]): void {
    for (const cell of cells) {
      const entity = entityKey(cell.entityType, cell.entityId);
      let buckets = this.#evidence.get(entity);
      if (!buckets) this.#evidence.set(entity, (buckets = new Map<string, EvidenceCell>()));
      const key = `${cell.bucketMs}/${cell.bin}`;
      const before = buckets.get(key);
      buckets.set(key, before ? { ...before, n: before.n + cell.n, nFraud: before.nFraud + cell.nFraud } : cell);
    }
  }
}
