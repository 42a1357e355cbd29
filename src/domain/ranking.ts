/**
 * Ranking metrics. Ties count as scikit-learn counts them: thresholds lie on distinct scores, equal scores are judged
 * together.
 */

/** Cumulated weight of frauds and of legitimate rows at each distinct score, from the highest down. */
export interface RankingPoint {
  readonly frauds: number;
  readonly legitimate: number;
}

export const rankingPoints = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  weights?: ArrayLike<number>,
): RankingPoint[] => {
  if (labels.length !== scores.length) throw new RangeError(`${scores.length} scores for ${labels.length} labels`);
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const points: RankingPoint[] = [];
  let frauds = 0;
  let legitimate = 0;
  order.forEach((row, rank) => {
    if (Number.isNaN(scores[row])) throw new RangeError(`the score of row ${row} is NaN`);
    const weight = weights?.[row] ?? 1;
    if (labels[row]) frauds += weight;
    else legitimate += weight;
    const next = order[rank + 1];
    if (next === undefined || scores[next] !== scores[row]) points.push({ frauds, legitimate });
  });
  return points;
};

/** Area under the ROC curve; NaN where a class is missing. */
export const auroc = (labels: ArrayLike<number>, scores: ArrayLike<number>, weights?: ArrayLike<number>): number => {
  const points = rankingPoints(labels, scores, weights);
  const last = points.at(-1);
  if (!last || last.frauds === 0 || last.legitimate === 0) return NaN;
  let area = 0;
  let before: RankingPoint = { frauds: 0, legitimate: 0 };
  for (const point of points) {
    area += ((point.legitimate - before.legitimate) * (point.frauds + before.frauds)) / 2;
    before = point;
  }
  return area / (last.frauds * last.legitimate);
};

/** Average precision (AUPRC): Σ (R_n - R_{n-1}) P_n; NaN without frauds. */
export const averagePrecision = (labels: ArrayLike<number>, scores: ArrayLike<number>, weights?: ArrayLike<number>): number => {
  const points = rankingPoints(labels, scores, weights);
  const total = points.at(-1)?.frauds ?? 0;
  if (total === 0) return NaN;
  let sum = 0;
  let before = 0;
  for (const { frauds, legitimate } of points) {
    sum += ((frauds - before) / total) * (frauds / (frauds + legitimate));
    before = frauds;
  }
  return sum;
};
