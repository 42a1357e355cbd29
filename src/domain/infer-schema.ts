import { isCurrencyCode } from './currency.js';
import { InputError } from './input-error.js';
import { parseAmount, parseFloatNoiseAmount } from './parse-amount.js';
import { parseIsoTime, parseSqlTime } from './parse-time.js';
import { ROW_ID, TransactionSchemaDefinition, type TransactionSchema } from './transaction-schema.js';

export interface InferOptions {
  readonly labelColumn?: string;
  readonly idColumn?: string;
  /** Columns that are nothing at all (a split column). */
  readonly ignoredColumns?: readonly string[];
}

export interface InferredSchema {
  readonly schema: TransactionSchema;
  /** One line a column: what it was taken as, and why. */
  readonly notes: readonly string[];
}

type Row = Readonly<Record<string, string>>;

/** What the sample says of a column. */
interface ColumnContent {
  readonly name: string;
  /** Cells that are not empty. */
  readonly values: readonly string[];
  readonly distinct: number;
  readonly hasMissing: boolean;
  readonly isNumeric: boolean;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;
const LABEL_NAMES = new Set(['label', 'is_fraud', 'fraud', 'isfraud', 'class', 'tx_fraud', 'target', 'outlier', 'anomaly']);
const ID_NAMES = new Set(['id', 'tx_id', 'transaction_id', 'transactionid', 'trans_num', 'uuid', 'row_id']);
const AMOUNT_NAMES = /^(tx_|transaction_|trans_)?(amount|amt|value)(_eur|_usd|_gbp)?$/i;
/** Who pays comes first: the key of the stream. */
const PRIMARY_NAMES = /^(customer|card|account|user|client|payer|cc|sender)(_?(id|num|no|number))?$/i;
const SECONDARY_NAMES =
  /^(terminal|merchant|shop|store|device|ip|payee|recipient|beneficiary|receiver)(_?(id|num|no|number|address))?$/i;
const CURRENCY_NAMES = /^(tx_|transaction_|trans_|amount_|amt_)?(currency|curr|ccy)(_?(code|iso))?$/i;
/** Which rows train and which test, not what a transaction is. */
export const SPLIT_NAME = /^split_?\d*$/i;
/** Codes with at most this many values are categories even where they are spelled as text of any kind. */
const CATEGORY_SHARE = 0.5;

const contentOf = (name: string, rows: readonly Row[]): ColumnContent => {
  const cells = rows.map((row) => row[name] ?? '');
  const values = cells.filter((cell) => cell !== '');
  return {
    name,
    values,
    distinct: new Set(values).size,
    hasMissing: values.length < cells.length,
    isNumeric: values.length > 0 && values.every((value) => NUMBER.test(value) && Number.isFinite(Number(value))),
  };
};

const checkHeader = (header: readonly string[], rows: readonly Row[], options: InferOptions): void => {
  if (header.length === 0) throw new InputError('the file is empty: expected a header line with column names');
  if (rows.length === 0) throw new InputError('the file has a header but no rows');
  const seen = new Set<string>();
  for (const name of header) {
    if (name === '') throw new InputError('the header has a column without a name');
    if (seen.has(name)) throw new InputError(`the header names column "${name}" twice`);
    seen.add(name);
  }
  const asked = [options.labelColumn, options.idColumn, ...(options.ignoredColumns ?? [])].filter((name) => name !== undefined);
  for (const [i, name] of asked.entries()) {
    if (!seen.has(name)) throw new InputError(`there is no column "${name}"; the file has ${header.slice(0, 40).join(', ')}`);
    if (asked.indexOf(name) !== i) throw new InputError(`column "${name}" cannot be two of label, id and left out`);
  }
};

const LABELS = new Set(['0', '1', 'true', 'false', 'True', 'False']);

const labelColumn = (columns: readonly ColumnContent[], asked: string | undefined): ColumnContent | undefined => {
  if (asked !== undefined) {
    const column = columns.find((c) => c.name === asked)!;
    const odd = column.values.find((value) => !LABELS.has(value));
    if (odd !== undefined)
      throw new InputError(`label column "${asked}" holds "${odd.slice(0, 40)}"; a label is 0, 1, true or false`);
    if (column.hasMissing) throw new InputError(`label column "${asked}" has empty cells; a label is 0, 1, true or false`);
    return column;
  }
  return columns.find(
    (c) => LABEL_NAMES.has(c.name.toLowerCase()) && !c.hasMissing && c.values.every((value) => LABELS.has(value)),
  );
};

const isUnique = (column: ColumnContent): boolean => !column.hasMissing && column.distinct === column.values.length;

const idColumn = (columns: readonly ColumnContent[], asked: string | undefined): ColumnContent | undefined => {
  if (asked !== undefined) {
    const column = columns.find((c) => c.name === asked)!;
    if (!isUnique(column)) throw new InputError(`id column "${asked}" has empty or repeated values; ids must be unique`);
    return column;
  }
  return columns.find((c) => ID_NAMES.has(c.name.toLowerCase()) && isUnique(c));
};

type TimeFormat = NonNullable<TransactionSchema['time']>['format'];
const timeFormat = (column: ColumnContent): TimeFormat | undefined => {
  if (column.hasMissing || column.values.length === 0) return undefined;
  if (column.values.every((value) => !Number.isNaN(parseSqlTime(value)))) return 'sql';
  if (column.values.every((value) => !Number.isNaN(parseIsoTime(value)))) return 'iso8601';
  // Plain numbers are a time only by their name and by a size that means a date after 2000.
  if (!column.isNumeric || !/time|date|epoch|_at$|_ts$|^ts$/i.test(column.name)) return undefined;
  const isBetween = (from: number, to: number): boolean =>
    column.values.every((value) => Number(value) >= from && Number(value) < to);
  if (isBetween(946_684_800, 7_258_118_400)) return 'epoch-seconds';
  return isBetween(946_684_800_000, 7_258_118_400_000) ? 'epoch-milliseconds' : undefined;
};

/** Decimals that every amount fits into; undefined where money is written otherwise. */
const minorDigitsOf = (column: ColumnContent): number | undefined => {
  if (column.hasMissing || !column.isNumeric) return undefined;
  const fits = (digits: number, value: string): boolean =>
    !Number.isNaN(parseAmount(value, digits)) || !Number.isNaN(parseFloatNoiseAmount(value, digits));
  return [2, 3, 4].find((digits) => column.values.every((value) => fits(digits, value)));
};

const isCurrency = (column: ColumnContent): boolean => !column.hasMissing && column.values.every(isCurrencyCode);

/** At most this many values can be kinds of fraud rather than a measurement. */
const TYPES_MAX = 20;

/** A column whose every value comes with one label alone repeats the label ("scenario" 0 is legitimate, 1 to 3 are fraud). */
const repeatsLabel = (column: ColumnContent, label: ColumnContent, rows: readonly Row[]): boolean => {
  if (label.distinct < 2 || column.distinct < 2 || column.distinct > TYPES_MAX || rows.length < 2 * column.distinct) return false;
  const labelOf = new Map<string, string>();
  for (const row of rows) {
    const value = row[column.name] ?? '';
    const own = row[label.name]!;
    if ((labelOf.get(value) ?? own) !== own) return false;
    labelOf.set(value, own);
  }
  return true;
};

const share = (column: ColumnContent): string => `${column.distinct} distinct values in ${column.values.length} rows`;

/**
 * Proposes a schema by names and content of a sample: time, id, label, amount and entities are recognised, all else is
 * numeric or categorical; a column of nothing but unique texts, or without content, is left out. Every choice has a note.
 * With a time, an amount and an entity the feature set is `full`, else `columns`.
 *
 * @throws InputError naming what is wrong with the file, the label or the id
 */
export const inferSchema = (
  name: string,
  header: readonly string[],
  sampleRows: readonly Row[],
  options: InferOptions = {},
): InferredSchema => {
  checkHeader(header, sampleRows, options);
  const notes: string[] = [];
  const ignored = new Set(options.ignoredColumns);
  for (const column of ignored) notes.push(`${column}: left out, as asked`);
  const isSplit = (column: string): boolean =>
    SPLIT_NAME.test(column) && column !== options.labelColumn && column !== options.idColumn;
  for (const column of header)
    if (isSplit(column) && !ignored.has(column)) notes.push(`${column}: left out, a split column by name`);
  let rest = header.filter((column) => !ignored.has(column) && !isSplit(column)).map((column) => contentOf(column, sampleRows));
  const take = (column: ColumnContent | undefined, note: string): ColumnContent | undefined => {
    if (column === undefined) return undefined;
    rest = rest.filter((other) => other !== column);
    notes.push(`${column.name}: ${note}`);
    return column;
  };
  const asked = (wish: string | undefined): string => (wish === undefined ? 'by name and content' : 'as asked');
  const label = take(labelColumn(rest, options.labelColumn), `label, ${asked(options.labelColumn)}; never a feature`);
  const leaks = label === undefined ? [] : rest.filter((column) => repeatsLabel(column, label, sampleRows));
  const typeColumn = leaks[0]?.name;
  for (const column of leaks)
    take(
      column,
      column.name === typeColumn
        ? 'kind of fraud: each value comes with one label; never a feature'
        : 'left out: it repeats the label',
    );
  const id = take(idColumn(rest, options.idColumn), `id, ${asked(options.idColumn)}; never a feature`);
  if (id === undefined) notes.push(`${ROW_ID}: no column is a unique id by name, so the row number is the id`);
  const time = rest.find((column) => timeFormat(column) !== undefined);
  const format = time && timeFormat(time);
  take(time, `event time, every value is ${format}`);
  const amount = rest.find((column) => AMOUNT_NAMES.test(column.name) && minorDigitsOf(column) !== undefined);
  const minorDigits = amount && minorDigitsOf(amount);
  const currency = amount && rest.find((column) => CURRENCY_NAMES.test(column.name) && isCurrency(column));
  const inCurrency = currency ? `in the currency of ${currency.name}` : 'the currency is not in the data: EUR is a guess';
  take(amount, `amount, by name; ${minorDigits} decimals hold every value; ${inCurrency}`);
  take(currency, `currency of ${amount?.name}, by name and content`);
  const primary = take(
    rest.find((column) => PRIMARY_NAMES.test(column.name) && !column.hasMissing),
    'primary entity, by name',
  );
  const names = new Set([primary && entityName(primary.name)]);
  const isSecondary = ({ name: column, hasMissing }: ColumnContent): boolean =>
    primary !== undefined && SECONDARY_NAMES.test(column) && !hasMissing && names.size < 6 && !names.has(entityName(column));
  const secondary = rest.filter((column) => isSecondary(column) && names.add(entityName(column.name)));
  for (const column of secondary) take(column, 'secondary entity, by name');
  const numeric: { column: string; optional: boolean }[] = [];
  const categorical: { column: string; optional: boolean }[] = [];
  for (const column of rest) {
    const field = { column: column.name, optional: column.hasMissing };
    if (column.values.length === 0) notes.push(`${column.name}: left out, it is empty in every row of the sample`);
    else if (column.isNumeric) {
      numeric.push(field);
      notes.push(`${column.name}: numeric, every value is a number`);
    } else if (column.values.some((value) => value.length > 128))
      notes.push(`${column.name}: left out, it holds texts of more than 128 characters`);
    else if (column.values.length >= 20 && column.distinct > CATEGORY_SHARE * column.values.length)
      notes.push(`${column.name}: left out, its texts hardly repeat (${share(column)})`);
    else {
      categorical.push(field);
      notes.push(`${column.name}: categorical, ${share(column)}`);
    }
  }
  const entities = [primary, ...secondary].flatMap((column) =>
    column ? [{ name: entityName(column.name), column: column.name }] : [],
  );
  const canRemember = time !== undefined && amount !== undefined && entities.length > 0;
  notes.push(
    canRemember
      ? 'features: full, since there are a time, an amount and an entity'
      : 'features: columns, since a history needs a time, an amount and an entity',
  );
  const schema = parsed({
    name: schemaName(name),
    description: `Inferred from ${sampleRows.length} rows.`,
    id: id?.name ?? ROW_ID,
    ...(time && format ? { time: { column: time.name, format } } : {}),
    entities,
    ...(amount ? { amount: { column: amount.name, currency: currency ? { column: currency.name } : 'EUR', minorDigits } } : {}),
    numeric,
    categorical,
    ...(label
      ? { label: { column: label.name, delayDays: canRemember ? 7 : 0, ...(typeColumn === undefined ? {} : { typeColumn }) } }
      : {}),
    features: { set: canRemember ? 'full' : 'columns' },
  });
  return { schema, notes };
};

const parsed = (proposal: unknown): TransactionSchema => {
  const result = TransactionSchemaDefinition.safeParse(proposal);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`the file's columns fit no schema: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
};

/** "Customer_ID" → "customer". */
const entityName = (column: string): string =>
  column
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-?(id|num|no|number|address)$/, '')
    .slice(0, 32);

const schemaName = (name: string): string => {
  const clean = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 32);
  return clean === '' ? 'table' : clean;
};
