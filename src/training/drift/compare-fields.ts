import { WEEK_DAYS, type DayShares } from './daily-shares.js';
import type { DriftDay } from './drift-day.js';
import type { DriftReference } from './drift-reference.js';
import { clearestChange, shareChanges, type ShareChange } from './share-change.js';

/** How far one column moved from the reference. Distances are 0 to 1; null where no row of a side has the field. */
export interface FieldDrift {
  readonly name: string;
  readonly field: string;
  readonly kind: 'numeric' | 'categorical';
  /** Rows of the window in which it is present. */
  readonly rows: number;
  /** Population stability index less what chance alone gives it. */
  readonly psi: number | null;
  /** Numeric: largest distance of the two distributions, at the cuts. Categorical: null. */
  readonly ks: number | null;
  /** The share that changed most clearly: numeric, of rows at or below a cut; categorical, of a level. */
  readonly clearest: (ShareChange & { readonly of: string }) | null;
  /** Categorical: share of levels that the reference does not know. */
  readonly newLevels: ShareChange | null;
  readonly missing: ShareChange;
}

/**
 * The newest day of each weekday among those of the last two weeks, so that a day without rows is stood in for by the same weekday
 * before it; null where a weekday is missing. Days counted by the bins of another
 * reference are no days of this one; days of its own rows are, which lets the first day after training be judged.
 */
export const windowDays = (reference: DriftReference, days: readonly DriftDay[]): readonly DriftDay[] | null => {
  const own = days.filter(({ reference: id, rows }) => id === reference.id && rows > 0);
  const last = Math.max(...own.map(({ day }) => day));
  const newest = new Map<number, DriftDay>();
  for (const day of own) {
    const before = newest.get(day.day % WEEK_DAYS);
    if (day.day > last - 2 * WEEK_DAYS && (!before || before.day < day.day)) newest.set(day.day % WEEK_DAYS, day);
  }
  return newest.size < WEEK_DAYS ? null : [...newest.values()].sort((a, b) => a.day - b.day);
};

/** Shares of the bins: of rising cumulative shares the steps, of levels the shares themselves. */
const binShares = (shares: readonly number[], isCumulative: boolean): readonly number[] =>
  isCumulative ? [...shares, 1].map((share, k) => share - (shares[k - 1] ?? 0)) : shares;

/** Half a row in every bin keeps the index finite. */
const smoothed = (shares: readonly number[], rows: number): readonly number[] =>
  shares.map((share) => (share * rows + 0.5) / (rows + 0.5 * shares.length));

/**
 * Σ (q − p) log(q / p), Jeffreys' divergence of the bins, less its expectation without drift: (bins − 1) times the variance of a
 * share relative to that of one row (Yurdakul & Naranjo 2020, with variances that know of days and entities).
 */
const stabilityIndex = (
  changes: readonly ShareChange[],
  isCumulative: boolean,
  rows: { readonly was: number; readonly is: number },
): number => {
  const p = smoothed(
    binShares(
      changes.map(({ was }) => was),
      isCumulative,
    ),
    rows.was,
  );
  const q = smoothed(
    binShares(
      changes.map(({ is }) => is),
      isCumulative,
    ),
    rows.is,
  );
  const index = p.reduce((sum, share, k) => sum + (q[k]! - share) * Math.log(q[k]! / share), 0);
  const relative = changes
    .filter(({ was }) => was > 0 && was < 1)
    .map(({ was, standardError }) => standardError ** 2 / (was * (1 - was)));
  const mean = relative.reduce((sum, value) => sum + value, 0) / Math.max(1, relative.length);
  return Math.max(0, index - (p.length - 1) * mean);
};

const compareField = (reference: DriftReference['fields'][number], days: readonly DriftDay[], index: number): FieldDrift => {
  const { bins, values, missing } = reference;
  const daily = (table: 'values' | 'missing'): DayShares[] => days.map((d) => ({ day: d.day, table: d.fields[index]![table] }));
  const present = daily('values').filter(({ table }) => table.rows > 0);
  const rows = present.reduce((sum, { table }) => sum + table.rows, 0);
  const [missed] = shareChanges(missing, daily('missing'));
  const base = { name: bins.name, field: bins.field, kind: bins.kind, rows, missing: missed! };
  if (rows === 0 || values.rows === 0) return { ...base, psi: null, ks: null, clearest: null, newLevels: null };
  const all = shareChanges(values, present);
  const isNumeric = bins.kind === 'numeric';
  // What new levels were to have is an estimate, and fewer of them than that are no change of the distribution.
  const changes = isNumeric ? all : all.slice(0, -1);
  const clearest = clearestChange(changes);
  const of = clearest ? changes.indexOf(clearest) : -1;
  return {
    ...base,
    psi: stabilityIndex(changes, isNumeric, { was: values.rows, is: rows }),
    ks: isNumeric ? Math.max(0, ...changes.map(({ was, is }) => Math.abs(is - was))) : null,
    clearest: clearest && {
      ...clearest,
      of: isNumeric ? `<= ${bins.cuts[of]!}` : ([...bins.levels, 'rare levels'][of] ?? ''),
    },
    newLevels: isNumeric ? null : all.at(-1)!,
  };
};

/** Every column of the window against the reference, in its order. @param days of `windowDays` */
export const compareFields = (reference: DriftReference, days: readonly DriftDay[]): readonly FieldDrift[] =>
  reference.fields.map((field, index) => compareField(field, days, index));

/** Shares that are tested on a day: what the limit of false alarms is divided by. */
export const testCount = (reference: DriftReference): number =>
  reference.fields.reduce((sum, { values, missing }) => sum + values.shares.length + missing.shares.length, 0);
