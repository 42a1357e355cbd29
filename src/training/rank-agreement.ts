/** Twice each value's distance from the middle of the order: smaller ones less larger ones. Equal values share a place. */
const centredRanks = (values: Float64Array): Float64Array => {
  const sorted = values.slice().sort();
  const ranks = new Map<number, number>();
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && !(sorted[to]! > sorted[from]!)) to += 1;
    ranks.set(sorted[from]!, from + to - sorted.length);
  }
  return values.map((value) => ranks.get(value)!);
};

/** Spearman's: the correlation of the ranks; 0 where one side has a single value, and says nothing. */
export const rankCorrelation = (a: Float64Array, b: Float64Array): number => {
  const [x, y] = [centredRanks(a), centredRanks(b)];
  const product = (u: Float64Array, v: Float64Array): number => u.reduce((sum, value, i) => sum + value * v[i]!, 0);
  const scale = Math.sqrt(product(x, x) * product(y, y));
  return scale > 0 ? product(x, y) / scale : 0;
};

/** How much of each row is among the `room` highest: rows that tie for the last places share them. */
const topShares = (scores: Float64Array, room: number): Float64Array => {
  const limit = scores.slice().sort()[scores.length - room]!;
  const above = scores.filter((score) => score > limit).length;
  const share = (room - above) / scores.filter((score) => score === limit).length;
  return scores.map((score) => (score > limit ? 1 : score === limit ? share : 0));
};

/** Of the highest `share` of the scores, the part that other scores of the same rows replace by other rows. */
export const changedShare = (scores: Float64Array, others: Float64Array, share: number): number => {
  const room = Math.max(1, Math.round(share * scores.length));
  const kept = topShares(others, room);
  const common = topShares(scores, room).reduce((sum, part, row) => sum + Math.min(part, kept[row]!), 0);
  return 1 - common / room;
};
