import type { Command } from 'commander';
import { basename } from 'node:path';
import { stringify } from 'yaml';
import { configOption, withProcessIo, type CommandIo } from './command-io.js';
import { loadSchema } from '../config.js';
import { columnPositions, openDataFile, type DataFile } from './data-file.js';
import { optionalColumns, readHistory, schemaColumns } from './data-history.js';
import { inferSchema } from '../domain/infer-schema.js';
import { UsageError } from '../usage-error.js';

interface InferOptions {
  readonly name?: string;
  readonly label?: string;
  readonly id?: string;
  readonly ignore?: readonly string[];
  readonly json?: boolean;
}
interface CheckOptions {
  readonly data?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** Rows that a proposal is made from: enough to tell a category from a number, little enough to be instant. */
const SAMPLE_ROWS = 20_000;

export const register = (program: Command): void => {
  const schema = program.command('schema').description('what a transaction is: propose or check a transaction schema');
  schema
    .command('infer')
    .description('propose a schema for a CSV file, as YAML on stdout')
    .argument('<file>', 'CSV file with a header, plain or gzip')
    .option('--name <name>', 'name of the schema; default: made from the file name')
    .option('--label <column>', 'column with 1 for fraud and 0 for legitimate')
    .option('--id <column>', 'column of the transaction id')
    .option('--ignore <column...>', 'columns that are no part of a transaction')
    .option('--json', 'print one JSON object with the schema and the reasons')
    .action((file: string, options: InferOptions) => withProcessIo((io) => infer(file, options, io)));
  schema
    .command('check')
    .description('check a schema, and a data file against it')
    .argument('<schema>', 'shipped name or the path of a YAML file')
    .option('--data <file>', 'CSV file to read by it')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .action((name: string, options: CheckOptions) => withProcessIo((io) => check(name, options, io)));
};

/** The `schema infer` command. @throws UsageError or InputError */
export const infer = async (path: string, options: InferOptions, io: CommandIo): Promise<void> => {
  const file = await openDataFile(path);
  columnPositions(
    file,
    [options.label, options.id].filter((name) => name !== undefined),
    'option',
  );
  const name = options.name ?? nameOf(path);
  const { schema, notes } = inferSchema(name, file.header, await sampleOf(file), {
    ...(options.label !== undefined && { labelColumn: options.label }),
    ...(options.id !== undefined && { idColumn: options.id }),
    ...(options.ignore && { ignoredColumns: options.ignore }),
  });
  if (options.json) return io.write(`${JSON.stringify({ schema, notes })}\n`);
  const remarks = notes.map((note) => `# ${note}\n`).join('');
  await io.write(`${remarks}${stringify(schema)}`);
};

/** "Card Payments-2024.csv.gz" -> "card-payments-2024" */
const nameOf = (path: string): string => {
  const stem = basename(path)
    .replace(/\.(csv|gz)\b/gi, '')
    .toLowerCase();
  const name = stem.replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, '');
  return name.slice(0, 32).replace(/-+$/, '') || 'data';
};

const sampleOf = async (file: DataFile): Promise<Record<string, string>[]> => {
  const rows: Record<string, string>[] = [];
  for await (const { cells } of file.rows()) {
    rows.push(Object.fromEntries(file.header.map((name, c) => [name, cells[c]!])));
    if (rows.length >= SAMPLE_ROWS) break;
  }
  if (rows.length === 0) throw new UsageError(`${file.path} has a header but no rows`);
  return rows;
};

/** The `schema check` command. @throws UsageError, InputError or ConfigError where schema or data are wrong */
export const check = async (name: string, options: CheckOptions, io: CommandIo): Promise<void> => {
  const schema = loadSchema(name, options.config);
  if (options.data === undefined) {
    const answer = { schema: schema.name, ok: true };
    return io.write(options.json ? `${JSON.stringify(answer)}\n` : `schema ${schema.name} is valid\n`);
  }
  const file = await openDataFile(options.data);
  const history = await readHistory(file, schema, true, (share) => io.progress.report('reading', share));
  io.progress.stop();
  const used = new Set([...schemaColumns(schema), ...optionalColumns(schema)]);
  const answer = {
    schema: schema.name,
    ok: history.refused === 0,
    rows: history.transactions.length,
    frauds: history.labels.length,
    refused: history.refused,
    firstRefusal: history.firstRefusal,
    unusedColumns: file.header.filter((column) => !used.has(column)),
  };
  if (options.json) await io.write(`${JSON.stringify(answer)}\n`);
  else {
    const unused = answer.unusedColumns.length > 0 ? `; unused columns: ${answer.unusedColumns.join(', ')}` : '';
    await io.write(`schema ${schema.name} reads ${answer.rows} transactions with ${answer.frauds} frauds${unused}\n`);
  }
  if (!answer.ok)
    throw new UsageError(`${answer.refused} rows of ${options.data} do not fit; the first: ${answer.firstRefusal!}`);
};
