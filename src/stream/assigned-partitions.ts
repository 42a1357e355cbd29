import { FetchQueue } from './fetch-queue.js';
import type { PartitionHealth } from './stream-health.js';

/** What is known of one assigned partition. */
export interface AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly queue: FetchQueue;
  /** Stored position; null until it was read. */
  position: bigint | null;
  /** End of the log as of the newest fetch. */
  end: bigint | null;
  state: PartitionHealth['state'];
  error: string | null;
  /** Failures of the handler since its last success. */
  failures: number;
  retry: NodeJS.Timeout | null;
  isInWork: boolean;
  /** How often another position was sought because the fence did not hold. */
  seeks: number;
  /** Not fetched, because its queue is full. */
  isFull: boolean;
  /** The position that Kafka's tools were told last. */
  told: bigint | null;
}

/** The partitions of the current assignment. */
export class AssignedPartitions {
  #partitions = new Map<string, AssignedPartition>();

  replace(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.clear();
    for (const [topic, partitions] of Object.entries(assignment))
      for (const partition of partitions)
        this.#partitions.set(`${topic}/${partition}`, {
          topic,
          partition,
          queue: new FetchQueue(),
          position: null,
          end: null,
          state: 'reading',
          error: null,
          failures: 0,
          retry: null,
          isInWork: false,
          seeks: 0,
          isFull: false,
          told: null,
        });
  }

  clear(): void {
    for (const { retry } of this.#partitions.values()) if (retry) clearTimeout(retry);
    this.#partitions = new Map();
  }

  get(topic: string, partition: number): AssignedPartition | undefined {
    return this.#partitions.get(`${topic}/${partition}`);
  }

  /** Whether this is still what is assigned: a batch can outlive its assignment. */
  has(assigned: AssignedPartition): boolean {
    return this.get(assigned.topic, assigned.partition) === assigned;
  }

  all(): readonly AssignedPartition[] {
    return [...this.#partitions.values()];
  }

  health(): readonly PartitionHealth[] {
    return this.all().map(({ topic, partition, position, end, state, error }) => ({
      topic,
      partition,
      position: position === null ? null : String(position),
      lag: position === null || end === null ? null : Math.max(0, Number(end - position)),
      state,
      error,
    }));
  }
}
