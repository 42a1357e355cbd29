import { selectColumns, selectRows } from '../../domain/feature-matrix.js';
import { averagePrecision } from '../../domain/ranking.js';
import type { Detector, TrainingData } from '../detector.js';
import { MARKOV_COLUMN } from '../markov-channel.js';
import { countFrauds } from './labelled-rows.js';

/** What an ensemble is made of, and why. */
export interface Choice {
  readonly members: readonly string[];
  /** The columns that its members see; null: all. */
  readonly columns: readonly string[] | null;
  readonly reason: string;
}

export interface Candidates {
  /** Members whatever the validation says; the first alone judges the columns. */
  readonly fixed: readonly string[];
  /** Joins where it raises average precision; null: nothing is left to choose. */
  readonly optional: string | null;
  readonly fit: (names: readonly string[], data: TrainingData) => Promise<Readonly<Record<string, Detector>>>;
  readonly combine: (scores: readonly Float64Array[]) => Float64Array;
}

/** With fewer frauds to learn from or to judge on, the difference of two candidates is chance. */
const FRAUDS_MIN = 40;

/**
 * Chooses on the last rows of the training part, which come later in time as served rows do. As in the Fraud Detection
 * Handbook, entities already known as compromised are no judges: recognising them again is not what is asked.
 *
 * Columns that say who the entity is are left out before: a tree learns few compromised entities by heart.
 */
export const chooseMembers = async (data: TrainingData, share: number, candidates: Candidates): Promise<Choice> => {
  const { fixed, optional, fit, combine } = candidates;
  const identity = identityColumns(data);
  const every = data.features.columns.map(({ name }) => name);
  let columns = every.filter((name) => !identity.includes(name));
  const reasons = identity.length > 0 ? [`without ${identity.join(', ')}, which say who it is`] : [];
  const chosen = (members: readonly string[]): Choice => ({
    members,
    columns: columns.length === every.length ? null : columns,
    reason: reasons.join('; '),
  });
  if (optional === null) return chosen(fixed);
  const { learn, judge } = partRows(data, share);
  const [known, judged] = [countFrauds(learn.labels!), countFrauds(judge.labels!)];
  if (known < FRAUDS_MIN || judged < FRAUDS_MIN) {
    reasons.push(`too few frauds to choose on: ${known} to learn from, ${judged} to judge on`);
    // A line beside the trees steadies them where there is little to learn from.
    return chosen([...fixed, optional]);
  }
  const scoresOf = async (names: readonly string[], seen: readonly string[]): Promise<Float64Array[]> => {
    const fitted = await fit(names, { ...learn, features: selectColumns(learn.features, seen) });
    return names.map((name) => fitted[name]!.score(selectColumns(judge.features, seen)));
  };
  const precision = (scores: readonly Float64Array[]): number => averagePrecision(judge.labels!, combine(scores));
  reasons.push(`average precision on ${judged} later frauds`);

  const [first, ...others] = fixed;
  let scores = await scoresOf([first!], columns);
  if (columns.includes(MARKOV_COLUMN)) {
    const without = columns.filter((name) => name !== MARKOV_COLUMN);
    const less = await scoresOf([first!], without);
    reasons.push(`${MARKOV_COLUMN} ${precision(scores).toFixed(3)}, without ${precision(less).toFixed(3)}`);
    if (precision(less) > precision(scores)) [columns, scores] = [without, less];
  }
  const trees = [...scores, ...(await scoresOf(others, columns))];
  const all = [...trees, ...(await scoresOf([optional], columns))];
  reasons.push(`${fixed.join(' + ')} ${precision(trees).toFixed(3)}, and ${optional} ${precision(all).toFixed(3)}`);
  return chosen(precision(all) > precision(trees) ? [...fixed, optional] : fixed);
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

const partRows = ({ features, labels, entities }: TrainingData, share: number): { learn: TrainingData; judge: TrainingData } => {
  const boundary = Math.floor((1 - share) * features.rowCount);
  const rows = [...labels!.keys()];
  const compromised = new Set(rows.filter((r) => r < boundary && labels![r] === 1).map((r) => entities?.[r]));
  const part = (chosen: readonly number[]): TrainingData => ({
    features: selectRows(features, chosen),
    labels: Uint8Array.from(chosen, (r) => labels![r]!),
  });
  return {
    learn: part(rows.slice(0, boundary)),
    judge: part(rows.slice(boundary).filter((r) => !entities || !compromised.has(entities[r]))),
  };
};
