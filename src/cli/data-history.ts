import type { Label } from '../domain/label.js';
import { labelFromCsv, transactionParser } from '../domain/parse-transaction.js';
import { DAY_MS } from '../domain/time.js';
import { problemSentence, type Transaction } from '../domain/transaction.js';
import { ROW_ID, type TransactionSchema } from '../domain/transaction-schema.js';
import { columnPositions, type DataFile } from './data-file.js';
import { UsageError } from '../usage-error.js';

/** A row of a data file by a schema; `line` 1 is the header. */
export type HistoryRow = { readonly line: number } & (
  | {
      readonly ok: true;
      readonly transaction: Transaction;
      /** What the label column says, known `delayDays` after the event; null where the file has none. */
      readonly label: Label | null;
    }
  | { readonly ok: false; readonly reason: string }
);

export interface DataHistory {
  /** In event order; rows of a schema without time are a millisecond apart in file order. */
  readonly transactions: readonly Transaction[];
  /** The frauds of the file, known `delayDays` after their transaction; empty where the file has no label column. */
  readonly labels: readonly Label[];
  /** Rows that are no transactions of the schema: how many, and the first one's reason. */
  readonly refused: number;
  readonly firstRefusal: string | null;
}

/** Columns that a file must have to be read by a schema (its label column is another matter). */
export const schemaColumns = (schema: TransactionSchema): readonly string[] => [
  ...(schema.id === ROW_ID ? [] : [schema.id]),
  ...(schema.time ? [schema.time.column] : []),
  ...schema.entities.map((entity) => entity.column),
  ...(schema.amount ? [schema.amount.column] : []),
  ...(schema.amount && typeof schema.amount.currency !== 'string' ? [schema.amount.currency.column] : []),
  ...[...schema.numeric, ...schema.categorical].filter((field) => !field.optional).map((field) => field.column),
];

/** Columns that a schema reads where a file has them. */
export const optionalColumns = (schema: TransactionSchema): readonly string[] => [
  ...[...schema.numeric, ...schema.categorical].filter((field) => field.optional).map((field) => field.column),
  ...(schema.label ? [schema.label.column] : []),
  ...(schema.label?.typeColumn === undefined ? [] : [schema.label.typeColumn]),
];

/**
 * The rows of a data file in the file's order, one at a time: any size fits.
 *
 * @throws UsageError for a missing column, or naming the line of a label that is not 0 or 1
 */
export async function* historyRows(
  file: DataFile,
  schema: TransactionSchema,
  onProgress: (share: number) => void,
): AsyncGenerator<HistoryRow> {
  const columns = [...schemaColumns(schema), ...optionalColumns(schema).filter((name) => file.header.includes(name))];
  const positions = columnPositions(file, columns, `schema ${schema.name}`);
  const hasLabel = schema.label !== undefined && columns.includes(schema.label.column);
  const parser = transactionParser(schema);
  let rowNumber = 0;
  for await (const { cells, line } of file.rows(onProgress)) {
    const row: Record<string, string> = { [ROW_ID]: String(rowNumber) };
    for (let c = 0; c < columns.length; c += 1) row[columns[c]!] = cells[positions[c]!]!;
    const parsed = parser.fromCsv(row);
    rowNumber += 1;
    if (!parsed.ok) {
      yield { line, ok: false, reason: `line ${line}: ${problemSentence(parsed.problems)}` };
      continue;
    }
    const transaction = schema.time ? parsed.transaction : { ...parsed.transaction, occurredAtMs: rowNumber };
    const label = hasLabel ? labelOf(file, line, schema, row, transaction) : null;
    yield { line, ok: true, transaction, label };
  }
}

const labelOf = (
  file: DataFile,
  line: number,
  schema: TransactionSchema,
  row: Readonly<Record<string, string>>,
  { id, occurredAtMs }: Transaction,
): Label => {
  try {
    const knownAtMs = occurredAtMs + schema.label!.delayDays * DAY_MS;
    return { transactionId: id, ...labelFromCsv(schema, row), source: 'file', knownAtMs };
  } catch (error) {
    throw new UsageError(`${file.path}, line ${line}: ${(error as Error).message}`);
  }
};

/**
 * Reads a data file as transactions and labels.
 *
 * @param needsLabel whether a missing label column is an error
 * @throws UsageError for a missing column, no usable row, or a label that is not 0 or 1
 */
export const readHistory = async (
  file: DataFile,
  schema: TransactionSchema,
  needsLabel: boolean,
  onProgress: (share: number) => void,
): Promise<DataHistory> => {
  if (needsLabel && schema.label) columnPositions(file, [schema.label.column], `label of schema ${schema.name}`);
  const transactions: Transaction[] = [];
  const labels: Label[] = [];
  let refused = 0;
  let firstRefusal: string | null = null;
  for await (const row of historyRows(file, schema, onProgress)) {
    if (!row.ok) {
      refused += 1;
      firstRefusal ??= row.reason;
      continue;
    }
    transactions.push(row.transaction);
    if (row.label?.isFraud) labels.push(row.label);
  }
  if (transactions.length === 0)
    throw new UsageError(
      firstRefusal === null ? `${file.path} has a header but no rows` : `${file.path} has no usable row; ${firstRefusal}`,
    );
  transactions.sort((a, b) => a.occurredAtMs - b.occurredAtMs);
  return { transactions, labels, refused, firstRefusal };
};
