import type { Label } from '../../src/domain/label.js';
import {
  type DeadLetter,
  DeadLetterSink,
  LabelSink,
  OffsetStore,
  type OutboxLease,
  type OutboxRow,
  OutboxStore,
  type PartitionOfGroup,
  type StoredPosition,
} from '../../src/scoring/ports.js';

const keyOf = ({ group, topic, partition }: PartitionOfGroup): string => `${group}/${topic}/${partition}`;

export class MemoryOffsets extends OffsetStore {
  readonly #positions = new Map<string, bigint>();
  /** What commits said of event times, which a database would keep with the position. */
  readonly eventTimes = new Map<string, number>();

  override open(partition: PartitionOfGroup, initial: bigint): Promise<bigint> {
    const stored = this.#positions.get(keyOf(partition)) ?? initial;
    this.#positions.set(keyOf(partition), stored);
    return Promise.resolve(stored);
  }

  override advance(partition: PartitionOfGroup, from: bigint, next: bigint): Promise<boolean> {
    if (this.#positions.get(keyOf(partition)) !== from) return Promise.resolve(false);
    this.#positions.set(keyOf(partition), next);
    return Promise.resolve(true);
  }

  override positions(group: string, topic: string): Promise<readonly StoredPosition[]> {
    const of = [...this.#positions].filter(([key]) => key.startsWith(`${group}/${topic}/`));
    return Promise.resolve(
      of.map(([key, next]) => {
        const partition = Number(key.split('/').at(-1));
        return { partition, next, maxEventMs: this.eventTimes.get(key) ?? null };
      }),
    );
  }

  set(partition: PartitionOfGroup, position: bigint): void {
    this.#positions.set(keyOf(partition), position);
  }

  get(partition: PartitionOfGroup): bigint | undefined {
    return this.#positions.get(keyOf(partition));
  }
}

export class MemoryLabels extends LabelSink {
  readonly stored: Label[] = [];

  override append(labels: readonly Label[]): Promise<{ stored: number; unknown: number; unchanged: number }> {
    this.stored.push(...labels);
    return Promise.resolve({ stored: labels.length, unknown: 0, unchanged: 0 });
  }
}

export class MemoryDeadLetters extends DeadLetterSink {
  readonly kept: DeadLetter[] = [];

  override keep(deadLetters: readonly DeadLetter[]): Promise<void> {
    this.kept.push(...deadLetters);
    return Promise.resolve();
  }
}

/** An outbox whose clock the test sets, so that leases end when it says so. */
export class MemoryOutbox extends OutboxStore {
  nowMs = 0;
  readonly rows: OutboxRow[] = [];
  readonly published = new Set<bigint>();
  #lease: { holder: string; epoch: bigint; endMs: number } = { holder: '', epoch: 0n, endMs: -1 };

  override acquireLease(_name: string, holder: string, ttlMs: number): Promise<{ readonly epoch: bigint } | null> {
    if (this.#lease.endMs > this.nowMs && this.#lease.holder !== holder) return Promise.resolve(null);
    this.#lease = { holder, epoch: this.#lease.epoch + 1n, endMs: this.nowMs + ttlMs };
    return Promise.resolve({ epoch: this.#lease.epoch });
  }

  override renewLease(_name: string, holder: string, epoch: bigint, ttlMs: number): Promise<boolean> {
    if (!this.#holds(holder, epoch)) return Promise.resolve(false);
    this.#lease.endMs = this.nowMs + ttlMs;
    return Promise.resolve(true);
  }

  override unpublished(limit: number): Promise<readonly OutboxRow[]> {
    return Promise.resolve(this.rows.filter((row) => !this.published.has(row.id)).slice(0, limit));
  }

  override markPublished(ids: readonly bigint[], lease: OutboxLease): Promise<boolean> {
    if (!this.#holds(lease.holder, lease.epoch)) return Promise.resolve(false);
    for (const id of ids) this.published.add(id);
    return Promise.resolve(true);
  }

  override lag(): Promise<{ readonly count: number; readonly oldestSeconds: number }> {
    const count = this.rows.length - this.published.size;
    return Promise.resolve({ count, oldestSeconds: count > 0 ? 1 : 0 });
  }

  #holds(holder: string, epoch: bigint): boolean {
    return this.#lease.holder === holder && this.#lease.epoch === epoch;
  }
}
