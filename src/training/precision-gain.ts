import { type BootstrapOptions, bootstrapClusters, intervalOf } from './paired-bootstrap.js';

/** Rows that judge, with the scores of several fits of each of two ways. */
export interface JudgedScores {
  /** 1 fraud, 0 legitimate. */
  readonly labels: Uint8Array;
  /** What rows of one primary entity share: these are drawn together, since a compromised card's frauds are no independent finds. */
  readonly entities: Int32Array;
  /** How many rows of the stream each stands for. */
  readonly weights: Float64Array;
  /** One array of scores a fit. */
  readonly without: readonly Float64Array[];
  readonly with: readonly Float64Array[];
}

/** Average precision of both ways, mean of their fits, and the difference with its interval. */
export interface PrecisionGain {
  readonly without: number;
  readonly with: number;
  readonly gain: number;
  readonly low: number;
  readonly high: number;
}

/** Rows from the highest score down; rows of equal scores are judged together, at the last of them. */
interface Ranking {
  readonly order: Uint32Array;
  readonly isLast: Uint8Array;
}

const rankingOf = (scores: Float64Array): Ranking => {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!);
  return { order, isLast: Uint8Array.from(order, (row, i) => (scores[order[i + 1] ?? -1] === scores[row] ? 0 : 1)) };
};

/** As `averagePrecision`, of rows that are sorted already: a bootstrap asks a thousand times. NaN without frauds. */
const precisionOf = ({ order, isLast }: Ranking, labels: Uint8Array, weights: Float64Array): number => {
  let [frauds, all, before, sum] = [0, 0, 0, 0];
  for (let i = 0; i < order.length; i += 1) {
    const row = order[i]!;
    all += weights[row]!;
    if (labels[row] === 1) frauds += weights[row]!;
    if (isLast[i] === 1 && frauds > before) {
      sum += (frauds - before) * (frauds / all);
      before = frauds;
    }
  }
  return frauds === 0 ? NaN : sum / frauds;
};

export interface GainOptions extends Pick<BootstrapOptions, 'resamples' | 'random' | 'signal'> {
  /** Of the two-sided interval. */
  readonly confidence: number;
}

/**
 * Paired bootstrap over entities (percentile interval): both ways are judged on the same resampled entities. The fits are
 * resampled too, for the gain of a way is not that of one lucky fit of it. Cost: resamples x rows x fits of each way.
 */
export const precisionGain = async (judged: JudgedScores, options: GainOptions): Promise<PrecisionGain> => {
  const { labels, weights } = judged;
  const { resamples, random, signal, confidence } = options;
  const [base, other] = [judged.without.map(rankingOf), judged.with.map(rankingOf)];
  const numbers = new Map([...new Set(judged.entities)].map((entity, i) => [entity, i]));
  const entityOf = Uint32Array.from(judged.entities, (entity) => numbers.get(entity)!);
  const mean = (rankings: readonly Ranking[], of: Float64Array): number =>
    rankings.reduce((sum, ranking) => sum + precisionOf(ranking, labels, of), 0) / rankings.length;
  const chance = random.fork('fits');
  const drawnFrom = (rankings: readonly Ranking[]): readonly Ranking[] =>
    rankings.map(() => rankings[chance.integer(rankings.length)]!);
  const drawn = new Float64Array(labels.length);
  const gainOf = (times: Int32Array): readonly number[] => {
    for (let r = 0; r < drawn.length; r += 1) drawn[r] = weights[r]! * times[entityOf[r]!]!;
    return [mean(drawnFrom(other), drawn) - mean(drawnFrom(base), drawn)];
  };
  const resampled = await bootstrapClusters(numbers.size, [{ keys: ['gain'], of: gainOf }], {
    resamples,
    random: random.fork('entities'),
    ...(signal && { signal }),
  });
  const [without, after] = [mean(base, weights), mean(other, weights)];
  const { value, low, high } = intervalOf(after - without, resampled.draws('gain'), confidence);
  return { without, with: after, gain: value, low, high };
};
