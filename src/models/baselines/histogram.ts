import { aboveThreshold, allBut, type Split } from './forest.js';

/** Where each column's bins lie in a histogram, which holds a sum of gradients and one of weights per bin. */
export interface HistogramLayout {
  readonly offsets: Int32Array;
  readonly isCategorical: Uint8Array;
}

/** What a tree is grown on: rows by column, and a gradient and a weight (hessian) per row. */
export interface GrowthData {
  readonly layout: HistogramLayout;
  /** Bins, column after column. */
  readonly cells: Uint8Array;
  readonly rowCount: number;
  readonly gradients: Float64Array;
  readonly weights: Float64Array;
}

export interface SplitRules {
  /** L2 penalty of a node's value (lambda). */
  readonly penalty: number;
  /** Least sum of weights on either side. */
  readonly weightMin: number;
}

export interface FoundSplit {
  readonly split: Split;
  readonly gain: number;
  readonly leftGradient: number;
  readonly leftWeight: number;
}

/** Gains below this are rounding. */
const GAIN_MIN = 1e-10;
const NOTHING = 1e-12;

export const histogramLayout = (binCounts: Int32Array, isCategorical: readonly boolean[]): HistogramLayout => {
  const offsets = new Int32Array(binCounts.length + 1);
  binCounts.forEach((count, c) => {
    offsets[c + 1] = offsets[c]! + count;
  });
  return { offsets, isCategorical: Uint8Array.from(isCategorical, Number) };
};

/** Adds the rows order[from..to) to one column's part. The hot loop of training: a few ns a cell. */
export const fillHistogram = (
  histogram: Float64Array,
  { layout, cells, rowCount, gradients, weights }: GrowthData,
  column: number,
  order: Uint32Array,
  from: number,
  to: number,
): void => {
  const start = column * rowCount;
  const offset = 2 * layout.offsets[column]!;
  for (let i = from; i < to; i += 1) {
    const row = order[i]!;
    const at = offset + 2 * cells[start + row]!;
    histogram[at]! += gradients[row]!;
    histogram[at + 1]! += weights[row]!;
  }
};

export const subtractHistogram = (from: Float64Array, part: Float64Array): void => {
  for (let i = 0; i < from.length; i += 1) from[i]! -= part[i]!;
};

/**
 * The split of greatest gain, G_L^2/(W_L + lambda) + G_R^2/(W_R + lambda) - G^2/(W + lambda) (Chen & Guestrin 2016, 3.1).
 * With gradients -weight * label and no penalty that is half the fall of the Gini impurity. Null where no split gains.
 */
export const bestSplit = (
  histogram: Float64Array,
  layout: HistogramLayout,
  columns: Uint32Array,
  gradient: number,
  weight: number,
  rules: SplitRules,
): FoundSplit | null => {
  let best: FoundSplit | null = null;
  const parent = (gradient * gradient) / (weight + rules.penalty) + GAIN_MIN;
  for (const column of columns) {
    const search = layout.isCategorical[column] === 1 ? bestLevel : bestThreshold;
    const found = search(histogram, layout, column, gradient, weight, rules, best ? best.gain + parent : parent);
    if (found) best = { ...found, gain: found.gain - parent };
  }
  return best;
};

type Search = (
  histogram: Float64Array,
  layout: HistogramLayout,
  column: number,
  gradient: number,
  weight: number,
  rules: SplitRules,
  toBeat: number,
) => FoundSplit | null;

/** Thresholds from the left, missing cells on the left and on the right; where there are none, with the heavier side. */
const bestThreshold: Search = (histogram, layout, column, gradient, weight, { penalty, weightMin }, toBeat) => {
  const start = 2 * layout.offsets[column]!;
  const end = 2 * layout.offsets[column + 1]!;
  // A rest of rounding, where a histogram is a difference, is no row.
  const missingWeight = histogram[start + 1]! > NOTHING * weight ? histogram[start + 1]! : 0;
  let gain = toBeat;
  let [threshold, missingRight, bestGradient, bestWeight] = [-1, false, 0, 0];
  for (const right of missingWeight > 0 ? [false, true] : [false]) {
    let [leftGradient, leftWeight] = right ? [0, 0] : [histogram[start]!, missingWeight];
    // Missing cells alone are a side too: threshold 0.
    for (let at = start; at < end - 2; at += 2) {
      if (at > start) {
        leftGradient += histogram[at]!;
        leftWeight += histogram[at + 1]!;
      }
      if (leftWeight < weightMin) continue;
      const rightWeight = weight - leftWeight;
      if (rightWeight < weightMin) break;
      const rightGradient = gradient - leftGradient;
      const sum =
        (leftGradient * leftGradient) / (leftWeight + penalty) + (rightGradient * rightGradient) / (rightWeight + penalty);
      if (sum <= gain) continue;
      gain = sum;
      threshold = (at - start) / 2;
      missingRight = right;
      bestGradient = leftGradient;
      bestWeight = leftWeight;
    }
  }
  if (threshold < 0) return null;
  if (missingWeight === 0) missingRight = weight - bestWeight > bestWeight;
  return { split: aboveThreshold(column, threshold, missingRight), gain, leftGradient: bestGradient, leftWeight: bestWeight };
};

/**
 * One level against all others. Sets of levels by their gradient (Fisher 1958, LightGBM) have more room to fit what few frauds
 * happen to share, and rank later weeks worse. The level is the left side, so that levels a node has not met stay with the rest.
 */
const bestLevel: Search = (histogram, layout, column, gradient, weight, { penalty, weightMin }, toBeat) => {
  const start = layout.offsets[column]!;
  let gain = toBeat;
  let best = -1;
  for (let bin = 0; bin < layout.offsets[column + 1]! - start; bin += 1) {
    const leftGradient = histogram[2 * (start + bin)]!;
    const leftWeight = histogram[2 * (start + bin) + 1]!;
    const rightWeight = weight - leftWeight;
    if (leftWeight < Math.max(weightMin, NOTHING * weight) || rightWeight < weightMin) continue;
    const rightGradient = gradient - leftGradient;
    const sum =
      (leftGradient * leftGradient) / (leftWeight + penalty) + (rightGradient * rightGradient) / (rightWeight + penalty);
    if (sum <= gain) continue;
    gain = sum;
    best = bin;
  }
  if (best < 0) return null;
  const at = 2 * (start + best);
  return { split: allBut(column, best), gain, leftGradient: histogram[at]!, leftWeight: histogram[at + 1]! };
};
