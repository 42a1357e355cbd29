import { z } from 'zod';
import type { FeatureMatrix } from '../../domain/feature-matrix.js';
import { InputError } from '../../domain/input-error.js';
import { DAY_MS } from '../../domain/time.js';
import type { TransactionSchema } from '../../domain/transaction-schema.js';
import type { Transaction } from '../../domain/transaction.js';
import { binOf } from './numeric-cuts.js';
import { addEntity, emptyShares, ShareTableSchema } from './share-table.js';

/** What drift is looked for in: the served features, and the levels that the categorical fields of the records held. */
export interface DriftRows {
  readonly features: FeatureMatrix;
  /** A number per row that the rows of one primary entity share. */
  readonly entities: Int32Array;
  /** The same of the secondary entities: what columns about a merchant say is as certain as merchants are many. */
  readonly secondary: readonly { readonly name: string; readonly entities: Int32Array }[];
  readonly categorical: readonly { readonly field: string; readonly values: readonly (string | null)[] }[];
}

/** How a column becomes shares. Numeric: of rows at or below each cut. Categorical: of each level, the rare ones, new ones. */
export const FieldBinsSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('numeric'),
    name: z.string(),
    field: z.string(),
    /** The secondary entity that it speaks about; null: the primary one. */
    entity: z.string().nullable(),
    cuts: z.array(z.number()),
  }),
  z.strictObject({
    kind: z.literal('categorical'),
    name: z.string(),
    field: z.string(),
    levels: z.array(z.string()),
    rareLevels: z.array(z.string()),
  }),
]);
export type FieldBins = z.infer<typeof FieldBinsSchema>;

/** The shares that a column becomes: categorical ones end with those of rare and of new levels. */
export const shareCount = (bins: FieldBins): number => (bins.kind === 'numeric' ? bins.cuts.length : bins.levels.length + 2);

export const FieldSharesSchema = z.strictObject({
  /** Of the rows in which the field is present. */
  values: ShareTableSchema,
  /** One share: of all rows, those in which it is missing. */
  missing: ShareTableSchema,
});
export type FieldShares = z.infer<typeof FieldSharesSchema>;

/** One closed event day, counted by a reference's bins: what is kept of it (some 10 KB). */
export const DriftDaySchema = z.strictObject({
  /** Epoch day (UTC). */
  day: z.number().int(),
  /** Id of the reference whose bins these are. */
  reference: z.string(),
  rows: z.number().int(),
  entities: z.number().int(),
  /** In the reference's order. */
  fields: z.array(FieldSharesSchema),
});
export type DriftDay = z.infer<typeof DriftDaySchema>;

/** Ids by number, in order of appearance. */
const entityNumbers = (ids: readonly string[]): Int32Array => {
  const numbers = new Map<string, number>();
  return Int32Array.from(ids, (id) => {
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return number;
  });
};

/** Rows of transactions and their features; a transaction without entities is one of its own. */
export const driftRows = (
  schema: TransactionSchema,
  features: FeatureMatrix,
  transactions: readonly Pick<Transaction, 'id' | 'entities' | 'categorical'>[],
): DriftRows => {
  return {
    features,
    entities: entityNumbers(transactions.map(({ id, entities: [primary = id] }) => primary)),
    secondary: schema.entities.slice(1).map(({ name }, i) => ({
      name,
      entities: entityNumbers(transactions.map(({ id, entities }) => entities[i + 1] ?? id)),
    })),
    categorical: schema.categorical.map(({ column }, i) => ({
      field: column,
      values: transactions.map((t) => t.categorical[i] ?? null),
    })),
  };
};

/** The chosen rows (default: all) in groups of one entity each. */
export const rowsByEntity = (entities: Int32Array, chosen?: Uint32Array): readonly Uint32Array[] => {
  // One number for entity and row sorts without a comparator, which is most of the cost of a day.
  const stride = entities.length;
  const keys = Float64Array.from(chosen ?? entities.keys(), (row) => entities[row]! * stride + row).sort();
  const order = Uint32Array.from(keys, (key) => key % stride);
  const groups: Uint32Array[] = [];
  for (let from = 0, to = 1; from < order.length; from = to) {
    for (to = from + 1; to < order.length && entities[order[to]!] === entities[order[from]!];) to += 1;
    groups.push(order.subarray(from, to));
  }
  return groups;
};

/** The chosen rows (default: all) in groups of the entity of a name, null the primary one; each grouping is made once. */
export type GroupsOf = (entity: string | null) => readonly Uint32Array[];

export const groupsOf = (rows: DriftRows, chosen?: Uint32Array): GroupsOf => {
  const made = new Map<string | null, readonly Uint32Array[]>();
  return (entity) => {
    const known = made.get(entity);
    if (known) return known;
    const other = entity === null ? rows : rows.secondary.find(({ name }) => name === entity);
    if (!other) throw new InputError(`the rows have no entity "${entity}"; the drift reference expects it`);
    const groups = rowsByEntity(other.entities, chosen);
    made.set(entity, groups);
    return groups;
  };
};

/** Index among the counted shares of a row's cell, -1 where the field is missing. */
type CellOf = (row: number) => number;

const numericCells = (bins: FieldBins & { kind: 'numeric' }, { features }: DriftRows): CellOf => {
  const index = features.columns.findIndex((column) => column.name === bins.name);
  if (index < 0) throw new InputError(`the rows have no feature column "${bins.name}"; the drift reference expects it`);
  const width = features.columns.length;
  return (row) => {
    const value = features.values[row * width + index]!;
    return Number.isNaN(value) ? -1 : binOf(bins.cuts, value);
  };
};

const categoricalCells = (bins: FieldBins & { kind: 'categorical' }, { categorical }: DriftRows): CellOf => {
  const column = categorical.find(({ field }) => field === bins.name);
  if (!column) throw new InputError(`the rows have no categorical field "${bins.name}"; the drift reference expects it`);
  const cells = new Map([
    ...bins.rareLevels.map((level) => [level, bins.levels.length] as const),
    ...bins.levels.map((level, i) => [level, i] as const),
  ]);
  return (row) => {
    const level = column.values[row];
    return level === null || level === undefined ? -1 : (cells.get(level) ?? bins.levels.length + 1);
  };
};

/**
 * A column of grouped rows as shares. Cost: rows + entities x shares.
 *
 * @throws InputError naming a column that the rows do not have
 */
export const fieldShares = (bins: FieldBins, rows: DriftRows, groups: GroupsOf): FieldShares => {
  const isNumeric = bins.kind === 'numeric';
  const cellOf = isNumeric ? numericCells(bins, rows) : categoricalCells(bins, rows);
  const width = shareCount(bins);
  const shares = { values: emptyShares(width), missing: emptyShares(1) };
  // A numeric value above all cuts falls into the cell after the last, which is not counted.
  const counts = new Float64Array(width + 1);
  for (const group of groups(bins.kind === 'numeric' ? bins.entity : null)) {
    counts.fill(0);
    let missing = 0;
    for (const row of group) {
      const cell = cellOf(row);
      if (cell < 0) missing += 1;
      else counts[cell]! += 1;
    }
    if (isNumeric) for (let k = 1; k < width; k += 1) counts[k]! += counts[k - 1]!;
    if (missing < group.length) addEntity(shares.values, group.length - missing, counts);
    addEntity(shares.missing, group.length, [missing]);
  }
  return shares;
};

/** A reference, as far as counting a day needs it. */
type Bins = { readonly id: string; readonly fields: readonly { readonly bins: FieldBins }[] };

const countDay = (reference: Bins, day: number, rows: DriftRows, groups: GroupsOf, count: number): DriftDay => ({
  day,
  reference: reference.id,
  rows: count,
  entities: groups(null).length,
  fields: reference.fields.map(({ bins }) => fieldShares(bins, rows, groups)),
});

/**
 * Counts one closed event day by a reference's bins.
 *
 * @throws InputError naming a column that the rows do not have
 */
export const summariseDay = (reference: Bins, day: number, rows: DriftRows): DriftDay =>
  countDay(reference, day, rows, groupsOf(rows), rows.entities.length);

/**
 * The days of a stretch of rows: the last week before a model takes over, so that its first day ends a whole one.
 *
 * @throws InputError naming a column that the rows do not have
 */
export const summariseDays = (
  reference: Bins,
  rows: DriftRows & { readonly occurredAtMs: Float64Array },
  fromDay: number,
): readonly DriftDay[] => {
  const byDay = new Map<number, number[]>();
  rows.occurredAtMs.forEach((ms, row) => {
    const day = Math.floor(ms / DAY_MS);
    const found = byDay.get(day);
    if (found) found.push(row);
    else if (day >= fromDay) byDay.set(day, [row]);
  });
  return [...byDay]
    .sort(([a], [b]) => a - b)
    .map(([day, chosen]) => countDay(reference, day, rows, groupsOf(rows, Uint32Array.from(chosen)), chosen.length));
};
