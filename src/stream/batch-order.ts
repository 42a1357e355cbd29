import type { AssignedPartition } from './assigned-partitions.js';
import type { LocalPartition, PartitionSkew } from './partition-skew.js';

/**
 * Which partition is read next. Topics take turns; within the topic of transactions the partition that is furthest behind
 * in event time comes first, so that a backlog is read in step whatever order it was fetched in.
 */
export class BatchOrder {
  #turn = 0;
  readonly #lastTurn = new Map<string, number>();

  /** @param skewTopic the topic that `skew` is of; other topics have no clock */
  constructor(
    private readonly skewTopic: string | undefined,
    private readonly skew: PartitionSkew,
  ) {}

  next(assigned: readonly AssignedPartition[], nowMs: number): AssignedPartition | null {
    const local = this.local(assigned);
    let best: AssignedPartition | null = null;
    for (const candidate of assigned)
      if (isReady(candidate) && !this.#isHeld(candidate, local, nowMs) && (best === null || this.#rank(candidate, best) < 0))
        best = candidate;
    if (best) {
      this.#turn += 1;
      this.#lastTurn.set(best.topic, this.#turn);
      this.#lastTurn.set(placeOf(best), this.#turn);
    }
    return best;
  }

  /** Whether something is ready that only waits for others. */
  isWaiting(assigned: readonly AssignedPartition[], nowMs: number): boolean {
    const local = this.local(assigned);
    return assigned.some((candidate) => isReady(candidate) && this.#isHeld(candidate, local, nowMs));
  }

  local(assigned: readonly AssignedPartition[]): readonly LocalPartition[] {
    return assigned
      .filter(({ topic }) => topic === this.skewTopic)
      .map(({ partition, position, end, state }) => ({
        partition,
        position,
        isIdle: state !== 'reading' || (position !== null && end !== null && position >= end),
      }));
  }

  #isHeld({ topic, partition }: AssignedPartition, local: readonly LocalPartition[], nowMs: number): boolean {
    return topic === this.skewTopic && this.skew.isHeld(partition, local, nowMs);
  }

  /** Negative where `a` comes first. */
  #rank(a: AssignedPartition, b: AssignedPartition): number {
    if (a.topic !== b.topic) return this.#turnOf(a.topic) - this.#turnOf(b.topic);
    const [clockA, clockB] = [this.#clock(a), this.#clock(b)];
    return clockA === clockB ? this.#turnOf(placeOf(a)) - this.#turnOf(placeOf(b)) : clockA - clockB;
  }

  #clock({ topic, partition }: AssignedPartition): number {
    return (topic === this.skewTopic ? this.skew.eventMs(partition) : null) ?? -Infinity;
  }

  #turnOf(key: string): number {
    return this.#lastTurn.get(key) ?? 0;
  }
}

const placeOf = ({ topic, partition }: AssignedPartition): string => `${topic}/${partition}`;

const isReady = ({ queue, state, isInWork }: AssignedPartition): boolean => queue.length > 0 && state === 'reading' && !isInWork;
