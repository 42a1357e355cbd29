import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import { isObservable, lastValueFrom } from 'rxjs';
import type { OffsetStore } from '../scoring/ports.js';
import { type AssignedPartition, AssignedPartitions } from './assigned-partitions.js';
import { FetchControl } from './fetch-control.js';
import { createKafka, reasonOf } from './kafka-client.js';
import { PartitionPositions, type Place, PositionOutsideLogError } from './partition-positions.js';
import type { ConsumerHealth } from './stream-health.js';
import { fetchedOffsetOf, keepAlive, topicBatch } from './fetched-batch.js';

export interface KafkaBatchServerOptions {
  readonly brokers: readonly string[];
  readonly group: string;
  /** Handlers are found by what a topic is for; this says its name: `@EventPattern<string>('labels')` -> topics.labels. */
  readonly topics: Readonly<Record<string, string>>;
  /** Partitions in work at once. Default 2. */
  readonly concurrency?: number;
  /** A member that is silent for so long loses its partitions. Default 30 s. */
  readonly sessionTimeoutMs?: number;
  /** How long `close` waits for the micro-batches in work. Default 10 s. */
  readonly drainMs?: number;
  /** Called at each assignment, before its first batch: what was cached of other partitions' entities is stale. */
  readonly onAssignment?: () => void;
}

/** Waits of a failed handler: doubled from the first to the last. */
const BACKOFF_MS = { first: 250, last: 30_000 };
const RESTART_MS = 5_000;
/** A fetch waits so long for data; `close` and a seek wait for the fetch. */
const FETCH_WAIT_MS = 500;

/**
 * Nest's transport for Kafka in batches: handlers are called once per fetched batch with a `TopicBatch` of raw bytes.
 * Nest's own Kafka transport is per message and costs 58 us each against 11 here.
 *
 * A handler that fails is called again with the same records after a wait; only its partition waits. Errors never reach
 * kafkajs, which would stop every partition, and for good after a TypeError.
 */
export class KafkaBatchServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('kafka-batch');
  override readonly propagatesEventHandlerErrors = true;
  readonly #consumer: Consumer;
  readonly #control: FetchControl;
  readonly #positions: PartitionPositions;
  readonly #assigned = new AssignedPartitions();
  readonly #purposes: ReadonlyMap<string, string>;
  #state: ConsumerHealth['state'] = 'starting';
  #isPaused = false;
  #lastError: string | null = null;
  #assignment = 0;
  #restart: NodeJS.Timeout | null = null;
  readonly #sessionTimeoutMs: number;

  constructor(
    private readonly options: KafkaBatchServerOptions,
    offsets: OffsetStore,
  ) {
    super();
    const { group, topics, sessionTimeoutMs = 30_000 } = options;
    this.#sessionTimeoutMs = sessionTimeoutMs;
    const kafka = createKafka({ brokers: options.brokers, clientId: group });
    this.#consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: 2 * sessionTimeoutMs,
      heartbeatInterval: sessionTimeoutMs / 10,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      // One supervisor: kafkajs' own restart also runs after a disconnect, and it gives up on what it takes for final
      // (a topic that is away for a moment, for one).
      retry: { initialRetryTime: 200, retries: 6, maxRetryTime: 10_000, restartOnFailure: () => Promise.resolve(false) },
    });
    this.#purposes = new Map(Object.entries(topics).map(([purpose, name]) => [name, purpose]));
    this.#control = new FetchControl(kafka, this.#consumer);
    this.#positions = new PartitionPositions(group, offsets, (topic, partition) => this.#control.logRange(topic, partition));
  }

  /** @throws through `callback`: Error naming the brokers and the reason */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      this.#follow();
      await this.#run();
      callback();
    } catch (error) {
      await this.close();
      callback(new Error(`Kafka at ${this.options.brokers.join(', ')} cannot be read: ${reasonOf(error)}`, { cause: error }));
    }
  }

  /** Handlers stop at the end of their micro-batch; what is in work after `drainMs` is left to the fence. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.#restart) clearTimeout(this.#restart);
    const limit = this.options.drainMs ?? 10_000;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), limit)));
    const ended = await Promise.race([this.#consumer.disconnect().catch((error: unknown) => this.#failed(error)), timeout]);
    clearTimeout(timer);
    this.#assigned.clear();
    if (ended === 'late') this.logger.error(`a batch was still in work ${limit} ms after the stop; its commit decides`);
  }

  /** Stops fetching; batches in work end at their micro-batch. */
  pause(): void {
    this.#isPaused = true;
    for (const partition of this.#assigned.all()) this.#control.pause(partition);
  }

  resume(): void {
    this.#isPaused = false;
    for (const partition of this.#assigned.all()) if (partition.state === 'reading') this.#control.resume(partition);
  }

  health(): ConsumerHealth {
    const partitions = this.#assigned.health();
    return {
      state: this.#isPaused && this.#state === 'reading' ? 'paused' : this.#state,
      group: this.options.group,
      partitions,
      lag: partitions.reduce((sum, partition) => sum + (partition.lag ?? 0), 0),
      lastError: partitions.find(({ error }) => error !== null)?.error ?? this.#lastError,
    };
  }

  on(): never {
    throw new Error('KafkaBatchServer has no events; ask health()');
  }

  unwrap<T>(): T {
    return this.#consumer as T;
  }

  async #run(): Promise<void> {
    await this.#consumer.connect();
    if (this.#state === 'closed') return this.#consumer.disconnect();
    const topics = [...this.messageHandlers.keys()].map((purpose) => {
      const topic = this.options.topics[purpose];
      if (topic === undefined) throw new Error(`a handler wants topic "${purpose}", which has no name in the configuration`);
      return topic;
    });
    await this.#consumer.subscribe({ topics, fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.options.concurrency ?? 2,
      eachBatch: (payload) => this.#receive(payload),
    });
  }

  #follow(): void {
    const { GROUP_JOIN, REBALANCING, CRASH } = this.#consumer.events;
    this.#consumer.on(REBALANCING, () => this.#unassign('joining'));
    this.#consumer.on(GROUP_JOIN, ({ payload }) => this.#assign(payload.memberAssignment));
    this.#consumer.on(CRASH, ({ payload }) => {
      this.#unassign('restarting');
      this.#failed(payload.error);
      if (this.#state !== 'closed') this.#restartLater();
    });
  }

  #restartLater(): void {
    this.#restart = setTimeout(() => {
      this.#run().catch((error: unknown) => {
        this.#failed(error);
        if (this.#state !== 'closed') this.#restartLater();
      });
    }, RESTART_MS);
  }

  #unassign(state: 'joining' | 'restarting'): void {
    this.#assignment += 1;
    this.#positions.forgetAll();
    this.#assigned.clear();
    if (this.#state !== 'closed') this.#state = state;
  }

  /** kafkajs doesn't wait for this: whatever happens here, the first batch of each partition reads its position itself. */
  #assign(assignment: Readonly<Record<string, number[]>>): void {
    if (this.#state === 'closed') return;
    this.#unassign('joining');
    this.#assigned.replace(assignment);
    this.#lastError = null;
    this.options.onAssignment?.();
    this.#state = 'reading';
    if (this.#isPaused) this.pause();
    else this.resume();
    // Kafka's own offset may already be at the end of a log that the stored position is behind: no batch would come then.
    for (const partition of this.#assigned.all()) void this.#seekStored(partition, this.#assignment);
  }

  async #seekStored(partition: AssignedPartition, assignment: number): Promise<void> {
    try {
      const position = await this.#positions.position(partition.topic, partition.partition);
      if (assignment !== this.#assignment || this.#state !== 'reading' || partition.position !== null) return;
      partition.position = position;
      partition.failures = 0;
      partition.error = null;
      this.#control.seek(partition, position);
    } catch (error) {
      if (assignment === this.#assignment) this.#waitOrStop(partition, error);
    }
  }

  async #receive(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const assigned = this.#assigned.get(topic, partition);
    if (!assigned || assigned.state !== 'reading' || payload.isStale() || this.#state !== 'reading') return;
    const alive = keepAlive(payload, this.#sessionTimeoutMs / 10, () => {
      this.#assignment += 1;
    });
    try {
      const { action, place } = await this.#positions.compare(topic, partition, fetchedOffsetOf(payload));
      assigned.position = place.position;
      assigned.end = BigInt(payload.batch.highWatermark);
      if (action === 'seek') this.#control.seek(assigned, place.position);
      else await this.#handle(payload, assigned, place);
    } catch (error) {
      this.#waitOrStop(assigned, error);
    } finally {
      alive.stop();
    }
    // The group moved on while the handler ran: kafkajs has to hear of it and join again.
    if (alive.error) throw alive.error;
  }

  async #handle(payload: EachBatchPayload, assigned: AssignedPartition, place: Place): Promise<void> {
    const { topic, partition } = payload.batch;
    const handler = this.getHandlerByPattern(this.#purposes.get(topic) ?? topic);
    if (!handler) throw new Error(`no handler for topic ${topic}`);
    const assignment = this.#assignment;
    const batch = topicBatch(payload, this.options.group, place.position, {
      isCurrent: () => assignment === this.#assignment && this.#state === 'reading' && !this.#isPaused && payload.isRunning(),
      committed: (nextOffset) => {
        place.position = nextOffset;
        // A batch can outlive its assignment: kafkajs then has nowhere to note this.
        if (assignment !== this.#assignment) return;
        assigned.position = nextOffset;
        payload.resolveOffset(String(nextOffset - 1n));
      },
      positionMoved: async () => {
        if (assignment !== this.#assignment) return;
        const stored = await this.#positions.moved(topic, partition);
        place.position = stored.position;
        assigned.position = stored.position;
        this.#control.seek(assigned, stored.position);
      },
    });
    const result: unknown = await handler(batch);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    assigned.failures = 0;
    assigned.error = null;
    this.#lastError = null;
    // For lag tools only, and best effort: the stored position was committed before.
    const offsets = { topics: [{ topic, partitions: [{ partition, offset: String(place.position) }] }] };
    await payload.commitOffsetsIfNecessary(offsets).catch((error: unknown) => {
      this.logger.warn(`offset for lag tools: ${reasonOf(error)}`);
    });
  }

  #waitOrStop(assigned: AssignedPartition, error: unknown): void {
    const { topic, partition } = assigned;
    this.#failed(error);
    if (this.#assigned.get(topic, partition) !== assigned || this.#state === 'closed') return;
    assigned.error = describe(error);
    this.#control.pause(assigned);
    if (error instanceof PositionOutsideLogError) {
      assigned.state = 'stopped';
      return;
    }
    assigned.state = 'backing-off';
    const wait = Math.min(BACKOFF_MS.first * 2 ** assigned.failures, BACKOFF_MS.last);
    assigned.failures += 1;
    assigned.retry = setTimeout(() => {
      assigned.state = 'reading';
      if (!this.#isPaused) this.#control.resume(assigned);
      if (assigned.position === null) void this.#seekStored(assigned, this.#assignment);
    }, wait);
  }

  #failed(error: unknown): void {
    this.#lastError = describe(error);
    this.logger.error(this.#lastError);
  }
}

const describe = (error: unknown): string => `${error instanceof Error ? error.name : 'Error'}: ${reasonOf(error)}`;
