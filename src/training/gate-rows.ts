import { InputError } from '../domain/input-error.js';
import type { JudgedRows, RowGroup, SideScores } from './gate-figures.js';
import type { GateSettings } from './gate-settings.js';

const ROWS_MAX = 5_000_000;

/** The later slice: real rows alone, in event order. Synthetic and rehearsed rows have no place in it. */
export interface GateRows {
  /** 1 fraud, 0 legitimate, -1: its label delay has not passed (`maturedLabels`). */
  readonly labels: Int8Array;
  /** Any numbers that rows of one primary entity share (`entityNumbers`). */
  readonly entities: Int32Array;
  /** Epoch day (UTC) of the event. */
  readonly days: Int32Array;
  /** A segment's number for each row, and what each is called; absent: the traffic is one segment. */
  readonly segments?: { readonly numbers: Int32Array; readonly names: readonly string[] };
}

/**
 * @throws InputError naming what is empty, too long or of another length
 */
export const judgedRows = (rows: GateRows, budget: number, settings: GateSettings): JudgedRows => {
  const { labels, entities, days, segments } = rows;
  const n = labels.length;
  if (n === 0) throw new InputError('the slice to judge on holds no rows');
  if (n > ROWS_MAX) throw new InputError(`the slice to judge on holds ${n} rows; ${ROWS_MAX} is the most`);
  if (!(budget > 0 && budget <= 1)) throw new InputError(`budget: ${budget} is not a share above 0 and up to 1`);
  sameLength('entities', entities.length, n);
  sameLength('days', days.length, n);
  if (segments) sameLength('segments', segments.numbers.length, n);
  const wrong = labels.findIndex((label) => label < -1 || label > 1);
  if (wrong >= 0) throw new InputError(`label of row ${wrong}: ${labels[wrong]} is not 1, 0 or -1`);
  const numbers = new Map<number, number>();
  const clusters = entities.map((entity) => {
    const number = numbers.get(entity) ?? numbers.size;
    numbers.set(entity, number);
    return number;
  });
  const matured = [...labels.keys()].filter((row) => labels[row]! >= 0);
  const hasFrauds = (of: readonly number[]): boolean => fraudEntities(of, labels, clusters) >= settings.fraudEntitiesMin;
  const maturedDays = new Set(matured.map((row) => days[row]!));
  const cardsPerDay = Math.max(1, Math.round((budget * matured.length) / Math.max(1, maturedDays.size)));
  return {
    labels,
    clusters,
    clusterCount: numbers.size,
    days,
    matured,
    segments: segments ? segmentGroups(segments, matured, hasFrauds) : [],
    dayParts: dayParts([...maturedDays], days, matured, settings.days.parts, hasFrauds),
    cardsPerDay,
  };
};

const sameLength = (what: string, length: number, rows: number): void => {
  if (length !== rows) throw new InputError(`${what}: ${length} values for ${rows} rows`);
};

/** @throws InputError naming the side, the field and the row that cannot be judged */
export const checkSide = (name: string, side: SideScores, rows: number): void => {
  const { scores, alerted, fraudProbabilities } = side;
  sameLength(`scores of ${name}`, scores.length, rows);
  sameLength(`decisions of ${name}`, alerted.length, rows);
  const noScore = scores.findIndex((score) => Number.isNaN(score));
  if (noScore >= 0) throw new InputError(`scores of ${name}: row ${noScore} is NaN, expected a number`);
  if (!fraudProbabilities) return;
  sameLength(`fraud probabilities of ${name}`, fraudProbabilities.length, rows);
  const wrong = fraudProbabilities.findIndex((p) => !(p >= 0 && p <= 1));
  if (wrong >= 0)
    throw new InputError(`fraud probabilities of ${name}: row ${wrong} is ${fraudProbabilities[wrong]}, expected 0 to 1`);
};

/** Frauds of one entity are not independent: how sure a figure is depends on how many entities had one. */
export const fraudEntities = (rows: readonly number[], labels: Int8Array, clusters: Int32Array): number =>
  new Set(rows.filter((row) => labels[row] === 1).map((row) => clusters[row]!)).size;

/** Segments with too few frauds are one; where all have, they say nothing beyond the whole. */
const segmentGroups = (
  { numbers, names }: NonNullable<GateRows['segments']>,
  matured: readonly number[],
  hasFrauds: (rows: readonly number[]) => boolean,
): readonly RowGroup[] => {
  const byNumber = new Map<number, number[]>();
  for (const row of matured) {
    const group = byNumber.get(numbers[row]!);
    if (group) group.push(row);
    else byNumber.set(numbers[row]!, [row]);
  }
  const groups = [...byNumber].sort(([a], [b]) => a - b).map(([number, rows]) => ({ number, rows }));
  const large = groups.filter(({ rows }) => hasFrauds(rows));
  const small = groups.filter((group) => !large.includes(group)).flatMap(({ rows }) => rows);
  const named = large.map(({ number, rows }) => ({ name: names[number] ?? `segment ${number}`, rows }));
  const judged = hasFrauds(small) ? [...named, { name: 'all smaller segments', rows: small }] : named;
  return groups.length < 2 || large.length === 0 ? [] : judged;
};

/** As many parts of consecutive days as asked for, fewer where one would hold too few frauds; one says nothing beyond the whole. */
const dayParts = (
  all: readonly number[],
  days: Int32Array,
  matured: readonly number[],
  partsMax: number,
  hasFrauds: (rows: readonly number[]) => boolean,
): readonly RowGroup[] => {
  const sorted = [...all].sort((a, b) => a - b);
  const place = new Map(sorted.map((day, i) => [day, i]));
  for (let parts = Math.min(partsMax, sorted.length); parts > 1; parts -= 1) {
    const groups = Array.from({ length: parts }, (_, i) => ({ name: `part ${i + 1} of ${parts}`, rows: [] as number[] }));
    for (const row of matured) groups[Math.floor((place.get(days[row]!)! * parts) / sorted.length)]!.rows.push(row);
    if (groups.every(({ rows }) => hasFrauds(rows))) return groups;
  }
  return [];
};
