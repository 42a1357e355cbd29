import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import type { Consumer } from 'kafkajs';
import { isObservable, lastValueFrom } from 'rxjs';
import type { OffsetStore } from '../scoring/ports.js';
import { createKafka, reasonOf } from './kafka-client.js';
import { describe, PartitionReader } from './partition-reader.js';
import type { ConsumerHealth } from './stream-health.js';
import type { TopicBatch } from './topic-batch.js';

export interface KafkaBatchServerOptions {
  readonly brokers: readonly string[];
  readonly group: string;
  /** Handlers are found by what a topic is for; this says its name: `@EventPattern<string>('labels')` -> topics.labels. */
  readonly topics: Readonly<Record<string, string>>;
  /** Records that a handler gets at once, at most. Default 1,000. */
  readonly batchSizeMax?: number;
  /** Partitions in work at once. Default 2. */
  readonly concurrency?: number;
  /** How far a partition of the topic `transactions` may be ahead of the slowest in event time. Default one hour. */
  readonly skewMaxMs?: number;
  /** A member that is silent for so long loses its partitions. Default 30 s. */
  readonly sessionTimeoutMs?: number;
  /** How long `close` waits for the batches in work. Default 10 s. */
  readonly drainMs?: number;
  /** Called at each assignment, before its first batch: what was cached of other partitions' entities is stale. */
  readonly onAssignment?: () => void;
}

const RESTART_MS = 5_000;
/** A fetch waits so long for data; `close`, a seek and a partition that was full wait for the fetch. */
const FETCH_WAIT_MS = 250;

/**
 * Nest's transport for Kafka in batches: handlers are called with a `TopicBatch` of raw bytes.
 * Nest's own Kafka transport is per message and costs 58 us each against 11 here.
 */
export class KafkaBatchServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('kafka-batch');
  override readonly propagatesEventHandlerErrors = true;
  readonly #consumer: Consumer;
  readonly #reader: PartitionReader;
  readonly #purposes: ReadonlyMap<string, string>;
  #state: Exclude<ConsumerHealth['state'], 'paused'> = 'starting';
  /** Of the group; partitions have errors of their own. */
  #lastError: string | null = null;
  #restart: NodeJS.Timeout | null = null;

  constructor(
    private readonly options: KafkaBatchServerOptions,
    offsets: OffsetStore,
  ) {
    super();
    const { brokers, group, topics, sessionTimeoutMs = 30_000, skewMaxMs } = options;
    const kafka = createKafka({ brokers, clientId: group });
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
    this.#reader = new PartitionReader(
      {
        group,
        skewTopic: topics['transactions'] ?? '',
        batchSizeMax: options.batchSizeMax ?? 1_000,
        concurrency: options.concurrency ?? 2,
        ...(skewMaxMs !== undefined && { skewMaxMs }),
        handle: (batch) => this.#handle(batch),
        onError: (error) => void this.logger.error(describe(error)),
        onWarning: (line) => void this.logger.warn(line),
      },
      kafka,
      this.#consumer,
      offsets,
    );
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

  /** Batches in work end; what is in work after `drainMs` is left to the fence. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.#restart) clearTimeout(this.#restart);
    const limit = this.options.drainMs ?? 10_000;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), limit)));
    const ended = await Promise.race([this.#leave(), timeout]);
    clearTimeout(timer);
    this.#reader.unassign();
    if (ended === 'late') this.logger.error(`a batch was still in work ${limit} ms after the stop; its commit decides`);
  }

  /** Stops reading; batches in work end. */
  pause(): void {
    this.#reader.pause();
  }

  resume(): void {
    this.#reader.resume();
  }

  health(): ConsumerHealth {
    const partitions = this.#reader.health();
    return {
      state: this.#reader.isPaused && this.#state === 'reading' ? 'paused' : this.#state,
      group: this.options.group,
      partitions,
      lag: partitions.reduce((sum, partition) => sum + (partition.lag ?? 0), 0),
      lastError: this.#reader.lastError ?? this.#lastError,
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
      eachBatch: (payload) => this.#reader.receive(payload),
    });
  }

  async #leave(): Promise<void> {
    await this.#reader.drain();
    await this.#consumer.disconnect().catch((error: unknown) => this.#failed(error));
  }

  #follow(): void {
    const { GROUP_JOIN, REBALANCING, CRASH } = this.#consumer.events;
    this.#consumer.on(REBALANCING, () => this.#unassign('joining'));
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      if (this.#state === 'closed') return;
      this.#state = 'reading';
      this.#lastError = null;
      this.options.onAssignment?.();
      this.#reader.assign(payload.memberAssignment);
    });
    this.#consumer.on(CRASH, ({ payload }) => {
      this.#unassign('restarting');
      this.#failed(payload.error);
      if (this.#state !== 'closed') this.#restartLater();
    });
  }

  #unassign(state: 'joining' | 'restarting'): void {
    this.#reader.unassign();
    if (this.#state !== 'closed') this.#state = state;
  }

  #restartLater(): void {
    this.#restart = setTimeout(() => {
      this.#run().catch((error: unknown) => {
        this.#failed(error);
        if (this.#state !== 'closed') this.#restartLater();
      });
    }, RESTART_MS);
  }

  async #handle(batch: TopicBatch): Promise<void> {
    const handler = this.getHandlerByPattern(this.#purposes.get(batch.topic) ?? batch.topic);
    if (!handler) throw new Error(`no handler for topic ${batch.topic}`);
    const result: unknown = await handler(batch);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }

  #failed(error: unknown): void {
    this.#lastError = describe(error);
    this.logger.error(this.#lastError);
  }
}
