import type { Channel, Outcome } from './decision.js';
import type { ChannelScore, Versions } from './scored-transaction.js';

/** The 5-95 % interval and median of a field, for this customer or under the model given the rest. */
export interface UsualValue {
  readonly low: number | string;
  readonly median: number | string;
  readonly high: number | string;
  /** Whose habit: this entity's own, or the model's. */
  readonly basis: 'entity' | 'model';
}

/** One term of the channel that raised the alert. */
export interface Reason {
  readonly channel: Channel;
  /** Feature column. */
  readonly feature: string;
  /** Field of the transaction it speaks about. */
  readonly field: string;
  /** T and D: surprisal; S: contribution in log-odds; H: the entity's log-odds. Nats in every case. */
  readonly nats: number;
  readonly observed: number | string;
  readonly usual: UsualValue | null;
  /** "amount 412.00 EUR, usually 12.10 to 61.90" */
  readonly text: string;
}

/** Whether a row is of a type of fraud that no label has shown yet: unlike ordinary traffic and unlike known fraud. */
export interface Novelty {
  readonly isNew: boolean;
  /** Share of known frauds at least as surprising under the density of known fraud; conformal. */
  readonly knownFraudP: number;
  /** How many known frauds that is judged by. */
  readonly knownFrauds: number;
}

/** One field of an alerted transaction as it would have been typical. */
export interface TypicalChange {
  /** Feature column that speaks for the field. */
  readonly feature: string;
  readonly field: string;
  readonly observed: number | string;
  /** Null where the column says that a value is unusual, but not which one would not be. */
  readonly typical: number | string | null;
}

/** The fewest fields found whose usual values would make the transaction ordinary. */
export interface NearestTypical {
  readonly changes: readonly TypicalChange[];
  /** "would be ordinary with amount 24.10 EUR instead of 950.00 EUR" */
  readonly text: string;
}

/** What an analyst sees and closes, and what the alert topic carries. */
export interface Alert {
  /** UUIDv5 of schema and transaction id: a repeat has the same id. */
  readonly id: string;
  readonly schema: string;
  readonly transactionId: string;
  /** RFC 3339, UTC. */
  readonly occurredAt: string;
  readonly entities: Readonly<Record<string, string>>;
  /** Decimal string and ISO currency; null where the schema has no amount. */
  readonly amount: string | null;
  readonly currency: string | null;
  readonly outcome: Exclude<Outcome, 'approve'>;
  readonly lane: Channel;
  readonly bound: string;
  readonly fraudProbability: number | null;
  readonly channels: Readonly<Record<Channel, ChannelScore>>;
  readonly fused: ChannelScore;
  readonly versions: Versions;
  /** Largest first; at most 5. */
  readonly reasons: readonly Reason[];
  /** Null where no few changes make it ordinary. */
  readonly typical: NearestTypical | null;
  /** What alerts that are alike have in common: "amount above usual · unfamiliar merchant". */
  readonly pattern: string;
  /** Null where too few frauds are known to say. */
  readonly novelty: Novelty | null;
  /** One readable line. */
  readonly sentence: string;
}
