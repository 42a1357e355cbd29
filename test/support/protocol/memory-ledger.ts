import { EvidenceColumns } from '../../../src/domain/evidence-columns.js';
import {
  type BatchCommit,
  type BatchKeys,
  type BatchMemory,
  type CommitResult,
  ScoringStore,
} from '../../../src/scoring/ports.js';
import type { Moments, PlantedBug } from '../../faults/planted-bugs.js';
import { MemoryOffsets, MemoryOutbox } from '../memory-stream-ports.js';
import type { Ledger } from './machine.js';
import { type Contents, PARTITION } from './stream.js';

/** A part of a commit: whether it can be made, and its making. */
interface Part {
  readonly check: (commit: BatchCommit) => Exclude<CommitResult, 'committed'> | null;
  readonly apply: (commit: BatchCommit) => void;
}

/** The protocol as a model: which parts of a commit are one database transaction, and what each compares. */
export class MemoryLedger extends ScoringStore implements Ledger {
  readonly scoring = this;
  readonly offsets = new MemoryOffsets();
  readonly outbox = new MemoryOutbox();
  moments: Moments = {};
  readonly #ids = new Map<string, string>();
  readonly #states = new Map<string, { version: number; bytes: Uint8Array }>();
  readonly #alerts: string[] = [];
  readonly #deadLetters: string[] = [];
  #evidence = 0;
  #repeats = 0;

  constructor(private readonly bug: PlantedBug) {
    super();
  }

  override read({ transactionIds, primaryIds }: BatchKeys): Promise<BatchMemory> {
    return Promise.resolve({
      known: new Map(transactionIds.flatMap((id) => (this.#ids.has(id) ? [[id, this.#ids.get(id)!]] : []))),
      states: primaryIds.flatMap((entityId) => {
        const state = this.#states.get(entityId);
        return state ? [{ entityId, ...state }] : [];
      }),
      evidence: EvidenceColumns.of([]),
    });
  }

  override async commit(commit: BatchCommit): Promise<CommitResult> {
    const { before, between, after } = this.moments;
    this.moments = {};
    await before?.();
    const transactions = {
      none: [[this.#offset, this.#rows, this.#messages]],
      'offset-first': [[this.#offset], [this.#rows, this.#messages]],
      'outbox-after': [[this.#offset, this.#rows], [this.#messages]],
      'no-fence': [[this.#anyOffset, this.#rows, this.#messages]],
    }[this.bug];
    for (const [i, parts] of transactions.entries()) {
      if (i > 0) await between?.();
      for (const { check } of parts) {
        const refused = check(commit);
        if (refused) return refused;
      }
      // Killed with the transaction open: nothing of it stays.
      if (transactions.length === 1) await between?.();
      for (const { apply } of parts) apply(commit);
    }
    await after?.();
    return 'committed';
  }

  contents(): Promise<Contents> {
    const states = [...this.#states].map(([id, { bytes }]) => [id, Buffer.from(bytes).toString()]);
    return Promise.resolve({
      position: Number(this.offsets.get(PARTITION)),
      scored: [...this.#ids.keys()].sort(),
      repeats: this.#repeats,
      deadLetters: [...this.#deadLetters].sort(),
      states: Object.fromEntries(states) as Record<string, string>,
      evidence: this.#evidence,
      alerts: [...this.#alerts].sort(),
    });
  }

  expireLeases(): Promise<void> {
    this.outbox.nowMs += 1e9;
    return Promise.resolve();
  }

  readonly #offset: Part = {
    check: ({ source }) => (source.kind === 'kafka' && this.offsets.get(source) !== source.fetchedOffset ? 'offset-moved' : null),
    apply: ({ source }) => source.kind === 'kafka' && this.offsets.set(source, source.nextOffset),
  };

  readonly #anyOffset: Part = { ...this.#offset, check: () => null };

  readonly #rows: Part = {
    check: ({ rows, states }) => {
      const isTaken = rows.some(({ scored }) => this.#ids.has(scored.transaction.id));
      const isOld = states.some(({ entityId, version }) => version !== (this.#states.get(entityId)?.version ?? 0));
      return isTaken || isOld ? 'state-moved' : null;
    },
    apply: ({ rows, states, evidence, alerts, deadLetters, repeats }) => {
      for (const { scored, contentHash } of rows) this.#ids.set(scored.transaction.id, contentHash);
      for (const { entityId, version, bytes } of states) this.#states.set(entityId, { version: version + 1, bytes });
      this.#evidence += evidence.reduce((sum, { n }) => sum + n, 0);
      this.#alerts.push(...alerts.map(({ transactionId }) => transactionId));
      this.#deadLetters.push(...deadLetters.map(({ record }) => record.position));
      this.#repeats += repeats.length;
    },
  };

  readonly #messages: Part = {
    check: () => null,
    apply: ({ alerts, deadLetters }) => {
      const put = (
        kind: 'alert' | 'dead-letter',
        key: string | null,
        payload: string | Uint8Array,
        headers: Record<string, string>,
      ): void => void this.outbox.rows.push({ id: BigInt(this.outbox.rows.length + 1), kind, key, payload, headers });
      for (const alert of alerts) put('alert', alert.entities['customer']!, JSON.stringify(alert), { 'alert-id': alert.id });
      for (const { record, reason } of deadLetters)
        put('dead-letter', record.key, record.bytes, { reason, position: record.position });
    },
  };
}
