/** Global constants of a feature set, fitted once on the first days of traffic. JSON-serialisable. */
export interface FeaturePriors {
  /** Rows that amount, hours and levels come from. */
  readonly rows: number;
  /** Mean and variance of x = log(1 + amount). */
  readonly m0: number;
  readonly v0: number;
  /** Share of traffic in each 4-hour bin of the UTC day; 6 numbers that add up to 1. */
  readonly hours: readonly number[];
  /** Levels of each categorical field of the schema, most frequent first. */
  readonly levels: Readonly<Record<string, readonly string[]>>;
  /** Share, mean and variance of x per level of the profiled field, and last of unseen ones; null: no field is profiled. */
  readonly categories: readonly CategoryPriors[] | null;
  /** null: the schema names no Markov entity. */
  readonly markov: MarkovPriors | null;
  /** Levels are buckets of the value's hash: no row had been seen. */
  readonly hashed?: true;
}

export interface CategoryPriors {
  readonly share: number;
  readonly m0: number;
  readonly v0: number;
}

export interface MarkovPriors {
  /** Labelled rows that the rates come from. */
  readonly rows: number;
  /** P(fraud | clean entity) per amount-surprise bin. */
  readonly q0: readonly number[];
  /** Clean to compromised and back, per day. */
  readonly l01: number;
  readonly l10: number;
  /** P(fraud | compromised entity). */
  readonly e1: number;
}
