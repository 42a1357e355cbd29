import { CURRENCY_EXPECTED, isCurrencyCode } from './currency.js';
import { InputError } from './input-error.js';
import { formatTransaction } from './format-transaction.js';
import { parseAmount, parseFloatNoiseAmount } from './parse-amount.js';
import { parseEpochMilliseconds, parseEpochSeconds, parseIsoTime, parseSqlTime } from './parse-time.js';
import type { FieldProblem, ParseResult, Transaction } from './transaction.js';
import type { TransactionSchema } from './transaction-schema.js';

/** A message is one transaction; more is refused before it is decoded. */
export const MESSAGE_BYTES_MAX = 65_536;
const TEXT_LENGTH_MAX = 128;
/** Features are float32: a larger number would become infinite there. */
const NUMERIC_MAX = 3.4028234663852886e38;

export interface TransactionParser {
  /** One JSON message, UTF-8, at most 64 KiB. */
  fromBytes(bytes: Uint8Array): ParseResult;
  fromObject(value: unknown): ParseResult;
  /** A row of a data file by header; reads only the schema's columns. A schema with id `#row` needs `row['#row']`: the row number. */
  fromCsv(row: Readonly<Record<string, string>>): ParseResult;
  /** The message that `fromObject` parses into this transaction. */
  toJson(transaction: Transaction): Record<string, unknown>;
  /** What the content hash is taken of: equal for equal transactions, whatever spelling they came in. */
  canonical(transaction: Transaction): string;
}

/** How cells of one source (JSON message, CSV row) become typed values; `undefined` says that the value is not acceptable. */
interface Reading {
  readonly amount: (value: unknown) => number | undefined;
  readonly number: (value: unknown) => number | undefined;
  readonly isMissing: (value: unknown) => boolean;
}

const numberOf = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value);

/** Postgres text holds neither NUL nor lone surrogates; control characters have no place in an id. */
const isCleanText = (value: unknown): value is string => {
  if (typeof value !== 'string' || value.length === 0 || value.length > TEXT_LENGTH_MAX) return false;
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if (code < 32 || code === 127) return false;
    if (code >= 0xd800 && code <= 0xdfff) {
      const next = value.charCodeAt(i + 1);
      if (code >= 0xdc00 || !(next >= 0xdc00 && next <= 0xdfff)) return false;
      i += 1;
    }
  }
  return true;
};

/** What a person sees of a refused value: at most 80 characters. */
const shorten = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return Array.isArray(value) ? 'a list' : `an ${typeof value}`;
  const text = JSON.stringify(value.slice(0, 80));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
};

const isFiniteFloat = (value: number): boolean => value >= -NUMERIC_MAX && value <= NUMERIC_MAX;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;
const decimalOf = (value: unknown): number | undefined => {
  if (typeof value !== 'string' || value.length > 64 || !DECIMAL.test(value)) return undefined;
  const number = Number(value);
  return isFiniteFloat(number) ? number : undefined;
};

const messageReading = (minorDigits: number): Reading => ({
  amount: (value) => (typeof value === 'string' ? numberOf(parseAmount(value, minorDigits)) : undefined),
  number: (value) => (typeof value === 'number' && isFiniteFloat(value) ? value : undefined),
  isMissing: (value) => value === undefined || value === null,
});

const fileReading = (minorDigits: number): Reading => ({
  amount: (value) => {
    if (typeof value !== 'string') return undefined;
    return numberOf(parseAmount(value, minorDigits)) ?? numberOf(parseFloatNoiseAmount(value, minorDigits));
  },
  number: decimalOf,
  isMissing: (value) => value === undefined || value === '',
});

const TIME_EXPECTED = {
  iso8601: 'a time "YYYY-MM-DDTHH:MM:SS[.mmm]" with a zone (Z or ±HH:MM), of the years 1970 to 2199',
  sql: 'a UTC time "YYYY-MM-DD HH:MM:SS[.mmm]" of the years 1970 to 2199',
  'epoch-seconds': 'a number of seconds since 1970, before the year 2200',
  'epoch-milliseconds': 'a whole number of milliseconds since 1970, before the year 2200',
} as const;
const TEXT_EXPECTED = `a text of 1 to ${TEXT_LENGTH_MAX} characters without control characters`;
const NUMBER_EXPECTED = `a finite number of at most ${NUMERIC_MAX}`;

const timeOf = (schema: TransactionSchema, reading: Reading, value: unknown): number | undefined => {
  const format = schema.time!.format;
  if (format === 'sql' || format === 'iso8601') {
    if (typeof value !== 'string') return undefined;
    return numberOf(format === 'sql' ? parseSqlTime(value) : parseIsoTime(value));
  }
  const number = reading.number(value);
  if (number === undefined) return undefined;
  return numberOf(format === 'epoch-seconds' ? parseEpochSeconds(number) : parseEpochMilliseconds(number));
};

type Fields = Readonly<Record<string, unknown>>;
/** `hasOwn`: a field called "constructor" must not find the prototype's. */
const cell = (fields: Fields, column: string): unknown => (Object.hasOwn(fields, column) ? fields[column] : undefined);

/** Reads the schema's fields in order; problems are collected, so that one answer names them all. */
const readFields = (schema: TransactionSchema, reading: Reading, fields: Fields, problems: FieldProblem[]): Transaction => {
  const refuse = (field: string, value: unknown, expected: string): void => {
    problems.push({ field, value: shorten(value), expected });
  };
  const text = (column: string): string => {
    const value = cell(fields, column);
    if (isCleanText(value)) return value;
    refuse(column, value, TEXT_EXPECTED);
    return '';
  };
  const number = (column: string, isOptional: boolean): number => {
    const value = cell(fields, column);
    if (isOptional && reading.isMissing(value)) return NaN;
    const parsed = reading.number(value);
    if (parsed !== undefined) return parsed;
    refuse(column, value, NUMBER_EXPECTED);
    return NaN;
  };
  const id = text(schema.id);
  let occurredAtMs = 0;
  if (schema.time) {
    const value = cell(fields, schema.time.column);
    const parsed = timeOf(schema, reading, value);
    if (parsed === undefined) refuse(schema.time.column, value, TIME_EXPECTED[schema.time.format]);
    else occurredAtMs = parsed;
  }
  const entities = schema.entities.map((entity) => text(entity.column));
  let amountMinor = 0;
  let currency = '';
  if (schema.amount) {
    const { column, minorDigits } = schema.amount;
    const value = cell(fields, column);
    const parsed = reading.amount(value);
    const decimals = minorDigits === 0 ? 'without decimals' : `with at most ${minorDigits} decimals`;
    if (parsed === undefined) refuse(column, value, `a decimal string ${decimals}, below ${Number.MAX_SAFE_INTEGER} minor units`);
    else amountMinor = parsed;
    if (typeof schema.amount.currency === 'string') currency = schema.amount.currency;
    else {
      const code = cell(fields, schema.amount.currency.column);
      if (isCurrencyCode(code)) currency = code;
      else refuse(schema.amount.currency.column, code, CURRENCY_EXPECTED);
    }
  }
  const numeric = schema.numeric.map((field) => number(field.column, field.optional));
  const categorical = schema.categorical.map((field) => {
    const value = cell(fields, field.column);
    return field.optional && reading.isMissing(value) ? null : text(field.column);
  });
  return { id, occurredAtMs, entities, amountMinor, currency, numeric, categorical };
};

const columnsOf = (schema: TransactionSchema): ReadonlySet<string> => {
  const { amount } = schema;
  const columns = [schema.id, ...schema.entities.map((e) => e.column), ...schema.numeric.map((f) => f.column)];
  columns.push(...schema.categorical.map((f) => f.column));
  if (schema.time) columns.push(schema.time.column);
  if (amount) columns.push(amount.column);
  if (amount && typeof amount.currency !== 'string') columns.push(amount.currency.column);
  return new Set(columns);
};

/** Extra fields named in one answer; more are only counted by the first ones. */
const EXTRA_NAMED_MAX = 5;

/**
 * Parser of a schema's records, compiled once. Every problem of a record is named (`FieldProblem`); nothing throws.
 * Amounts are decimal strings, never JSON numbers (binary floats cannot hold 0.1); a leading minus is a refund.
 */
export const transactionParser = (schema: TransactionSchema): TransactionParser => {
  const minorDigits = schema.amount?.minorDigits ?? 2;
  const message = messageReading(minorDigits);
  const file = fileReading(minorDigits);
  const columns = columnsOf(schema);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const refused = (field: string, value: string, expected: string): ParseResult => ({
    ok: false,
    problems: [{ field, value, expected }],
  });
  const finish = (transaction: Transaction, problems: readonly FieldProblem[]): ParseResult =>
    problems.length === 0 ? { ok: true, transaction } : { ok: false, problems };

  const fromObject = (value: unknown): ParseResult => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return refused('message', shorten(value), 'a JSON object with the fields of a transaction');
    const problems: FieldProblem[] = [];
    const fields = value as Fields;
    const transaction = readFields(schema, message, fields, problems);
    if (schema.extraFields === 'reject') {
      const extra = Object.keys(fields).filter((name) => !columns.has(name));
      for (const name of extra.slice(0, EXTRA_NAMED_MAX))
        problems.push({ field: name.slice(0, 80), value: shorten(fields[name]), expected: `a field of schema ${schema.name}` });
    }
    return finish(transaction, problems);
  };
  return {
    fromObject,
    fromBytes(bytes) {
      if (bytes.length > MESSAGE_BYTES_MAX)
        return refused('message', `a message of ${bytes.length} bytes`, `at most ${MESSAGE_BYTES_MAX} bytes`);
      let value: unknown;
      let text = '';
      try {
        text = decoder.decode(bytes);
        value = JSON.parse(text);
      } catch {
        return refused('message', bytes.length === 0 ? 'an empty message' : shorten(text), 'JSON in UTF-8');
      }
      return fromObject(value);
    },
    fromCsv(row) {
      const problems: FieldProblem[] = [];
      return finish(readFields(schema, file, row, problems), problems);
    },
    toJson: (transaction) => formatTransaction(schema, transaction),
    canonical: (t) =>
      // NaN (missing) becomes null.
      JSON.stringify([t.id, t.occurredAtMs, t.entities, t.amountMinor, t.currency, t.numeric, t.categorical]),
  };
};

export interface CsvLabel {
  readonly isFraud: boolean;
  /** Kind of fraud where the file names it; null for legitimate rows. */
  readonly type: string | null;
}

/** @throws InputError for anything but 0, 1, true, false, and for a schema without label */
export const labelFromCsv = (schema: TransactionSchema, row: Readonly<Record<string, string>>): CsvLabel => {
  if (!schema.label) throw new InputError(`schema ${schema.name} names no label column`);
  const { column, typeColumn } = schema.label;
  const text = row[column];
  const isFraud = text === '1' || text === 'true' || text === 'True';
  if (!isFraud && text !== '0' && text !== 'false' && text !== 'False')
    throw new InputError(`${column}: ${shorten(text)} is not 0, 1, true or false`);
  const type = isFraud && typeColumn !== undefined ? row[typeColumn] : undefined;
  return { isFraud, type: type === undefined || type === '' ? null : type };
};
