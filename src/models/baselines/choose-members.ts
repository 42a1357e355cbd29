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
  /** Joins where it raises average precision. */
  readonly optional: string;
  readonly fit: (names: readonly string[], data: TrainingData) => Promise<Readonly<Record<string, Detector>>>;
  readonly combine: (scores: readonly Float64Array[]) => Float64Array;
}

/** With fewer frauds to learn from or to judge on, the difference of two candidates is chance. */
const FRAUDS_MIN = 40;

/**
 * Chooses on the last rows of the training part, which come later in time as served rows do. As in the Fraud Detection
 * Handbook, entities already known as compromised are no judges: recognising them again is not what is asked.
 */
export const chooseMembers = async (data: TrainingData, share: number, candidates: Candidates): Promise<Choice> => {
  const { fixed, optional, fit, combine } = candidates;
  const { learn, judge } = partRows(data, share);
  const [known, judged] = [countFrauds(learn.labels!), countFrauds(judge.labels!)];
  if (known < FRAUDS_MIN || judged < FRAUDS_MIN)
    return {
      members: fixed,
      columns: null,
      reason: `too few frauds to choose on: ${known} to learn from, ${judged} to judge on`,
    };
  const scoresOf = async (names: readonly string[], columns: readonly string[] | null): Promise<Float64Array[]> => {
    const fitted = await fit(names, withColumns(learn, columns));
    return names.map((name) => fitted[name]!.score(withColumns(judge, columns).features));
  };
  const precision = (scores: readonly Float64Array[]): number => averagePrecision(judge.labels!, combine(scores));

  const [first, ...others] = fixed;
  const all = await scoresOf([first!], null);
  const reasons: string[] = [];
  let columns: readonly string[] | null = null;
  let scores = all;
  if (data.features.columns.some(({ name }) => name === MARKOV_COLUMN)) {
    const without = data.features.columns.map(({ name }) => name).filter((name) => name !== MARKOV_COLUMN);
    const less = await scoresOf([first!], without);
    const [withFilter, withoutFilter] = [precision(all), precision(less)];
    reasons.push(`${MARKOV_COLUMN} ${withFilter.toFixed(3)}, without ${withoutFilter.toFixed(3)}`);
    if (withoutFilter > withFilter) [columns, scores] = [without, less];
  }
  const trees = [...scores, ...(await scoresOf(others, columns))];
  const [line] = await scoresOf([optional], columns);
  const [withoutLine, withLine] = [precision(trees), precision([...trees, line!])];
  reasons.push(`${fixed.join(' + ')} ${withoutLine.toFixed(3)}, and ${optional} ${withLine.toFixed(3)}`);
  return {
    members: withLine > withoutLine ? [...fixed, optional] : fixed,
    columns,
    reason: `average precision on ${judged} later frauds: ${reasons.join('; ')}`,
  };
};

const withColumns = (data: TrainingData, columns: readonly string[] | null): TrainingData =>
  columns === null ? data : { ...data, features: selectColumns(data.features, columns) };

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
