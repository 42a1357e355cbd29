import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { OffsetStore } from '../scoring/ports.js';
import { type AssignedPartition, AssignedPartitions } from './assigned-partitions.js';
import { BatchOrder } from './batch-order.js';
import { FetchControl, fetchedOffsetOf, recordsOf } from './fetch-control.js';
import { reasonOf } from './kafka-client.js';
import { Lanes } from './lanes.js';
import { PartitionPositions, PositionOutsideLogError } from './partition-positions.js';
import { PartitionSkew } from './partition-skew.js';
import type { PartitionHealth } from './stream-health.js';
import type { TopicBatch } from './topic-batch.js';

export interface PartitionReaderOptions {
  readonly group: string;
  /** Topic whose partitions are kept in step; others have no event time. */
  readonly skewTopic: string;
  readonly batchSizeMax: number;
  readonly concurrency: number;
  readonly skewMaxMs?: number;
  /** Runs the handler of a batch. */
  readonly handle: (batch: TopicBatch) => Promise<void>;
  /** A sentence for the log: an error of a partition, or something that may be lived with. */
  readonly onError: (error: unknown) => void;
  readonly onWarning: (line: string) => void;
}

/** Waits of a failed handler: doubled from the first to the last. */
const BACKOFF_MS = { first: 250, last: 30_000 };
/** Batches that a partition holds before it is not fetched any more; one fetch (1 MiB) may come on top. */
const QUEUED_BATCHES_MAX = 4;
/** How often slower partitions are asked for while somebody waits for them, and otherwise. */
const SKEW_EVERY_MS = { waiting: 250, reading: 1_000 };
const PULSE_MS = 50;
const TELL_EVERY_MS = 1_000;

/**
 * Reads the partitions of one assignment. What kafkajs fetches goes into a bounded queue for each partition, so that it
 * fetches on while records are in work; lanes take the partition that is furthest behind in event time. A handler that
 * fails is called again with the same records after a wait; only its partition waits. Errors never reach kafkajs, which
 * would stop every partition, and for good after a TypeError.
 */
export class PartitionReader {
  readonly #control: FetchControl;
  readonly #positions: PartitionPositions;
  readonly #assigned = new AssignedPartitions();
  readonly #skew: PartitionSkew;
  readonly #order: BatchOrder;
  readonly #lanes: Lanes<AssignedPartition>;
  #state: 'stopped' | 'reading' | 'closed' = 'stopped';
  #isPaused = false;
  #lastError: string | null = null;
  #pulse: NodeJS.Timeout | null = null;
  #skewKnownAtMs = 0;
  #toldAtMs = 0;

  constructor(
    private readonly options: PartitionReaderOptions,
    kafka: Kafka,
    private readonly consumer: Consumer,
    offsets: OffsetStore,
  ) {
    const { group, skewTopic, skewMaxMs, concurrency } = options;
    this.#control = new FetchControl(kafka, consumer);
    this.#positions = new PartitionPositions(group, offsets, (topic, partition) => this.#control.logRange(topic, partition));
    this.#skew = new PartitionSkew({ group, topic: skewTopic, ...(skewMaxMs !== undefined && { skewMaxMs }) }, offsets, () =>
      this.#control.logEnds(skewTopic),
    );
    this.#order = new BatchOrder(skewTopic, this.#skew);
    this.#lanes = new Lanes(
      concurrency,
      () => this.#take(),
      (assigned) => this.#work(assigned),
    );
    this.#beat();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The newest error of any partition since its last success. */
  get lastError(): string | null {
    return this.health().find(({ error }) => error !== null)?.error ?? this.#lastError;
  }

  health(): readonly PartitionHealth[] {
    return this.#assigned.health();
  }

  /** kafkajs doesn't wait for this: whatever happens here, the first batch of each partition reads its position itself. */
  assign(assignment: Readonly<Record<string, readonly number[]>>): void {
    if (this.#state === 'closed') return;
    this.unassign();
    this.#assigned.replace(assignment);
    this.#lastError = null;
    this.#state = 'reading';
    if (this.#isPaused) this.pause();
    else this.resume();
    // Kafka's own offset may already be at the end of a log that the stored position is behind: no batch would come then.
    for (const partition of this.#assigned.all()) void this.#seekStored(partition);
  }

  unassign(): void {
    this.#positions.forgetAll();
    this.#assigned.clear();
    this.#skew.forgetOthers();
    this.#skewKnownAtMs = 0;
    if (this.#state !== 'closed') this.#state = 'stopped';
  }

  /** Stops reading; batches in work end. */
  pause(): void {
    this.#isPaused = true;
    for (const partition of this.#assigned.all()) this.#control.pause(partition);
  }

  resume(): void {
    this.#isPaused = false;
    for (const partition of this.#assigned.all()) if (isFetched(partition)) this.#control.resume(partition);
    this.#lanes.wake();
  }

  /** No batch begins any more; resolves when those in work have ended. */
  async drain(): Promise<void> {
    this.#state = 'closed';
    if (this.#pulse) clearTimeout(this.#pulse);
    await this.#lanes.idle();
    await this.#tell();
  }

  async #seekStored(assigned: AssignedPartition): Promise<void> {
    try {
      const { position, end } = await this.#positions.place(assigned.topic, assigned.partition);
      if (!this.#assigned.has(assigned) || this.#state !== 'reading' || assigned.position !== null) return;
      Object.assign(assigned, { position, end, failures: 0, error: null });
      this.#control.seek(assigned, position);
    } catch (error) {
      this.#waitOrStop(assigned, error);
    }
  }

  /** Only queues: kafkajs goes on to fetch and to send heartbeats. */
  async receive(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const assigned = this.#assigned.get(topic, partition);
    if (!assigned || assigned.state === 'stopped' || payload.isStale() || this.#state !== 'reading') return;
    const { seeks } = assigned;
    try {
      const { action, place } = await this.#positions.compare(topic, partition, fetchedOffsetOf(payload));
      if (!this.#assigned.has(assigned) || assigned.seeks !== seeks) return;
      assigned.position ??= place.position;
      assigned.end = BigInt(payload.batch.highWatermark);
      if (action === 'seek') return this.#control.seek(assigned, place.position);
      place.position = BigInt(payload.batch.lastOffset()) + 1n;
      assigned.queue.push(recordsOf(payload), place.position);
      payload.resolveOffset(payload.batch.lastOffset());
      assigned.isFull = assigned.queue.length >= QUEUED_BATCHES_MAX * this.options.batchSizeMax;
      if (assigned.isFull) this.#control.pause(assigned);
      this.#lanes.wake();
    } catch (error) {
      this.#waitOrStop(assigned, error);
    }
  }

  #take(): AssignedPartition | null {
    if (this.#state !== 'reading' || this.#isPaused) return null;
    const next = this.#order.next(this.#assigned.all(), Date.now());
    if (next) next.isInWork = true;
    return next;
  }

  async #work(assigned: AssignedPartition): Promise<void> {
    try {
      await this.#handle(assigned);
      assigned.failures = 0;
      assigned.error = null;
      this.#lastError = null;
    } catch (error) {
      this.#waitOrStop(assigned, error);
    }
    assigned.isInWork = false;
    if (!assigned.isFull || 2 * assigned.queue.length > QUEUED_BATCHES_MAX * this.options.batchSizeMax) return;
    assigned.isFull = false;
    if (this.#assigned.has(assigned) && isFetched(assigned) && !this.#isPaused) this.#control.resume(assigned);
  }

  async #handle(assigned: AssignedPartition): Promise<void> {
    const { topic, partition, queue } = assigned;
    const { records, nextOffset } = queue.peek(this.options.batchSizeMax);
    await this.options.handle({
      group: this.options.group,
      topic,
      partition,
      position: assigned.position!,
      nextOffset,
      records,
      committed: (eventMs) => {
        if (!this.#assigned.has(assigned)) return;
        assigned.position = nextOffset;
        queue.drop(records.length);
        if (topic === this.options.skewTopic) this.#skew.committed(partition, nextOffset, eventMs ?? null, Date.now());
      },
      positionMoved: () => this.#seekMoved(assigned),
    });
  }

  async #seekMoved(assigned: AssignedPartition): Promise<void> {
    if (!this.#assigned.has(assigned)) return;
    const place = await this.#positions.moved(assigned.topic, assigned.partition);
    if (!this.#assigned.has(assigned)) return;
    // In one go: a fetch of the old position that is still on its way must not be taken for what follows the new one.
    assigned.seeks += 1;
    assigned.queue.clear();
    assigned.position = place.stored;
    this.#positions.follow(place);
    this.#control.seek(assigned, place.stored);
  }

  #waitOrStop(assigned: AssignedPartition, error: unknown): void {
    this.#lastError = describe(error);
    this.options.onError(error);
    if (!this.#assigned.has(assigned) || this.#state === 'closed') return;
    assigned.error = this.#lastError;
    this.#control.pause(assigned);
    if (error instanceof PositionOutsideLogError) {
      assigned.state = 'stopped';
      assigned.queue.clear();
      return;
    }
    assigned.state = 'backing-off';
    const wait = Math.min(BACKOFF_MS.first * 2 ** assigned.failures, BACKOFF_MS.last);
    assigned.failures += 1;
    if (assigned.retry) clearTimeout(assigned.retry);
    assigned.retry = setTimeout(() => {
      assigned.state = 'reading';
      if (!this.#isPaused && isFetched(assigned)) this.#control.resume(assigned);
      if (assigned.position === null) void this.#seekStored(assigned);
      this.#lanes.wake();
    }, wait);
  }

  /** What is looked at from time to time: slower partitions, and Kafka's own offsets. */
  #beat(): void {
    const turn = async (): Promise<void> => {
      const nowMs = Date.now();
      const assigned = this.#assigned.all();
      const isWaiting = this.#order.isWaiting(assigned, nowMs);
      const every = isWaiting ? SKEW_EVERY_MS.waiting : SKEW_EVERY_MS.reading;
      if (this.#state === 'reading' && nowMs - this.#skewKnownAtMs > every) {
        await this.#skew.refresh(this.#order.local(assigned), nowMs);
        this.#skewKnownAtMs = nowMs;
      }
      if (nowMs - this.#toldAtMs > TELL_EVERY_MS) await this.#tell();
    };
    void turn()
      .then(() => PULSE_MS)
      .catch((error: unknown) => {
        this.options.onWarning(`progress of other partitions: ${reasonOf(error)}`);
        // A database that is away is neither asked nor complained of twenty times a second.
        return SKEW_EVERY_MS.reading;
      })
      .then((waitMs) => {
        this.#lanes.wake();
        if (this.#state !== 'closed') this.#pulse = setTimeout(() => this.#beat(), waitMs);
      });
  }

  /** For lag tools only, and best effort: the stored position was committed before. */
  async #tell(): Promise<void> {
    this.#toldAtMs = Date.now();
    const moved = this.#assigned.all().filter(({ position, told }) => position !== null && position !== told);
    if (moved.length === 0) return;
    const offsets = moved.map(({ topic, partition, position }) => ({ topic, partition, offset: String(position) }));
    try {
      await this.consumer.commitOffsets(offsets);
      moved.forEach((assigned, i) => (assigned.told = BigInt(offsets[i]!.offset)));
    } catch (error) {
      this.options.onWarning(`offset for lag tools: ${reasonOf(error)}`);
    }
  }
}

/** Whether kafkajs is to fetch it, as far as the partition itself is concerned. */
const isFetched = ({ state, isFull }: AssignedPartition): boolean => state === 'reading' && !isFull;

export const describe = (error: unknown): string => `${error instanceof Error ? error.name : 'Error'}: ${reasonOf(error)}`;
