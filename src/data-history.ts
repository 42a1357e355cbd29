import type { Label } from './domain/label.js';
import { labelFromCsv, transactionParser } from './domain/parse-transaction.js';
import { problemSentence, type Transaction } from './domain/transaction.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { columnPositions, type DataFile } from './data-file.js';
import { UsageError } from './usage-error.js';

const DAY_MS = 86_400_000;

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
  ...(schema.id === '#row' ? [] : [schema.id]),
  ...(schema.time ? [schema.time.column] : []),
  ...schema.entities.map((entity) => entity.column),
  ...(schema.amount ? [schema.amount.column] : []),
  ...(schema.amount && typeof schema.amount.currency !== 'string' ? [schema.amount.currency.column] : []),
  ...[...schema.numeric, ...schema.categorical].filter((field) => !field.optional).map((field) => field.column),
];

/**
 * Reads a data file as transactions and labels.
 *
 * @param needsLabel whether a missing label column is an error
 * @throws UsageError for a missing column, no usable row; InputError for a label that is not 0 or 1
 */
export const readHistory = async (
  file: DataFile,
  schema: TransactionSchema,
  needsLabel: boolean,
  onProgress: (share: number) => void,
): Promise<DataHistory> => {
  columnPositions(file, schemaColumns(schema), `schema ${schema.name}`);
  const { label } = schema;
  if (needsLabel && label) columnPositions(file, [label.column], `label of schema ${schema.name}`);
  const hasLabel = label !== undefined && file.header.includes(label.column);
  const parser = transactionParser(schema);
  const transactions: Transaction[] = [];
  const labels: Label[] = [];
  let refused = 0;
  let firstRefusal: string | null = null;
  let rowNumber = 0;
  for await (const { cells, line } of file.rows(onProgress)) {
    const row: Record<string, string> = { '#row': String(rowNumber) };
    for (let c = 0; c < cells.length; c += 1) row[file.header[c]!] = cells[c]!;
    const parsed = parser.fromCsv(row);
    rowNumber += 1;
    if (!parsed.ok) {
      refused += 1;
      firstRefusal ??= `line ${line}: ${problemSentence(parsed.problems)}`;
      continue;
    }
    const transaction = schema.time ? parsed.transaction : { ...parsed.transaction, occurredAtMs: rowNumber };
    transactions.push(transaction);
    if (!hasLabel) continue;
    const { isFraud, type } = labelFromCsv(schema, row);
    const knownAtMs = transaction.occurredAtMs + label.delayDays * DAY_MS;
    if (isFraud) labels.push({ transactionId: transaction.id, isFraud, type, source: 'file', knownAtMs });
  }
  if (transactions.length === 0)
    throw new UsageError(
      firstRefusal === null ? `${file.path} has a header but no rows` : `${file.path} has no usable row; ${firstRefusal}`,
    );
  transactions.sort((a, b) => a.occurredAtMs - b.occurredAtMs);
  return { transactions, labels, refused, firstRefusal };
};
