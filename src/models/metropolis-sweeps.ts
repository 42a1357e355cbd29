import type { Random } from '../domain/random.js';
import { type ColumnEncoder, type EncodedColumn, type EncodedRows, isContinuous, openOutcome } from './column-encoder.js';
import { transform } from './column-transform.js';
import { LOG_SQRT_2PI } from './normal-distribution.js';

const SWEEPS_PER_CHECK = 8;
const CHECKS_MAX = 8;
/** Chains have forgotten their start when at most this much of the variance is shared with it. */
const SHARED_MAX = 0.02;
/** Chance alone shares about 1 / chains; the largest of some columns a few times that. */
const SHARED_BY_CHANCE = 8;
/** Steps of a random walk, in standard deviations. */
const STEPS = [0.1, 0.3, 1] as const;
/** Wider than the marginal: an independent proposal must reach every place the target does. */
const WIDENING = 1.3;

/** An independent proposal for one column: outcomes by their frequencies, z as draws of the model have it, wider. */
interface Marginal {
  readonly index: number;
  readonly column: EncodedColumn;
  readonly logShare: Float64Array;
  readonly mean: number;
  readonly deviation: number;
}

const marginalOf = (encoder: ColumnEncoder, index: number, pool: EncodedRows): Marginal => {
  const column = encoder.columns[index]!;
  let total = 0;
  for (const outcome of column.seen) total += column.counts[outcome]!;
  let [count, sum, squares] = [0, 0, 0];
  for (let at = index; at < pool.z.length; at += pool.width) {
    if (!isContinuous(column, pool.outcomes[at]!)) continue;
    count += 1;
    sum += pool.z[at]!;
    squares += pool.z[at]! ** 2;
  }
  const mean = count > 0 ? sum / count : 0;
  const variance = count > 1 ? squares / count - mean * mean : 1;
  const logShare = column.counts.map((rowsOfIt) => Math.log(rowsOfIt / total));
  return { index, column, logShare, mean, deviation: WIDENING * Math.sqrt(Math.max(variance, 1e-4)) };
};

const logProposal = ({ column, logShare, mean, deviation }: Marginal, outcome: number, z: number): number => {
  const continuous = isContinuous(column, outcome);
  const density = continuous ? -0.5 * ((z - mean) / deviation) ** 2 - Math.log(deviation) - LOG_SQRT_2PI : 0;
  return logShare[outcome]! + density;
};

const drawOutcome = ({ column, logShare }: Marginal, random: Random): number => {
  let rest = random.uniform();
  for (const outcome of column.seen) {
    rest -= Math.exp(logShare[outcome]!);
    if (rest < 0) return outcome;
  }
  return column.seen[column.seen.length - 1]!;
};

/** An atom has its z, as it does in training. */
const zOf = ({ column, mean, deviation }: Marginal, outcome: number, random: Random): number => {
  if (!column.map) return 0;
  if (outcome < openOutcome(column)) return transform(column.map, column.atoms[outcome]!);
  return outcome === openOutcome(column) ? mean + deviation * random.normal() : 0;
};

const copyOf = (rows: EncodedRows): EncodedRows => ({ ...rows, outcomes: rows.outcomes.slice(), z: rows.z.slice() });

/** The chains' rows with the scores they have. */
interface Chains {
  readonly rows: EncodedRows;
  readonly scores: Float64Array;
}

/** Metropolis-Hastings: each chain takes its proposed row or stays. */
const accept = (
  { rows, scores }: Chains,
  score: (rows: EncodedRows) => Float64Array,
  proposed: EncodedRows,
  logRatios: Float64Array,
  random: Random,
): void => {
  const { width } = rows;
  const next = score(proposed);
  for (let r = 0; r < rows.rowCount; r += 1) {
    if (!(Math.log(1 - random.uniform()) < scores[r]! - next[r]! + logRatios[r]!)) continue;
    scores[r] = next[r]!;
    rows.outcomes.set(proposed.outcomes.subarray(r * width, (r + 1) * width), r * width);
    rows.z.set(proposed.z.subarray(r * width, (r + 1) * width), r * width);
  }
};

/** One column of every chain: from its marginal, or a step of a random walk; the coin falls before the state is looked at. */
const proposeColumn = (rows: EncodedRows, marginal: Marginal, logRatios: Float64Array, random: Random): EncodedRows => {
  const proposed = copyOf(rows);
  for (let r = 0; r < rows.rowCount; r += 1) {
    const at = r * rows.width + marginal.index;
    const [outcome, z] = [rows.outcomes[at]!, rows.z[at]!];
    if (random.uniform() < 0.5) {
      const step = STEPS[random.integer(STEPS.length)]! * marginal.deviation * random.normal();
      if (isContinuous(marginal.column, outcome)) proposed.z[at] = z + step;
      continue;
    }
    const drawn = drawOutcome(marginal, random);
    proposed.outcomes[at] = drawn;
    proposed.z[at] = zOf(marginal, drawn, random);
    logRatios[r] = logProposal(marginal, outcome, z) - logProposal(marginal, drawn, proposed.z[at]);
  }
  return proposed;
};

/**
 * All free numbers of half the chains at once, along the difference of two chains of the other half: steps that have the
 * target's own directions and widths (differential evolution, ter Braak 2006).
 */
const proposeDifferences = (rows: EncodedRows, marginals: readonly Marginal[], half: 0 | 1, random: Random): EncodedRows => {
  const proposed = copyOf(rows);
  const others = Math.floor(rows.rowCount / 2);
  const other = (): number => 2 * random.integer(others) + (1 - half);
  const length = 2.38 / Math.sqrt(2 * marginals.length);
  for (let r = half; r < rows.rowCount; r += 2) {
    const scale = random.uniform() < 0.1 ? 1 : length;
    const [first, second] = [other() * rows.width, other() * rows.width];
    for (const { index, column } of marginals) {
      const places = [r * rows.width + index, first + index, second + index] as const;
      const jitter = 1e-3 * random.normal();
      if (!places.every((at) => isContinuous(column, rows.outcomes[at]!))) continue;
      proposed.z[places[0]] = rows.z[places[0]]! + scale * (rows.z[places[1]]! - rows.z[places[2]]!) + jitter;
    }
  }
  return proposed;
};

/** A column's distribution over chains has settled when its variance and mean stay as they are. */
const VARIANCE_RATIO_MAX = 1.6;
const MEAN_SHIFT_MAX = 0.3;

/** Square of the correlation, over chains, of a column now with what it was; null where its distribution was another then. */
const sharedVariance = (before: EncodedRows, now: EncodedRows, { index, column }: Marginal): number | null => {
  const n = now.rowCount;
  const value = ({ outcomes, z, width }: EncodedRows, r: number): number => {
    const outcome = outcomes[r * width + index]!;
    return column.map ? z[r * width + index]! : outcome === column.seen[0] ? 1 : 0;
  };
  let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
  for (let r = 0; r < n; r += 1) {
    const [x, y] = [value(before, r), value(now, r)];
    [a, b, aa, bb, ab] = [a + x, b + y, aa + x * x, bb + y * y, ab + x * y];
  }
  const [varianceBefore, varianceNow] = [aa / n - (a / n) ** 2, bb / n - (b / n) ** 2];
  if (varianceNow < 1e-12) return 0;
  const ratio = varianceBefore / varianceNow;
  const settled = ratio < VARIANCE_RATIO_MAX && ratio > 1 / VARIANCE_RATIO_MAX;
  if (!settled || ((a - b) / n) ** 2 > MEAN_SHIFT_MAX ** 2 * varianceNow) return null;
  return (ab / n - (a * b) / n / n) ** 2 / (varianceBefore * varianceNow);
};

/**
 * Moves chains (rows, in place) until they have forgotten where they began, at most 64 sweeps. A sweep changes each free
 * column by itself (Metropolis within Gibbs) and all numbers together. Every step leaves exp(-score) over the free columns
 * as it is (in outcome and z).
 *
 * @param pool draws of the model, which the independent proposals imitate
 * @returns the share of variance, of the column that is slowest, that the chains still share with their start
 */
export const metropolisSweeps = (
  encoder: ColumnEncoder,
  free: readonly number[],
  score: (rows: EncodedRows) => Float64Array,
  { pool, rows }: { readonly pool: EncodedRows; readonly rows: EncodedRows },
  random: Random,
): number => {
  const chains = { rows, scores: score(rows) };
  const marginals = free.map((index) => marginalOf(encoder, index, pool));
  const enough = Math.max(SHARED_MAX, SHARED_BY_CHANCE / rows.rowCount);
  const still = new Float64Array(rows.rowCount);
  let before = copyOf(rows);
  let shared = 1;
  for (let check = 0; check < CHECKS_MAX && shared > enough; check += 1) {
    for (let sweep = 0; sweep < SWEEPS_PER_CHECK; sweep += 1) {
      for (const marginal of marginals) {
        const logRatios = new Float64Array(rows.rowCount);
        accept(chains, score, proposeColumn(rows, marginal, logRatios, random), logRatios, random);
      }
      for (const half of [0, 1] as const) accept(chains, score, proposeDifferences(rows, marginals, half, random), still, random);
    }
    const shares = marginals.map((marginal) => sharedVariance(before, rows, marginal));
    shared = shares.some((share) => share === null) ? 1 : Math.max(...(shares as number[]));
    if (shares.includes(null)) before = copyOf(rows);
  }
  return shared;
};
