import type { Page } from './query-types.js';
import { isStorableText } from './row-json.js';

/** A filter or cursor that no answer exists for: the caller's mistake, in words for the caller. */
export class InvalidQueryError extends Error {
  override readonly name = 'InvalidQueryError';
  constructor(
    readonly field: string,
    readonly value: string,
    readonly expected: string,
  ) {
    super(`${field}: ${value.slice(0, 80)} is not ${expected}`);
  }
}

export const PAGE_MAX = 200;

export const checkLimit = (limit: number, max = PAGE_MAX): number => {
  if (!Number.isInteger(limit) || limit < 1 || limit > max)
    throw new InvalidQueryError('limit', String(limit), `an integer from 1 to ${max}`);
  return limit;
};

/** The last row's key: pages stay stable when rows are inserted before it. Opaque to the caller. */
export const encodeCursor = (kind: string, key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify([kind, ...key])).toString('base64url');

/** @throws InvalidQueryError when it is not a cursor of this list */
export const decodeCursor = (kind: string, cursor: string, types: readonly ('string' | 'number')[]): (string | number)[] => {
  try {
    const [stated, ...key] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as (string | number)[];
    if (stated === kind && key.length === types.length && types.every((type, i) => typeof key[i] === type)) return key;
  } catch {
    // Falls through: not JSON.
  }
  throw new InvalidQueryError('cursor', cursor, 'the nextCursor of an earlier page of this list');
};

/** Decimal digits of a bigserial, within bigint's range. */
export const checkSequence = (field: string, value: string): string => {
  if (/^\d{1,18}$/.test(value)) return value;
  throw new InvalidQueryError(field, value, 'a sequence number');
};

/** A SQL text in the making: conditions and their numbered parameters. */
export class Conditions {
  readonly parameters: unknown[] = [];
  readonly #texts: string[] = [];

  /** @param text says `?` once for each value */
  add(text: string, ...values: unknown[]): void {
    let at = 0;
    this.#texts.push(text.replaceAll('?', () => this.parameter(values[at++])));
  }

  /** "$3" */
  parameter(value: unknown): string {
    return `$${this.parameters.push(value)}`;
  }

  where(): string {
    return this.#texts.length === 0 ? '' : `WHERE ${this.#texts.join(' AND ')}`;
  }
}

export const storable = (field: string, text: string): string => {
  if (isStorableText(text)) return text;
  throw new InvalidQueryError(field, JSON.stringify(text), 'text without U+0000 and lone surrogates');
};

/** PostgreSQL's dates reach further than this, JavaScript's text of them does not. */
export const dateOf = (field: string, ms: number): Date => {
  if (Math.abs(ms) <= 253_402_300_799_999) return new Date(ms);
  throw new InvalidQueryError(field, String(ms), 'epoch milliseconds of a year up to 9999');
};

/** One row more than the page was asked for: it says whether there is another. */
export const pageOf = <R, V>(rows: readonly R[], limit: number, view: (row: R) => V, cursor: (row: R) => string): Page<V> => ({
  items: rows.slice(0, limit).map(view),
  nextCursor: rows.length > limit ? cursor(rows[limit - 1]!) : null,
});
