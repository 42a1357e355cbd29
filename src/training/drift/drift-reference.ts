import { z } from 'zod';
import { InputError } from '../../domain/input-error.js';
import { DAY_MS } from '../../domain/time.js';
import { referenceShares, ReferenceSharesSchema, WEEK_DAYS, type DayShares, type ReferenceShares } from './daily-shares.js';
import { FraudRateReferenceSchema, weeklyRates, type FraudRateReference } from './fraud-rate.js';
import { FieldBinsSchema, fieldShares, groupsOf, rowsByEntity, shareCount, type DriftRows, type FieldBins } from './drift-day.js';
import { matureShares } from './matured-shares.js';
import type { DriftSettings } from './drift-settings.js';
import { numericCuts } from './numeric-cuts.js';

/** Fewer weeks say nothing of how much days differ. */
const WEEKS_MIN = 2;

export const DriftReferenceSchema = z.strictObject({
  format: z.literal(1),
  /** Of the model whose training rows these are. */
  id: z.string().min(1).max(200),
  /** Epoch days (UTC) of the rows: whole weeks, the newest of the training range. */
  fromDay: z.number().int(),
  toDay: z.number().int(),
  rows: z.number().int(),
  fields: z.array(z.strictObject({ bins: FieldBinsSchema, values: ReferenceSharesSchema, missing: ReferenceSharesSchema })),
  /** Share of frauds among rows whose label delay had passed; null without labels. */
  fraudRate: FraudRateReferenceSchema.nullable(),
});
/**
 * What the rows looked like that a model was trained on, as small JSON that is kept beside the model. Shares of quantile bins and
 * of levels, how often fields are missing, and how much all of that differs from day to day without any drift.
 */
export type DriftReference = z.infer<typeof DriftReferenceSchema>;

export interface ReferenceRows extends DriftRows {
  readonly occurredAtMs: Float64Array;
  /** 1 fraud, 0 legitimate, -1 not known yet (as `maturedLabels`); absent: no labels. */
  readonly labels?: Int8Array;
}

/** @throws InputError when the JSON is not a reference, naming what is wrong */
export const parseDriftReference = (json: unknown): DriftReference => {
  const parsed = DriftReferenceSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new InputError(`drift reference: ${path.join('.') || 'the whole'}: ${message}`);
};

interface DayRows {
  readonly day: number;
  readonly rows: Uint32Array;
}

/** Rows of the newest whole weeks, by day: partial weeks would tilt the mix of weekdays. */
const wholeWeeks = (occurredAtMs: Float64Array): readonly DayRows[] => {
  const byDay = new Map<number, number[]>();
  occurredAtMs.forEach((ms, row) => {
    const day = Math.floor(ms / DAY_MS);
    const rows = byDay.get(day);
    if (rows) rows.push(row);
    else byDay.set(day, [row]);
  });
  const days = [...byDay.keys()].sort((a, b) => a - b);
  const last = days.at(-1) ?? 0;
  const weeks = days.length === 0 ? 0 : Math.floor((last - days[0]! + 1) / WEEK_DAYS);
  if (weeks < WEEKS_MIN)
    throw new InputError(`the drift reference has rows of ${weeks} whole weeks; at least ${WEEKS_MIN} are needed`);
  return days.filter((day) => day > last - weeks * WEEK_DAYS).map((day) => ({ day, rows: Uint32Array.from(byDay.get(day)!) }));
};

/** Columns about a secondary entity have its name before theirs ("merchant_risk_7d") or as the field they speak about. */
const entityOf = (name: string, field: string, secondary: DriftRows['secondary']): string | null =>
  secondary.find((entity) => entity.name === field || name.startsWith(`${entity.name}_`))?.name ?? null;

const numericBins = ({ features, secondary }: DriftRows, rows: Uint32Array, bins: number): FieldBins[] => {
  const width = features.columns.length;
  return features.columns.flatMap(({ kind, name, field }, index) => {
    // Categorical features are the records' fields, which are compared as they came.
    if (kind !== 'numeric') return [];
    const values = Float32Array.from(rows, (row) => features.values[row * width + index]!);
    return [{ kind, name, field, entity: entityOf(name, field, secondary), cuts: numericCuts(values, bins) }];
  });
};

const categoricalBins = ({ categorical }: DriftRows, rows: Uint32Array, settings: DriftSettings): FieldBins[] =>
  categorical.map(({ field, values }) => {
    const counts = new Map<string, number>();
    for (const row of rows) {
      const level = values[row];
      if (level !== null && level !== undefined) counts.set(level, (counts.get(level) ?? 0) + 1);
    }
    const known = [...counts]
      .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
      .slice(0, settings.knownLevels)
      .map(([level]) => level);
    return {
      kind: 'categorical',
      name: field,
      field,
      levels: known.slice(0, settings.levels),
      rareLevels: known.slice(settings.levels),
    };
  });

/**
 * The training rows had every one of their levels, so what share of rows they leave for new ones is estimated: that of the levels
 * which only one entity had (Good 1953 and Turing), besides those that the list was too short for. That is what wholly new
 * customers would bring, so of customers who stay far fewer come: only more than that is a finding.
 */
const withUnseenLevels = (
  bins: FieldBins,
  values: ReferenceShares,
  rows: DriftRows,
  groups: readonly Uint32Array[],
): ReferenceShares => {
  if (bins.kind === 'numeric' || values.rows === 0) return values;
  const column = rows.categorical.find(({ field }) => field === bins.name)!.values;
  const seen = new Map<string, { entities: number; rows: number }>();
  for (const group of groups) {
    const counts = new Map<string, number>();
    for (const row of group) {
      const level = column[row];
      if (level !== null && level !== undefined) counts.set(level, (counts.get(level) ?? 0) + 1);
    }
    for (const [level, n] of counts) {
      const before = seen.get(level);
      seen.set(level, { entities: (before?.entities ?? 0) + 1, rows: (before?.rows ?? 0) + n });
    }
  }
  const known = new Set([...bins.levels, ...bins.rareLevels]);
  let unseen = 0;
  for (const [level, { entities, rows: n }] of seen) if (entities === 1 && known.has(level)) unseen += n;
  const last = values.shares.length - 1;
  return { ...values, shares: values.shares.with(last, Math.min(1, values.shares[last]! + unseen / values.rows)) };
};

/**
 * Builds the reference of a model from its training rows.
 *
 * @throws InputError for fewer than two whole weeks
 */
export const buildDriftReference = (id: string, rows: ReferenceRows, settings: DriftSettings): DriftReference => {
  const days = wholeWeeks(rows.occurredAtMs);
  const kept = Uint32Array.from(days.flatMap((day) => [...day.rows]));
  const grouped = days.map((day) => ({ day: day.day, groups: groupsOf(rows, day.rows) }));
  const groups = rowsByEntity(rows.entities, kept);
  const fields = [...numericBins(rows, kept, settings.bins), ...categoricalBins(rows, kept, settings)].map((bins) => {
    const byDay = grouped.map(({ day, groups: ofDay }) => ({ day, shares: fieldShares(bins, rows, ofDay) }));
    const daily = (table: 'values' | 'missing'): DayShares[] => byDay.map(({ day, shares }) => ({ day, table: shares[table] }));
    return {
      bins,
      values: withUnseenLevels(bins, referenceShares(daily('values'), shareCount(bins)), rows, groups),
      missing: referenceShares(daily('missing'), 1),
    };
  });
  return {
    format: 1,
    id,
    fromDay: days[0]!.day,
    toDay: days.at(-1)!.day,
    rows: kept.length,
    fields,
    fraudRate: rows.labels ? fraudRateReference(days, rows.entities, rows.labels) : null,
  };
};

const fraudRateReference = (days: readonly DayRows[], entities: Int32Array, labels: Int8Array): FraudRateReference | null =>
  weeklyRates(
    days.map(({ day, rows }) => ({ day, table: matureShares(entities, labels, rows) })),
    days.at(-1)!.day,
  );
