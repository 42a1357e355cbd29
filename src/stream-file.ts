import { columnPositions, openDataFile } from './data-file.js';
import type { Label } from './domain/label.js';
import { labelFromCsv, transactionParser } from './domain/parse-transaction.js';
import { problemSentence, type Transaction } from './domain/transaction.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { UsageError } from './usage-error.js';

const DAY_MS = 86_400_000;

export interface StreamRow {
  readonly transaction: Transaction;
  /** Null where the schema has no label. */
  readonly label: Label | null;
}

/**
 * Transactions of a CSV in the file's order, each with the truth that its label column holds; `knownAtMs` is the event
 * time plus the schema's label delay.
 *
 * @throws UsageError naming file, line and field of the first row that does not fit the schema
 */
export async function* streamRows(
  path: string,
  schema: TransactionSchema,
  onProgress?: (share: number) => void,
): AsyncGenerator<StreamRow> {
  const file = await openDataFile(path);
  const columns = columnsOf(schema);
  const positions = columnPositions(file, columns, `transaction schema "${schema.name}"`);
  const parser = transactionParser(schema);
  const delayMs = (schema.label?.delayDays ?? 0) * DAY_MS;
  for await (const { line, cells } of file.rows(onProgress)) {
    const row: Record<string, string> = { '#row': String(line - 1) };
    for (let i = 0; i < columns.length; i += 1) row[columns[i]!] = cells[positions[i]!]!;
    const parsed = parser.fromCsv(row);
    if (!parsed.ok) throw new UsageError(`${path}, line ${line}: ${problemSentence(parsed.problems)}`);
    const { transaction } = parsed;
    const truth = schema.label ? labelFromCsv(schema, row) : null;
    const label = truth && {
      transactionId: transaction.id,
      ...truth,
      source: 'file',
      knownAtMs: transaction.occurredAtMs + delayMs,
    };
    yield { transaction, label };
  }
}

const columnsOf = (schema: TransactionSchema): string[] => {
  const { amount, label } = schema;
  return [
    schema.id,
    schema.time?.column,
    ...schema.entities.map((entity) => entity.column),
    amount?.column,
    amount && typeof amount.currency !== 'string' ? amount.currency.column : undefined,
    ...schema.numeric.map((field) => field.column),
    ...schema.categorical.map((field) => field.column),
    label?.column,
    label?.typeColumn,
  ].filter((column): column is string => column !== undefined && column !== '#row');
};
