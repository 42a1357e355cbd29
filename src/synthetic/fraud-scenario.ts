import type { Random } from '../domain/random.js';
import { DAY_MS, HOUR_MS } from '../domain/time.js';
import type { Transaction } from '../domain/transaction.js';
import { between, choose } from './draws.js';
import type { ObservedCustomer, ObservedStream } from './observed-stream.js';

/** A payment to be made: who pays when how much, and the real row that lends it every field that is not the customer's own. */
export interface Draft {
  readonly customer: ObservedCustomer;
  readonly atMs: number;
  readonly amountMinor: number;
  readonly like: Transaction;
  /** Instead of that row's counterpart. */
  readonly counterpart?: string;
}

/** Where attacks take place: the stream as observed before, a window of time, and who has not been attacked in it yet. */
export interface Scene {
  readonly stream: ObservedStream;
  readonly fromMs: number;
  readonly toMs: number;
  readonly free: readonly ObservedCustomer[];
}

export interface FraudScenario {
  readonly name: string;
  /** One sentence for a report. */
  readonly description: string;
  /** Why the stream cannot show such an attack, as a sentence; null where it can. */
  readonly lacks: (stream: ObservedStream) => string | null;
  /**
   * The payments of one attack inside the scene's window, in any order; a sentence where none can be made in this scene.
   *
   * @param strength 0: hardly different from ordinary payments; 1: as blatant as it gets
   */
  readonly attack: (scene: Scene, random: Random, strength: number) => readonly Draft[] | string;
}

/** A value between its end at strength 0 and its end at strength 1. */
export const atStrength = (strength: number, weak: number, strong: number): number => weak + (strong - weak) * strength;

/** The same on a logarithmic scale, for spans of time and for shares. */
export const atStrengthLog = (strength: number, weak: number, strong: number): number => weak * (strong / weak) ** strength;

/** What every scenario but the plainest needs of a schema. */
export const lacksHabits = ({ schema, customers }: ObservedStream): string | null => {
  if (!schema.time) return `schema "${schema.name}" has no time`;
  if (schema.entities.length === 0) return `schema "${schema.name}" names no entity whose habits an attack could break`;
  if (!schema.amount) return `schema "${schema.name}" has no amount`;
  return customers.length > 0 ? null : `no ${schema.entities[0]!.name} of the stream has a habit (5 payments and more)`;
};

export const lacksCounterpart = (stream: ObservedStream): string | null =>
  lacksHabits(stream) ??
  (stream.counterpartIndex >= 0 ? null : `schema "${stream.schema.name}" has no second entity that many pay at`);

export const NOBODY_FREE = 'every customer with a habit is under another attack already';

export const freeCustomer = ({ free }: Scene, random: Random): ObservedCustomer | null =>
  free.length === 0 ? null : choose(random, free);

/** A real row at a counterpart that the customer has never paid at; any row where there is none. */
export const unfamiliarRow = ({ stream }: Scene, customer: ObservedCustomer, random: Random): Transaction => {
  for (let tries = 0; tries < 50; tries += 1) {
    const row = choose(random, stream.rows);
    if (row.amountMinor > 0 && !customer.counterparts.has(row.entities[stream.counterpartIndex] ?? '')) return row;
  }
  return choose(random, customer.rows);
};

/** Spreads amounts by about a tenth, so that no two are equal by design; at least one minor unit. */
export const jittered = (amountMinor: number, random: Random): number =>
  Math.min(Number.MAX_SAFE_INTEGER, Math.max(1, Math.round(amountMinor * Math.exp(0.1 * random.normal()))));

/** A start in the window that leaves room for the span; a span longer than the window is cut to it. */
export const spanIn = ({ fromMs, toMs }: Scene, spanMs: number, random: Random): { startMs: number; spanMs: number } => {
  const room = toMs - fromMs - 1;
  const cut = Math.min(spanMs, room);
  return { startMs: fromMs + Math.floor((room - cut) * random.uniform()), spanMs: cut };
};

const timeOfDayIn = ({ fromMs, toMs }: Scene, ofDayMs: () => number, random: Random): number => {
  const firstDay = Math.floor(fromMs / DAY_MS);
  const days = Math.ceil(toMs / DAY_MS) - firstDay;
  for (let tries = 0; tries < 20; tries += 1) {
    const atMs = (firstDay + random.integer(days)) * DAY_MS + ofDayMs();
    if (atMs >= fromMs && atMs < toMs) return atMs;
  }
  return fromMs + random.integer(toMs - fromMs);
};

const wrapDay = (ms: number): number => ((Math.floor(ms) % DAY_MS) + DAY_MS) % DAY_MS;

/** A time in the window at an hour at which the customer does pay: a real payment's, give or take a quarter of an hour. */
export const usualTime = (scene: Scene, customer: ObservedCustomer, random: Random): number =>
  timeOfDayIn(scene, () => wrapDay(choose(random, customer.rows).occurredAtMs + between(random, -0.25, 0.25) * HOUR_MS), random);

/** A time in the window about the customer's quietest hour. */
export const oddTime = (scene: Scene, customer: ObservedCustomer, random: Random): number =>
  timeOfDayIn(scene, () => wrapDay((customer.quietHour + 0.5 + between(random, -1.5, 1.5)) * HOUR_MS), random);

/** The draft as a transaction: own fields from the customer's newest row, all others from the row it is like. */
export const composeTransaction = (stream: ObservedStream, draft: Draft, id: string): Transaction => {
  const { customer, like, atMs, amountMinor, counterpart } = draft;
  const own = customer.rows.at(-1)!;
  const { isOwn, counterpartIndex } = stream;
  return {
    id,
    occurredAtMs: atMs,
    entities: like.entities.map((entity, i) =>
      counterpart !== undefined && i === counterpartIndex ? counterpart : isOwn.entities[i] ? own.entities[i]! : entity,
    ),
    amountMinor,
    // His account's money; amounts were measured in it.
    currency: own.currency,
    numeric: like.numeric.map((value, i) => (isOwn.numeric[i] ? own.numeric[i]! : value)),
    categorical: like.categorical.map((value, i) => (isOwn.categorical[i] ? own.categorical[i]! : value)),
  };
};

/** @throws RangeError */
export const checkStrength = (strength: number): void => {
  if (!(strength >= 0 && strength <= 1)) throw new RangeError(`strength: ${strength} is not a number from 0 to 1`);
};
