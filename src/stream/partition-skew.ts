import { HOUR_MS } from '../domain/time.js';
import type { OffsetStore } from '../scoring/ports.js';

export interface PartitionSkewOptions {
  readonly group: string;
  readonly topic: string;
  /** How far a partition may be ahead of the slowest in event time. Default one hour. */
  readonly skewMaxMs?: number;
}

/** A partition that this process reads. */
export interface LocalPartition {
  readonly partition: number;
  readonly position: bigint | null;
  /** Nothing of it is left to read, or it cannot be read now. */
  readonly isIdle: boolean;
}

interface Clock {
  /** Largest event time that was committed; null before the first. */
  eventMs: number | null;
  position: bigint | null;
  movedAtMs: number;
}

/** A partition that has not moved for so long although it has records holds nobody back: what is wrong with it is seen elsewhere. */
const STALLED_AFTER_MS = 60_000;

/**
 * Keeps the partitions of a topic within `skewMaxMs` of each other in event time, give or take one batch. Features of
 * secondary entities read what all workers wrote before the label delay: that is the same in every run only while no
 * partition is so far ahead that another has yet to write it.
 */
export class PartitionSkew {
  readonly #clocks = new Map<number, Clock>();
  /** Partitions of other workers that have records left; null before they were asked for. */
  #elsewhere: ReadonlySet<number> | null = null;

  constructor(
    private readonly options: PartitionSkewOptions,
    private readonly offsets: OffsetStore,
    private readonly logEnds: () => Promise<ReadonlyMap<number, bigint>>,
  ) {}

  committed(partition: number, position: bigint, eventMs: number | null, nowMs: number): void {
    const clock = this.#clocks.get(partition);
    if (!clock) return void this.#clocks.set(partition, { eventMs, position, movedAtMs: nowMs });
    if (eventMs !== null) clock.eventMs = Math.max(clock.eventMs ?? -Infinity, eventMs);
    if (clock.position === position) return;
    clock.position = position;
    clock.movedAtMs = nowMs;
  }

  eventMs(partition: number): number | null {
    return this.#clocks.get(partition)?.eventMs ?? null;
  }

  /** Whether the partition has to wait for a slower one, here or in another process. */
  isHeld(partition: number, local: readonly LocalPartition[], nowMs: number): boolean {
    const own = this.eventMs(partition);
    if (own === null) return false;
    if (this.#elsewhere === null) return true;
    const limit = own - (this.options.skewMaxMs ?? HOUR_MS);
    const isSlow = (other: number): boolean =>
      other !== partition &&
      (this.eventMs(other) ?? -Infinity) < limit &&
      nowMs - (this.#clocks.get(other)?.movedAtMs ?? nowMs) < STALLED_AFTER_MS;
    return local.some((other) => !other.isIdle && isSlow(other.partition)) || [...this.#elsewhere].some(isSlow);
  }

  /** Asks how far all partitions are. Call after an assignment, and while records are read. */
  async refresh(local: readonly LocalPartition[], nowMs: number): Promise<void> {
    const { group, topic } = this.options;
    const stored = await this.offsets.positions(group, topic);
    for (const { partition, next, maxEventMs } of stored) this.committed(partition, next, maxEventMs, nowMs);
    const here = new Set(local.map(({ partition }) => partition));
    const others = stored.filter(({ partition }) => !here.has(partition));
    const ends = others.length > 0 ? await this.logEnds() : new Map<number, bigint>();
    this.#elsewhere = new Set(others.filter(({ partition, next }) => next < (ends.get(partition) ?? 0n)).map((o) => o.partition));
  }

  /** After an assignment other partitions are another's. */
  forgetOthers(): void {
    this.#elsewhere = null;
  }
}
