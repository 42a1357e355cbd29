import { selectColumns, selectRows } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import { averagePrecision } from '../../domain/ranking.js';
import type { Detector, TrainingData } from '../detector.js';
import { shuffledIndices } from '../fit-rows.js';
import { MARKOV_COLUMN } from '../markov-channel.js';
import { countFrauds } from './labelled-rows.js';

/**
 * How many columns a tree may look at. `few` (about the square root) keeps trees apart and spreads what they rest on: better
 * where few compromised entities are to learn from. `most` finds what only several columns together say.
 */
export const COLUMN_STYLES = ['most', 'few'] as const;
export type ColumnStyle = (typeof COLUMN_STYLES)[number];

/** What an ensemble is made of, and why. */
export interface Choice {
  readonly members: readonly string[];
  readonly style: ColumnStyle;
  /** The columns that its members see; null: all. */
  readonly columns: readonly string[] | null;
  readonly reason: string;
}

export interface Candidates {
  /** Members whatever the folds say; the first judges columns and style for all. */
  readonly fixed: readonly string[];
  /** Joins where it raises average precision; null: nothing is left to choose. */
  readonly optional: string | null;
  readonly fit: (name: string, style: ColumnStyle, data: TrainingData, random: Random) => Promise<Detector>;
  readonly combine: (scores: readonly Float64Array[]) => Float64Array;
}

/** With fewer frauds the difference of two candidates is chance. */
const FRAUDS_MIN = 60;
const FOLDS = 3;
/** A member that raises average precision by less is not worth its cost. */
const WORTH_MIN = 0.002;
/** More rows are sampled down to this, whole entities at a time: it bounds what choosing costs. */
const ROWS_MAX = 30_000;

/**
 * Chooses by average precision on rows of entities that the fit has not seen: folds of whole entities, since recognising
 * those already known as compromised is not what is asked (Fraud Detection Handbook). Rows without entities are their own.
 *
 * Columns that say who the entity is are left out before: a tree learns few compromised entities by heart.
 */
export const chooseMembers = async (data: TrainingData, candidates: Candidates, random: Random): Promise<Choice> => {
  const { fixed, optional, fit, combine } = candidates;
  const identity = identityColumns(data);
  const every = data.features.columns.map(({ name }) => name);
  let columns = every.filter((name) => !identity.includes(name));
  let style: ColumnStyle = 'most';
  const reasons = identity.length > 0 ? [`without ${identity.join(', ')}, which say who it is`] : [];
  const chosen = (members: readonly string[]): Choice => ({
    members,
    style,
    columns: columns.length === every.length ? null : columns,
    reason: reasons.join('; '),
  });
  if (optional === null) return chosen(fixed);
  const { sample, folds } = entityFolds(data, random.fork('folds'));
  const frauds = countFrauds(sample.labels!);
  if (frauds < FRAUDS_MIN) {
    reasons.push(`too few frauds to choose on: ${frauds}`);
    // A line beside the trees steadies them where there is little to learn from.
    return chosen([...fixed, optional]);
  }
  const scoresOf = async (name: string, by: ColumnStyle, seen: readonly string[]): Promise<Float64Array> => {
    const features = selectColumns(sample.features, seen);
    const scores = new Float64Array(features.rowCount);
    for (const [k, rows] of folds.entries()) {
      const learned = folds.flatMap((rows, other) => (other === k ? [] : rows)).sort((a, b) => a - b);
      const labels = Uint8Array.from(learned, (r) => sample.labels![r]!);
      const part = { features: selectRows(features, learned), labels };
      const detector = await fit(name, by, part, random.fork(`${name}/${k}`));
      detector.score(selectRows(features, rows)).forEach((score, i) => {
        scores[rows[i]!] = score;
      });
    }
    return scores;
  };
  const precision = (...scores: readonly Float64Array[]): number => averagePrecision(sample.labels!, combine(scores));
  reasons.push(`average precision on ${frauds} frauds of entities not fitted on`);

  const [judge] = fixed as readonly [string];
  let scores = await scoresOf(judge, style, columns);
  const few = await scoresOf(judge, 'few', columns);
  reasons.push(`trees on most columns ${precision(scores).toFixed(3)}, on few ${precision(few).toFixed(3)}`);
  if (precision(few) > precision(scores)) [style, scores] = ['few', few];
  if (columns.includes(MARKOV_COLUMN)) {
    const without = columns.filter((name) => name !== MARKOV_COLUMN);
    const less = await scoresOf(judge, style, without);
    reasons.push(`without ${MARKOV_COLUMN} ${precision(less).toFixed(3)}`);
    if (precision(less) > precision(scores)) [columns, scores] = [without, less];
  }
  const beside = await scoresOf(optional, style, columns);
  const joint = precision(scores, beside);
  reasons.push(`with ${optional} ${joint.toFixed(3)}`);
  return chosen(joint > precision(scores) + WORTH_MIN ? [...fixed, optional] : fixed);
};

/**
 * A sample of whole entities, and its rows in folds of whole entities. Without entities a row is its own. Synthetic rows are left
 * out: they were made of every fold's frauds.
 */
const entityFolds = (
  { features, labels, entities, isSynthetic }: TrainingData,
  random: Random,
): { sample: TrainingData; folds: readonly (readonly number[])[] } => {
  const rowsOf = new Map<number, number[]>();
  for (let r = 0; r < features.rowCount; r += 1) {
    if (isSynthetic?.[r] === 1) continue;
    const entity = entities?.[r] ?? r;
    const rows = rowsOf.get(entity);
    if (rows) rows.push(r);
    else rowsOf.set(entity, [r]);
  }
  const groups = [...rowsOf.values()];
  const order = shuffledIndices(groups.length, random);
  // Those with frauds are dealt out apart, so that each fold has its part of them.
  const hasFraud = (group: number): number => (groups[group]!.some((r) => labels![r] === 1) ? 0 : 1);
  const dealt = [...order].sort((a, b) => hasFraud(a) - hasFraud(b));
  const share = Math.min(1, ROWS_MAX / features.rowCount);
  const folds: number[][] = Array.from({ length: FOLDS }, () => []);
  // Every n-th group: as large a part of those with frauds as of the others.
  const taken = dealt.filter((_, i) => Math.floor((i + 1) * share) > Math.floor(i * share));
  taken.forEach((group, i) => folds[i % FOLDS]!.push(...groups[group]!));
  const kept = folds.flat().sort((a, b) => a - b);
  const at = new Map(kept.map((row, i) => [row, i]));
  return {
    sample: { features: selectRows(features, kept), labels: Uint8Array.from(kept, (r) => labels![r]!) },
    folds: folds.map((rows) => rows.map((row) => at.get(row)!).sort((a, b) => a - b)),
  };
};

/** Columns that never vary within an entity and take more than two values among entities. */
const identityColumns = ({ features, entities }: TrainingData): readonly string[] => {
  if (!entities) return [];
  const { columns, values, rowCount } = features;
  const firstRow = new Map<number, number>();
  let repeats = 0;
  const varies = new Uint8Array(columns.length);
  for (let r = 0; r < rowCount; r += 1) {
    const first = firstRow.get(entities[r]!);
    if (first === undefined) {
      firstRow.set(entities[r]!, r);
      continue;
    }
    repeats += 1;
    for (let c = 0; c < columns.length; c += 1)
      if (!Object.is(values[first * columns.length + c], values[r * columns.length + c])) varies[c] = 1;
  }
  if (repeats < firstRow.size) return [];
  const distinct = (c: number): number => new Set([...firstRow.values()].map((r) => values[r * columns.length + c])).size;
  return columns.filter((_, c) => varies[c] === 0 && distinct(c) > 2).map(({ name }) => name);
};
