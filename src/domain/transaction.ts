/**
 * A parsed, valid transaction. Its shape beyond this comes from the transaction schema: `entities`, `numeric` and
 * `categorical` are in the schema's order.
 */
export interface Transaction {
  readonly id: string;
  /** Event time, UTC epoch milliseconds. */
  readonly occurredAtMs: number;
  /** Entity ids in schema order; the first is the primary entity (the Kafka key). Empty for plain tables. */
  readonly entities: readonly string[];
  /** Amount in minor units, a safe integer; 0 where the schema has no amount. */
  readonly amountMinor: number;
  /** ISO 4217; empty where the schema has no amount. */
  readonly currency: string;
  /** NaN = missing. */
  readonly numeric: readonly number[];
  /** null = missing. */
  readonly categorical: readonly (string | null)[];
}

/** One thing that is wrong with a record: which field, what it held, what was expected. */
export interface FieldProblem {
  readonly field: string;
  /** Shortened to 80 characters; never the whole record. */
  readonly value: string;
  readonly expected: string;
}

export type ParseResult =
  { readonly ok: true; readonly transaction: Transaction } | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** `amount: "12,5" is not …` lines, joined: the one wording of bad input at every door. */
export const problemSentence = (problems: readonly FieldProblem[]): string =>
  problems.map((p) => `${p.field}: ${p.value} is not ${p.expected}`).join('; ');
