import { SPLIT_NAME } from '../domain/infer-schema.js';
import type { FeatureColumn, FeatureMatrix, RiskDirection } from '../domain/feature-matrix.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { columnPositions, type DataFile } from './data-file.js';
import { UsageError } from '../usage-error.js';

/** A table: features straight from its columns. */
export interface DataTable {
  readonly features: FeatureMatrix;
  /** All 0 where no label column was asked for. */
  readonly labels: Uint8Array;
  /** 1 train, 0 test, one per row; null where no split column was asked for. */
  readonly split: Uint8Array | null;
  readonly idColumn: string;
  readonly ids: readonly string[];
  /** What was left out and why: a sentence each. */
  readonly notes: readonly string[];
}

export interface TableRequest {
  readonly label: string | null;
  readonly split: string | null;
  /** Fields and directions of risk; null: every column but label, id and splits, by its contents. */
  readonly schema: TransactionSchema | null;
}

/** Categorical columns with more levels are no density inputs (models.md 1.2) and are left out. */
const LEVELS_MAX = 50;
const ROWS_MAX = 5_000_000;
const FLOAT32_MAX = 3.4e38;
const MISSING = new Set(['', 'na', 'nan', 'null', 'none', '?']);
const ID_NAMES = ['id', 'tx_id', 'transaction_id'];

const isMissing = (cell: string): boolean => MISSING.has(cell.trim().toLowerCase());
const isNumeric = (cell: string): boolean => cell.trim() !== '' && !Number.isNaN(Number(cell));
const isInfinite = (cell: string): boolean => /^[+-]?inf(inity)?$/i.test(cell.trim());

interface Survey {
  readonly position: number;
  readonly name: string;
  readonly risk: RiskDirection;
  numeric: boolean;
  readonly levels: Set<string>;
}

/**
 * Reads one table, or a training and a test table as one (`split` then says which is which). Two passes over each
 * file: the first finds each column's kind, the second fills the matrix.
 *
 * Levels come from training rows alone; a level that only the test has is "unseen".
 *
 * @throws UsageError for a missing column, a label or split that is not 0 or 1, a number beyond float32
 */
export const readTable = async (
  file: DataFile,
  test: DataFile | null,
  request: TableRequest,
  onProgress: (share: number) => void,
): Promise<DataTable> => {
  const files = test ? [file, test] : [file];
  const layout = layoutOf(file, request);
  if (test)
    columnPositions(
      test,
      [...(request.label === null ? [] : [request.label]), ...layout.surveys.map((s) => s.name)],
      `as in ${file.path}`,
    );
  const passes = 2 * files.length;
  let pass = 0;
  const progress = (share: number): void => onProgress((pass + share) / passes);

  let rowCount = 0;
  for (const one of files) {
    rowCount += await surveyFile(one, layout, request, one === test, progress);
    pass += 1;
  }
  if (rowCount > ROWS_MAX) throw new UsageError(`${rowCount} rows; a table may have at most ${ROWS_MAX}`);
  const { columns, kept, notes } = chooseColumns(layout.surveys);
  if (columns.length === 0) throw new UsageError(`${file.path} has no column that could be a feature`);

  const table: FilledTable = {
    values: new Float32Array(rowCount * columns.length),
    labels: new Uint8Array(rowCount),
    split: request.split === null && !test ? null : new Uint8Array(rowCount),
    ids: [],
  };
  for (const one of files) {
    await fillFile(one, { columns, kept, request, idColumn: layout.idColumn, isTest: one === test }, table, progress);
    pass += 1;
  }
  return {
    features: { columns, rowCount, values: table.values },
    labels: table.labels,
    split: table.split,
    ids: table.ids,
    idColumn: layout.idColumn ?? 'row',
    notes,
  };
};

interface Layout {
  readonly idColumn: string | null;
  readonly surveys: Survey[];
}

const layoutOf = (file: DataFile, { label, split, schema }: TableRequest): Layout => {
  if (label !== null) columnPositions(file, [label], '--label');
  if (split !== null) columnPositions(file, [split], '--split');
  const survey = (name: string, risk: RiskDirection): Survey => ({
    name,
    risk,
    position: file.header.indexOf(name),
    numeric: true,
    levels: new Set(),
  });
  if (schema) {
    const fields = [...(schema.amount ? [schema.amount] : []), ...schema.numeric, ...schema.categorical];
    columnPositions(file, [schema.id, ...fields.map((f) => f.column)], `schema ${schema.name}`);
    const usable = fields.filter((f) => f.column !== label && f.column !== split && !SPLIT_NAME.test(f.column));
    return { idColumn: schema.id, surveys: usable.map((f) => survey(f.column, f.risk)) };
  }
  const idColumn = file.header.find((name) => ID_NAMES.includes(name.toLowerCase())) ?? null;
  const features = file.header.filter((name) => name !== label && name !== idColumn && name !== split && !SPLIT_NAME.test(name));
  return { idColumn, surveys: features.map((name) => survey(name, 'both')) };
};

/** @returns the number of rows */
const surveyFile = async (
  file: DataFile,
  { surveys }: Layout,
  request: TableRequest,
  isTest: boolean,
  onProgress: (share: number) => void,
): Promise<number> => {
  const positions = surveys.map((s) => file.header.indexOf(s.name));
  const splitAt = request.split === null ? -1 : file.header.indexOf(request.split);
  let rowCount = 0;
  for await (const { cells, line } of file.rows(onProgress)) {
    rowCount += 1;
    const isTraining = !isTest && (splitAt < 0 || cells[splitAt] !== '0');
    surveys.forEach((survey, c) => {
      const cell = cells[positions[c]!]!;
      if (isMissing(cell)) return;
      if (isInfinite(cell))
        throw new UsageError(`${file.path}, line ${line}: ${survey.name} is "${cell}"; expected a finite number`);
      if (!isNumeric(cell)) survey.numeric = false;
      if (isTraining && survey.levels.size <= LEVELS_MAX) survey.levels.add(cell);
    });
  }
  if (rowCount === 0) throw new UsageError(`${file.path} has a header but no rows`);
  return rowCount;
};

const chooseColumns = (surveys: readonly Survey[]) => {
  const kept: Survey[] = [];
  const notes: string[] = [];
  for (const survey of surveys) {
    if (survey.numeric || survey.levels.size <= LEVELS_MAX) kept.push(survey);
    else notes.push(`column "${survey.name}" is left out: text with more than ${LEVELS_MAX} different values`);
  }
  const columns = kept.map(({ name, risk, numeric, levels }): FeatureColumn => ({
    name,
    field: name,
    risk,
    kind: numeric ? 'numeric' : 'categorical',
    levels: numeric ? [] : [...levels].sort(),
  }));
  return { columns, kept, notes };
};

interface FilledTable {
  readonly values: Float32Array;
  readonly labels: Uint8Array;
  readonly split: Uint8Array | null;
  readonly ids: string[];
}

interface Filling {
  readonly columns: readonly FeatureColumn[];
  readonly kept: readonly Survey[];
  readonly request: TableRequest;
  readonly idColumn: string | null;
  readonly isTest: boolean;
}

const fillFile = async (
  file: DataFile,
  filling: Filling,
  table: FilledTable,
  onProgress: (share: number) => void,
): Promise<void> => {
  const { columns, kept, request, idColumn, isTest } = filling;
  const positions = kept.map((s) => file.header.indexOf(s.name));
  const levels = columns.map((column) => new Map(column.levels.map((level, i) => [level, i])));
  const labelAt = request.label === null ? -1 : file.header.indexOf(request.label);
  const splitAt = request.split === null ? -1 : file.header.indexOf(request.split);
  const idAt = idColumn === null ? -1 : file.header.indexOf(idColumn);
  for await (const { cells, line } of file.rows(onProgress)) {
    const row = table.ids.length;
    const broken = (name: string, cell: string, expected: string): UsageError =>
      new UsageError(`${file.path}, line ${line}: ${name} is "${cell.slice(0, 80)}"; expected ${expected}`);
    const bit = (name: string, cell: string): number => {
      const value = isNumeric(cell)
        ? Number(cell)
        : cell === 'true' || cell === 'True'
          ? 1
          : cell === 'false' || cell === 'False'
            ? 0
            : NaN;
      if (value !== 0 && value !== 1) throw broken(name, cell, '0 or 1');
      return value;
    };
    if (labelAt >= 0) table.labels[row] = bit(request.label!, cells[labelAt]!);
    if (table.split) table.split[row] = isTest ? 0 : splitAt < 0 ? 1 : bit(request.split!, cells[splitAt]!);
    table.ids.push(idAt < 0 ? String(row) : cells[idAt]!);
    columns.forEach((column, c) => {
      const cell = cells[positions[c]!]!;
      const value = isMissing(cell)
        ? NaN
        : column.kind === 'numeric'
          ? Number(cell)
          : (levels[c]!.get(cell) ?? column.levels.length);
      if (Math.abs(value) > FLOAT32_MAX) throw broken(column.name, cell, `a number of at most ${FLOAT32_MAX}`);
      table.values[row * columns.length + c] = value;
    });
  }
};
