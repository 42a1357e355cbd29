import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { OffsetStore, OutboxStore, ScoringStore } from '../../../src/scoring/ports.js';
import { OnlineLine, scoreTransactions } from '../../../src/scoring/score-transactions.js';
import { AlertRelay } from '../../../src/stream/alert-relay.js';
import { Publisher } from '../../../src/stream/kafka-publisher.js';
import type { OutgoingMessage } from '../../../src/stream/outbox-messages.js';
import { DEFAULT_TOPICS } from '../../../src/stream/topics.js';
import type { Moments } from '../../faults/planted-bugs.js';
import { SCHEMA } from '../store-samples.js';
import { type Contents, contentsAt, PARSER, PARTITION, placeOf, STREAM, TellingScorer } from './stream.js';

/** What the protocol runs on: a model in memory, or the real stores. */
export interface Ledger {
  readonly scoring: ScoringStore;
  readonly offsets: OffsetStore;
  readonly outbox: OutboxStore;
  /** Where the next commit is interrupted. */
  moments: Moments;
  contents(): Promise<Contents>;
  /** Time passes: nobody's lease holds any more. */
  expireLeases(): Promise<void>;
}

class Crash extends Error {}
const crash = (): Promise<void> => Promise.reject(new Crash('killed'));

/**
 * The protocol as a state machine: two consumers that each believe to own the partition, two relays that each believe to
 * lead. The model says where the stored position must be; everything that is stored follows from it.
 */
export interface Model {
  stored: number;
  /** Where each consumer believes the partition to be; null: it was killed, or has never owned it. */
  readonly held: (number | null)[];
}

/** The program under test: the service's own line and relay on a ledger. */
export class Protocol {
  readonly #line: OnlineLine;
  readonly #topic: OutgoingMessage[] = [];
  readonly #relays: AlertRelay[];
  /** What happens after the brokers have a message and before the relay hears of it. */
  #unheard: (() => Promise<void>) | null = null;

  constructor(readonly ledger: Ledger) {
    this.#line = new OnlineLine(SCHEMA, PARSER, ledger.scoring, new TellingScorer());
    this.#relays = [0, 1].map((i) => this.#newRelay(i));
  }

  async assign(): Promise<number> {
    return Number(await this.ledger.offsets.open(PARTITION, 0n));
  }

  /** Answers false when the fence held it off. @throws Crash */
  async work(from: number, count: number, moments: Moments): Promise<boolean> {
    const records = STREAM.slice(from, from + count);
    const nextOffset = BigInt(from + records.length);
    this.ledger.moments = moments;
    const outcome = await scoreTransactions(
      records,
      { kind: 'kafka', ...PARTITION, fetchedOffset: BigInt(from), nextOffset },
      this.#line,
    );
    return outcome.result === 'committed';
  }

  /** @param unheard killed, or asleep while another leads, after the send */
  async relay(i: number, unheard: (() => Promise<void>) | null): Promise<void> {
    this.#unheard = unheard;
    await this.#relays[i]!.turn();
    this.#unheard = null;
    // A relay that failed would wait a while before its next turn; a new process does not.
    this.#relays[i] = this.#newRelay(i);
  }

  /** @throws Error naming what the guarantee forbids */
  async check(position: number): Promise<void> {
    const found = await this.ledger.contents();
    const wanted = contentsAt(position);
    if (!isDeepStrictEqual(found, wanted))
      throw new Error(`stored: ${JSON.stringify(found)}\nexpected: ${JSON.stringify(wanted)}`);
    const waiting = (await this.ledger.outbox.unpublished(1_000)).map(
      ({ headers }) => headers['alert-id'] ?? headers['position'],
    );
    const sent = this.#topic.map(({ headers }) => headers['alert-id'] ?? headers['position']!);
    const alerts = this.#topic.filter(({ topic }) => topic === DEFAULT_TOPICS.alerts);
    const published = alerts.map(({ value }) => (JSON.parse(value.toString()) as { transactionId: string }).transactionId);
    const strange = published.filter((id) => !wanted.alerts.includes(id));
    if (strange.length > 0) throw new Error(`published and never committed: ${strange.join()}`);
    const forgotten = wanted.alerts.length + wanted.deadLetters.length - new Set([...sent, ...waiting]).size;
    if (forgotten !== 0) throw new Error(`${forgotten} messages are neither published nor waiting`);
    for (const customer of ['c0', 'c1']) {
      const places = [...new Set(published.filter((_, i) => alerts[i]!.key === customer))].map(placeOf);
      if (places.some((place, i) => place < (places[i - 1] ?? -1))) throw new Error(`${customer}: published as ${places.join()}`);
    }
  }

  #newRelay(i: number): AlertRelay {
    const send = async (messages: readonly OutgoingMessage[]): Promise<void> => {
      this.#topic.push(...messages);
      const unheard = this.#unheard;
      this.#unheard = null;
      await unheard?.();
    };
    const publisher = new (class extends Publisher {
      override send = send;
      override close = (): Promise<void> => Promise.resolve();
    })();
    return new AlertRelay(this.ledger.outbox, publisher, { topics: DEFAULT_TOPICS, holder: `relay-${i}`, leaseMs: 60_000 });
  }
}

type Command = fc.AsyncCommand<Model, Protocol>;
type Step = (model: Model, protocol: Protocol) => Promise<void>;

/** A command is a sentence, when it can happen, and what it does; after each the guarantee is checked. */
const command = (name: string, check: (model: Readonly<Model>) => boolean, step: Step): Command => ({
  check,
  toString: () => name,
  run: async (model, protocol) => {
    await step(model, protocol);
    await protocol.check(model.stored);
  },
});

const assign = (c: number): Command =>
  command(
    `consumer ${c} is given the partition`,
    () => true,
    async (model, protocol) => {
      model.held[c] = await protocol.assign();
      if (model.held[c] !== model.stored) throw new Error(`it starts at ${model.held[c]}, the position is ${model.stored}`);
    },
  );

const canWork =
  (c: number) =>
  ({ held }: Readonly<Model>): boolean =>
    held[c] !== null && held[c]! < STREAM.length;

/** A batch from where the consumer believes to be; only from the stored position does it count. */
const attempt = async (model: Model, protocol: Protocol, c: number, count: number, moments: Moments): Promise<void> => {
  const from = model.held[c]!;
  const next = Math.min(from + count, STREAM.length);
  const isCommitted = await protocol.work(from, count, moments);
  if (isCommitted !== (from === model.stored))
    throw new Error(`a batch from ${from} ${isCommitted ? 'was' : 'was not'} committed`);
  if (isCommitted) model.stored = next;
  model.held[c] = model.stored;
};

const work = (c: number, count: number): Command =>
  command(`consumer ${c} reads ${count}`, canWork(c), (model, protocol) => attempt(model, protocol, c, count, {}));

const dies = (c: number, count: number, moment: 'before' | 'between' | 'after'): Command =>
  command(`consumer ${c} reads ${count} and is killed ${moment} its commit`, canWork(c), async (model, protocol) => {
    const from = model.held[c]!;
    await protocol.work(from, count, { [moment]: crash }).catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error;
    });
    // Nobody knows whether it was committed: only the stored position says so, and everything has to follow from that.
    const stored = await protocol.assign();
    const allowed = from === model.stored ? [from, Math.min(from + count, STREAM.length)] : [model.stored];
    if (!allowed.includes(stored)) throw new Error(`the position is ${stored} after a batch from ${from}`);
    model.stored = stored;
    model.held[c] = null;
  });

const overtaken = (c: number, count: number, others: number): Command =>
  command(`consumer ${c} reads ${count} and sleeps while the other reads ${others}`, canWork(c), (model, protocol) =>
    attempt(model, protocol, c, count, {
      before: async () => {
        model.held[1 - c] = await protocol.assign();
        if (model.held[1 - c]! < STREAM.length) await attempt(model, protocol, 1 - c, others, {});
      },
    }),
  );

const publish = (r: number): Command =>
  command(
    `relay ${r} publishes`,
    () => true,
    (_, protocol) => protocol.relay(r, null),
  );

const publishAndDie = (r: number): Command =>
  command(
    `relay ${r} is killed after its send`,
    () => true,
    (_, protocol) => protocol.relay(r, crash),
  );

const publishAndSleep = (r: number): Command =>
  command(
    `relay ${r} sleeps after its send, the other leads`,
    () => true,
    (_, protocol) =>
      protocol.relay(r, async () => {
        await protocol.ledger.expireLeases();
        await protocol.relay(1 - r, null);
      }),
  );

const expire = (): Command =>
  command(
    'the leases end',
    () => true,
    (_, protocol) => protocol.ledger.expireLeases(),
  );

const who = fc.integer({ min: 0, max: 1 });
const batch = fc.integer({ min: 1, max: 6 });

export const commands = fc.commands<Model, Protocol, false>(
  [
    who.map(assign),
    fc.tuple(who, batch).map((given) => work(...given)),
    fc.tuple(who, batch, fc.constantFrom('before', 'between', 'after')).map((given) => dies(...given)),
    fc.tuple(who, batch, batch).map((given) => overtaken(...given)),
    who.map(publish),
    who.map(publishAndDie),
    who.map(publishAndSleep),
    fc.constant(expire()),
  ],
  { maxCommands: 25 },
);

/** Fails with the shortest sequence of commands after which the guarantee doesn't hold. */
export const protocolProperty = (ledger: () => Promise<Ledger>): fc.IAsyncProperty<[Iterable<Command>]> =>
  fc.asyncProperty(commands, (sequence) =>
    fc.asyncModelRun(async () => {
      const real = new Protocol(await ledger());
      return { model: { stored: await real.assign(), held: [null, null] }, real };
    }, sequence),
  );
