import type { TransactionParser } from './parse-transaction.js';
import type { ParseResult } from './transaction.js';

/** A transaction may be this far ahead of the clock: producers' clocks differ a little. */
const AHEAD_MS_MAX = 3_600_000;

/**
 * A parser that also refuses times ahead of the clock: one such event would make all later ones of its entities late
 * and would close days that have not been.
 *
 * @param now UTC epoch milliseconds
 */
export const refuseFuture = (parser: TransactionParser, timeField: string | undefined, now: () => number): TransactionParser => {
  if (timeField === undefined) return parser;
  const check = (parsed: ParseResult): ParseResult => {
    if (!parsed.ok) return parsed;
    const nowMs = now();
    if (parsed.transaction.occurredAtMs <= nowMs + AHEAD_MS_MAX) return parsed;
    const value = new Date(parsed.transaction.occurredAtMs).toISOString();
    return {
      ok: false,
      problems: [
        { field: timeField, value, expected: `at most one hour after the service's clock (${new Date(nowMs).toISOString()})` },
      ],
    };
  };
  return {
    ...parser,
    fromBytes: (bytes) => check(parser.fromBytes(bytes)),
    fromObject: (value) => check(parser.fromObject(value)),
    fromCsv: (row) => check(parser.fromCsv(row)),
  };
};
