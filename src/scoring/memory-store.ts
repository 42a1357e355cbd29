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

  /** Cells of transactions seen before this store began, so that labels find them. */
  expectLabels(cells: Iterable<readonly [string, CellKey]>): void {
    for (const [id, cell] of cells) this.#cells.set(id, cell);
  }

  override read(keys: BatchKeys): Promise<BatchMemory> {
    const known = new Map<string, string>();
    for (const id of keys.transactionIds) {
      const hash = this.#known.get(id);
      if (hash !== undefined) known.set(id, hash);
    }
    const states = keys.primaryIds.flatMap((id) => this.#states.get(id) ?? []);
    const evidence: EvidenceCell[] = [];
    for (const { entityType, entityIds } of keys.secondary)
      for (const id of entityIds)
        for (const cell of this.#evidence.get(`${entityType}\n${id}`)?.values() ?? [])
          if (cell.bucketMs >= keys.evidenceFromMs && cell.bucketMs < keys.evidenceToMs) evidence.push(cell);
    return Promise.resolve({ known, states, evidence });
  }

  override commit(commit: BatchCommit): Promise<CommitResult> {
    for (const row of commit.rows) this.#known.set(row.scored.transaction.id, row.contentHash);
    for (const state of commit.states) this.#states.set(state.entityId, { ...state, version: state.version + 1 });
    this.#add(commit.evidence);
    for (const { scored, amountBin } of commit.rows) {
      const { id, entities, occurredAtMs } = scored.transaction;
      this.#cells.set(id, { entities, occurredAtMs, amountBin });
    }
    this.onCommit(commit.rows, commit);
    return Promise.resolve('committed');
  }

  /** A label became known: its transaction's cells count one fraud more (or one less, when it is withdrawn). */
  applyLabel(label: Label): void {
    const cell = this.#cells.get(label.transactionId);
    if (!cell || this.#frauds.has(label.transactionId) === label.isFraud) return;
    if (label.isFraud) this.#frauds.add(label.transactionId);
    else this.#frauds.delete(label.transactionId);
    this.#add(
      this.buckets.map(({ entityType, widthMs }, i) => ({
        entityType,
        entityId: cell.entities[i + 1]!,
        bucketMs: Math.floor(cell.occurredAtMs / widthMs) * widthMs,
        bin: cell.amountBin,
        n: 0,
        nFraud: label.isFraud ? 1 : -1,
      })),
    );
  }

  #add(cells: readonly EvidenceCell[]): void {
    for (const cell of cells) {
      const entity = `${cell.entityType}\n${cell.entityId}`;
      let buckets = this.#evidence.get(entity);
      if (!buckets) this.#evidence.set(entity, (buckets = new Map<string, EvidenceCell>()));
      const key = `${cell.bucketMs}/${cell.bin}`;
      const before = buckets.get(key);
      buckets.set(key, before ? { ...before, n: before.n + cell.n, nFraud: before.nFraud + cell.nFraud } : cell);
    }
  }
}
