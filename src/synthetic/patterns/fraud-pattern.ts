import type { Random } from '../../domain/random.js';
import type { Customer } from '../customers.js';
import type { Merchant } from '../merchants.js';
import type { Payment } from '../payment.js';

export interface Population {
  readonly customers: readonly Customer[];
  readonly merchants: readonly Merchant[];
}

interface Pattern {
  /** What labels call it. */
  readonly type: string;
  /** Campaigns that begin on a day, on average, per 1,000 ordinary payments a day. */
  readonly campaignsPerThousand: number;
  /** Longest campaign in days: so far back a day has to look for campaigns that still run. */
  readonly daysMax: number;
}

/** A campaign that makes payments of its own. */
export interface AddingPattern extends Pattern {
  readonly kind: 'adding';
  /**
   * All payments of one campaign that begins on the day that starts at `dayMs`, within `daysMax` days.
   * @param strength 1 = as designed; more makes it easier to see, less harder
   */
  payments(population: Population, dayMs: number, random: Random, strength: number): readonly Payment[];
}

/** A campaign at one merchant that turns ordinary payments into fraud without changing them. */
export interface TaintingPattern extends Pattern {
  readonly kind: 'tainting';
  campaign(
    population: Population,
    random: Random,
    strength: number,
  ): {
    readonly merchant: Merchant;
    readonly days: number;
    /** Share of the merchant's payments that are fraud while it runs. */
    readonly share: number;
  };
}

export type FraudPattern = AddingPattern | TaintingPattern;
