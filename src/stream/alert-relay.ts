import { Logger } from '@nestjs/common';
import type { OutboxLease, OutboxRow, OutboxStore } from '../scoring/ports.js';
import { reasonOf } from './kafka-client.js';
import type { Publisher } from './kafka-publisher.js';
import { chunks, messageOf } from './outbox-messages.js';
import type { RelayHealth } from './stream-health.js';
import type { TopicNames } from './topics.js';

export interface AlertRelayOptions {
  readonly topics: TopicNames;
  /** Names this instance in the lease; unique among running instances. */
  readonly holder: string;
  /** How long a silent leader keeps the lease. Default 15 s. */
  readonly leaseMs?: number;
}

/** `waiting`: a failed turn is tried again later; `busy`: the turn before has not ended. */
export type RelayTurn = 'published' | 'idle' | 'standby' | 'waiting' | 'busy' | 'closed';

const LEASE = 'alert-relay';
/** Bounds memory too: a dead letter may hold a megabyte. */
const ROWS_MAX = 500;
const BACKOFF_MS = { first: 250, last: 30_000 };

/**
 * Publishes what the commits left in the outbox, in id order, by one leader at a time: alerts to the alert topic, dead
 * letters to theirs. A row is marked only after the brokers acknowledged it, and only while the lease's epoch holds, so a
 * crash or a leader that slept can repeat messages (their id is the same) but never lose one.
 */
export class AlertRelay {
  readonly #logger = new Logger(AlertRelay.name);
  #lease: OutboxLease | null = null;
  #renewAtMs = 0;
  #retryAtMs = 0;
  #failures = 0;
  #published = 0;
  #state: RelayHealth['state'] = 'starting';
  #lastError: string | null = null;
  #turn: Promise<RelayTurn> | null = null;

  constructor(
    private readonly outbox: OutboxStore,
    private readonly publisher: Publisher,
    private readonly options: AlertRelayOptions,
  ) {}

  /** Publishes until nothing is left. Called by a timer; never rejects: health says what is wrong. */
  async turn(): Promise<RelayTurn> {
    if (this.#state === 'closed') return 'closed';
    if (this.#turn) return 'busy';
    if (Date.now() < this.#retryAtMs) return 'waiting';
    this.#turn = this.#attempt();
    try {
      return await this.#turn;
    } finally {
      this.#turn = null;
    }
  }

  /** Lets the running turn end and gives the lease back, so that the next leader need not wait for its end. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#turn;
    const lease = this.#lease;
    if (lease)
      await this.outbox
        .renewLease(lease.name, lease.holder, lease.epoch, 0)
        .catch((error: unknown) => this.#logger.warn(reasonOf(error)));
    await this.publisher.close();
  }

  /** Publishes what is left, as far as it can be now, and closes. */
  async finish(): Promise<void> {
    await this.turn();
    await this.close();
  }

  async health(): Promise<RelayHealth> {
    const { count, oldestSeconds } = await this.outbox.lag();
    return { state: this.#state, published: this.#published, waiting: count, oldestSeconds, lastError: this.#lastError };
  }

  async #attempt(): Promise<RelayTurn> {
    try {
      const turn = await this.#publishAll();
      this.#failures = 0;
      this.#lastError = null;
      this.#enter(turn === 'standby' ? 'standby' : 'leading');
      return turn;
    } catch (error) {
      this.#lastError = reasonOf(error);
      this.#logger.error(this.#lastError);
      this.#retryAtMs = Date.now() + Math.min(BACKOFF_MS.first * 2 ** this.#failures, BACKOFF_MS.last);
      this.#failures += 1;
      this.#enter('backing-off');
      return 'waiting';
    }
  }

  async #publishAll(): Promise<'published' | 'idle' | 'standby'> {
    let turn: 'published' | 'idle' = 'idle';
    for (;;) {
      if (!(await this.#lead())) return 'standby';
      const rows = await this.outbox.unpublished(ROWS_MAX);
      for (const chunk of chunks(rows)) {
        if (this.#state === 'closed') return turn;
        if (!(await this.#publish(chunk))) return 'standby';
        turn = 'published';
      }
      if (rows.length < ROWS_MAX) return turn;
    }
  }

  /** False when another leader took over: it publishes these rows again, under the same alert ids. */
  async #publish(rows: readonly OutboxRow[]): Promise<boolean> {
    if (!(await this.#lead())) return false;
    await this.publisher.send(rows.map((row) => messageOf(row, this.options.topics)));
    const isMarked = await this.outbox.markPublished(
      rows.map((row) => row.id),
      this.#lease!,
    );
    if (isMarked) this.#published += rows.length;
    else this.#lease = null;
    return isMarked;
  }

  /** Holds the lease, renewing it when a third of its time is over. */
  async #lead(): Promise<boolean> {
    const leaseMs = this.options.leaseMs ?? 15_000;
    const { holder } = this.options;
    if (this.#lease && Date.now() < this.#renewAtMs) return true;
    const askedAtMs = Date.now();
    if (this.#lease && !(await this.outbox.renewLease(LEASE, holder, this.#lease.epoch, leaseMs))) this.#lease = null;
    else if (!this.#lease) {
      const acquired = await this.outbox.acquireLease(LEASE, holder, leaseMs);
      this.#lease = acquired && { name: LEASE, holder, epoch: acquired.epoch };
    }
    this.#renewAtMs = askedAtMs + leaseMs / 3;
    return this.#lease !== null;
  }

  #enter(state: RelayHealth['state']): void {
    if (this.#state !== 'closed') this.#state = state;
  }
}
