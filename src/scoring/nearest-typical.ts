import type { NearestTypical, TypicalChange } from '../domain/alert.js';
import type { ScoreCalibration } from '../domain/calibration.js';
import { type FeatureMatrix, featureMatrix } from '../domain/feature-matrix.js';
import type { Transaction } from '../domain/transaction.js';
import type { UsualValues } from '../models/detector.js';
import type { Evidence } from './explain.js';
import { featureWords, isNatural, observedValue } from './feature-words.js';
import { channelFeatures, type ScoringModel } from './scoring-model.js';

/** A row is ordinary when at least this share of the reference window scores as high. */
const ORDINARY_P = 0.1;
/** What is tried: so many fields at once, of the heaviest, each with the cells of so many ordinary rows. */
const CHANGES_MAX = 3;
const FIELDS_TRIED = 4;
const ROWS_TRIED = 16;
const SLOW_ROWS_TRIED = 4;

/** The largest score of a window that is still ordinary. */
export const ordinaryScore = ({ n, knots, survival }: ScoreCalibration): number => {
  const least = ORDINARY_P * (n + 1) - 1;
  const above = survival.findIndex((count) => count < least);
  return knots[Math.max(0, (above < 0 ? knots.length : above) - 1)]!;
};

export interface TypicalSearch {
  /** One row. */
  readonly features: FeatureMatrix;
  readonly score: (features: FeatureMatrix) => Float64Array;
  /** What is usual given the rest of a row, where the detector can say; `usual` of `features`. */
  readonly usual?: UsualValues | undefined;
  readonly usualOf?: ((features: FeatureMatrix) => UsualValues) | undefined;
  readonly background: FeatureMatrix;
  /** Rows of the background that are tried. */
  readonly rowsTried?: number;
  /** Fields, the heaviest first. A field's columns change together: they say one thing. */
  readonly fields: readonly string[];
  readonly threshold: number;
}

export interface TypicalRow {
  /** In the order in which they were changed. */
  readonly fields: readonly string[];
  readonly features: FeatureMatrix;
  readonly score: number;
}

interface Candidate {
  readonly field: string;
  readonly isUsual: boolean;
  readonly values: Float32Array;
}

const withField = (row: FeatureMatrix, field: string, cellOf: (column: number) => number): Float32Array =>
  row.values.map((cell, c) => {
    if (row.columns[c]!.field !== field) return cell;
    const other = cellOf(c);
    return Number.isNaN(other) ? cell : other;
  });

/** Each field with what is usual given the rest, and as some ordinary rows have it. */
const candidatesOf = (
  { background, usual: first, usualOf, features, rowsTried = ROWS_TRIED }: TypicalSearch,
  row: FeatureMatrix,
  fields: readonly string[],
): Candidate[] => {
  const usual = row === features ? (first ?? usualOf?.(row)) : usualOf?.(row);
  const width = row.columns.length;
  const candidates = fields.flatMap((field) => [
    ...(usual ? [{ field, isUsual: true, values: withField(row, field, (c) => usual.median[c]!) }] : []),
    ...Array.from({ length: Math.min(rowsTried, background.rowCount) }, (_, b) => ({
      field,
      isUsual: false,
      values: withField(row, field, (c) => background.values[b * width + c]!),
    })),
  ]);
  // Where nothing is known of a field its cell stays as it is: no change.
  return candidates.filter(({ values }) => values.some((value, c) => !Object.is(value, row.values[c])));
};

const scoreCandidates = ({ score }: TypicalSearch, row: FeatureMatrix, candidates: readonly Candidate[]): Float64Array => {
  const values = new Float32Array(candidates.length * row.columns.length);
  candidates.forEach((candidate, i) => values.set(candidate.values, i * row.columns.length));
  return score(featureMatrix(row.columns, values));
};

/** Of those that are ordinary the first field's usual value, else its best; if none is, the best of all. */
const choose = (candidates: readonly Candidate[], scores: Float64Array, threshold: number): number => {
  const best = (chosen: readonly number[]): number => chosen.reduce((least, i) => (scores[i]! < scores[least]! ? i : least));
  const ordinary = [...candidates.keys()].filter((i) => scores[i]! <= threshold);
  if (ordinary.length === 0) return best([...candidates.keys()]);
  const ofFirst = ordinary.filter((i) => candidates[i]!.field === candidates[ordinary[0]!]!.field);
  return ofFirst.find((i) => candidates[i]!.isUsual) ?? best(ofFirst);
};

/**
 * Greedy: the fewest fields found that make a row ordinary, by one change after the other; null when three are not enough.
 * Changes that turn out not to be needed (a score that is the largest of several moves only with the last) are taken back.
 * Cost: at most 3 x (4 x 17 scores and one question for usual values).
 */
export const searchTypical = (search: TypicalSearch): TypicalRow | null => {
  let { features } = search;
  const changed: string[] = [];
  while (changed.length < CHANGES_MAX) {
    const fields = search.fields.filter((field) => !changed.includes(field)).slice(0, FIELDS_TRIED);
    const candidates = candidatesOf(search, features, fields);
    if (candidates.length === 0) return null;
    const scores = scoreCandidates(search, features, candidates);
    const chosen = choose(candidates, scores, search.threshold);
    const { field, values } = candidates[chosen]!;
    features = featureMatrix(features.columns, values);
    changed.push(field);
    if (scores[chosen]! <= search.threshold)
      return withoutNeedless(search, { fields: changed, features, score: scores[chosen]! });
  }
  return null;
};

const withoutNeedless = (search: TypicalSearch, found: TypicalRow): TypicalRow => {
  let needed = found;
  for (const field of found.fields.slice(0, -1)) {
    const values = withField(needed.features, field, (c) => search.features.values[c]!);
    const features = featureMatrix(needed.features.columns, values);
    const score = search.score(features)[0]!;
    if (score <= search.threshold) needed = { fields: needed.fields.filter((each) => each !== field), features, score };
  }
  return needed;
};

/**
 * The nearest typical transaction: the fewest fields whose usual values would make an alerted row ordinary in the channel that
 * raised it. Null where none was found, and for H, whose evidence is no field of the transaction.
 *
 * @param calibration of that channel
 */
export const nearestTypical = (
  model: ScoringModel,
  evidence: Evidence,
  transaction: Transaction,
  calibration: ScoreCalibration,
): NearestTypical | null => {
  const { channel, features, terms } = evidence;
  const detector = model.detectors[channel];
  if (!detector || channel === 'H') return null;
  const found = searchTypical({
    features,
    score: (rows) => detector.score(rows),
    usual: evidence.usual,
    usualOf: detector.usualValues && ((rows) => detector.usualValues!(rows)),
    background: channelFeatures(model.featureSet, channel, model.background, detector.estimator),
    ...(detector.isSlow && { rowsTried: SLOW_ROWS_TRIED }),
    fields: [...new Set(terms.filter(({ nats }) => nats > 0).map(({ index }) => features.columns[index]!.field))],
    threshold: ordinaryScore(calibration),
  });
  if (!found) return null;
  const changes = found.fields.map((field) => changeOf(model, evidence, transaction, found, field));
  return {
    changes: changes.map(({ change }) => change),
    text: `would be ordinary with ${changes.map(({ text }) => text).join(' and ')}`,
  };
};

/** A field's change in the words of the column that a person reads best: a habit, then a plain value, then the heaviest. */
const changeOf = (
  model: ScoringModel,
  { features, terms, habits }: Evidence,
  transaction: Transaction,
  found: TypicalRow,
  field: string,
): { change: TypicalChange; text: string } => {
  const { schema } = model.featureSet;
  const own = terms.map(({ index }) => index).filter((index) => features.columns[index]!.field === field);
  const nameOf = (index: number): string => features.columns[index]!.name;
  const withHabit = own.find((index) => typeof habits[nameOf(index)]?.observed === 'number');
  const isPlain = (index: number): boolean =>
    isNatural(features.columns[index]!) || features.columns[index]!.kind === 'categorical';
  const index = withHabit ?? own.find(isPlain) ?? own[0]!;
  const column = features.columns[index]!;
  const habit = withHabit === undefined ? undefined : habits[column.name];
  const observed = habit?.observed ?? observedValue(column, features.values[index]!, transaction, schema);
  const { phrase, show, unit } = featureWords(column, habit !== undefined, transaction, schema);
  // A surprisal says that a value is unusual, not which one would not be.
  const typical = habit
    ? habit.median
    : isPlain(index)
      ? observedValue(column, found.features.values[index]!, transaction, schema)
      : null;
  const text = typical === null ? `${phrase} as usual` : `${phrase} ${show(typical)}${unit} instead of ${show(observed)}${unit}`;
  return { change: { feature: column.name, field, observed, typical }, text };
};
