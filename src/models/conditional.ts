import { featureMatrix } from '../domain/feature-matrix.js';
import type { Random } from '../domain/random.js';
import { type ColumnEncoder, encodeRows, type EncodedRows, isContinuous } from './column-encoder.js';
import { decodeCell, drawFrequent, logStandardNormal } from './density/apart-columns.js';
import type { Condition, Draws } from './detector.js';
import { shuffledIndices } from './fit-rows.js';
import { metropolisSweeps } from './metropolis-sweeps.js';
import { LOG_SQRT_2PI } from './normal-distribution.js';

/** What conditional sampling asks of a model. */
export interface ConditionalModel {
  readonly encoder: ColumnEncoder;
  /** -log p of rows in outcome and z, up to a constant; absent where the model has no density. */
  score?(rows: EncodedRows): Float64Array;
  /** New rows; columns set apart are drawn by the caller. */
  draw(n: number, random: Random): EncodedRows;
  /** Rows that have the given cells, each with the log of its importance weight; all weights equal: exact draws. */
  drawGiven?(given: GivenCells, n: number, random: Random): WeightedRows;
}

/** The given cells, encoded. */
export interface GivenCells {
  /** Positions, rising. */
  readonly columns: readonly number[];
  /** One row; other cells are missing. */
  readonly row: EncodedRows;
  readonly cells: Float32Array;
}

export interface WeightedRows {
  readonly rows: EncodedRows;
  readonly logWeights: Float64Array;
}

/** Candidates to choose from by their weights, and rows scored at once. */
const POOL_ROWS = 2048;
const CHUNK_ROWS = 1024;
/** Candidates per row drawn; without a density no chain moves on from them, so that more are needed. */
const [POOL_PER_CHAIN, POOL_PER_CHAIN_WITHOUT_DENSITY] = [2, 8];
/** Fewer chains know too little of the spread that their steps follow. */
const CHAINS_MIN = 128;
/** Width, in z, of what counts as near a given number; without a density nothing corrects for it. */
const NEAR = 0.5;
const NEAR_WITHOUT_DENSITY = 0.3;
/** Weight of draws with another level than the given one: where the pool has no other, they are where chains begin. */
const OTHER_OUTCOME = 1e-3;

/** @throws TypeError naming the column that does not exist or the level that it does not have */
export const givenCells = (encoder: ColumnEncoder, condition: Condition): GivenCells => {
  const columns = encoder.columns.map(({ column }) => column);
  const cells = new Float32Array(columns.length).fill(NaN);
  const chosen = Object.entries(condition).map(([name, value]) => {
    const c = columns.findIndex((column) => column.name === name);
    if (c < 0) throw new TypeError(`no column "${name}"; there are ${columns.map((column) => column.name).join(', ')}`);
    const { kind, levels } = columns[c]!;
    if (kind === 'categorical' && !(Number.isNaN(value) || (Number.isInteger(value) && value >= 0 && value <= levels.length)))
      throw new TypeError(`column "${name}": ${value} is no level; expected an index from 0 to ${levels.length} (unseen)`);
    cells[c] = value;
    return c;
  });
  return { columns: chosen.sort((a, b) => a - b), row: encodeRows(encoder, featureMatrix(columns, cells)), cells };
};

/** Sets the given cells in every row. */
export const clampRows = ({ columns, row }: GivenCells, rows: EncodedRows): void => {
  for (const c of columns)
    for (let at = c; at < rows.z.length; at += rows.width) {
      rows.outcomes[at] = row.outcomes[c]!;
      rows.z[at] = row.z[c]!;
    }
};

export const blankLike = (rows: EncodedRows, rowCount: number): EncodedRows => ({
  rowCount,
  width: rows.width,
  outcomes: new Uint16Array(rowCount * rows.width),
  z: new Float64Array(rowCount * rows.width),
});

/** Rows `chosen`, copied in that order. */
export const pickRows = (rows: EncodedRows, chosen: ArrayLike<number>): EncodedRows => {
  const picked = blankLike(rows, chosen.length);
  const { width } = rows;
  for (let i = 0; i < chosen.length; i += 1) {
    const from = chosen[i]! * width;
    picked.outcomes.set(rows.outcomes.subarray(from, from + width), i * width);
    picked.z.set(rows.z.subarray(from, from + width), i * width);
  }
  return picked;
};

/** Scores in chunks, so that memory stays bounded. */
export const scoreInChunks = (score: (rows: EncodedRows) => Float64Array, rows: EncodedRows): Float64Array => {
  const scores = new Float64Array(rows.rowCount);
  for (let from = 0; from < rows.rowCount; from += CHUNK_ROWS) {
    const rowCount = Math.min(CHUNK_ROWS, rows.rowCount - from);
    const [start, end] = [from * rows.width, (from + rowCount) * rows.width];
    const chunk = { ...rows, rowCount, outcomes: rows.outcomes.subarray(start, end), z: rows.z.subarray(start, end) };
    scores.set(score(chunk), from);
  }
  return scores;
};

const drawPool = (draw: (n: number) => EncodedRows, n: number): EncodedRows => {
  const first = draw(Math.min(n, CHUNK_ROWS));
  const pool = blankLike(first, n);
  for (let from = 0, part = first; ; part = draw(Math.min(CHUNK_ROWS, n - from))) {
    pool.outcomes.set(part.outcomes, from * part.width);
    pool.z.set(part.z, from * part.width);
    from += part.rowCount;
    if (from >= n) return pool;
  }
};

/** log h of a row's own cells in the given columns: h is a density that peaks at the given ones. */
const logNearness = (encoder: ColumnEncoder, { columns, row }: GivenCells, rows: EncodedRows, width: number): Float64Array => {
  const sums = new Float64Array(rows.rowCount);
  for (const c of columns.filter((each) => !encoder.columns[each]!.apart)) {
    const column = encoder.columns[c]!;
    const wanted = row.outcomes[c]!;
    const logOther = Math.log(OTHER_OUTCOME / Math.max(1, column.counts.length - 1));
    for (let r = 0; r < rows.rowCount; r += 1) {
      const outcome = rows.outcomes[r * rows.width + c]!;
      const z = rows.z[r * rows.width + c]!;
      const continuous = isContinuous(column, outcome);
      if (outcome !== wanted) sums[r]! += logOther + (continuous ? logStandardNormal(z) : 0);
      else {
        sums[r]! += Math.log1p(-OTHER_OUTCOME);
        if (continuous) sums[r]! -= 0.5 * ((z - row.z[c]!) / width) ** 2 + Math.log(width) + LOG_SQRT_2PI;
      }
    }
  }
  return sums;
};

/**
 * Unconditional draws with the given cells put in their place. A draw (a', f) of p(a', f) that becomes (a, f) has the weight
 * p(a, f) h(a') / p(a', f), whose mean over a' is p(a, f) / p(f) whatever density h is: no marginal of p is needed.
 */
const weighDraws = (model: ConditionalModel, given: GivenCells, n: number, random: Random): WeightedRows => {
  const rows = drawPool((count) => model.draw(count, random), n);
  const logWeights = logNearness(model.encoder, given, rows, model.score ? NEAR : NEAR_WITHOUT_DENSITY);
  const drawn = model.score && scoreInChunks((chunk) => model.score!(chunk), rows);
  clampRows(given, rows);
  if (!model.score || !drawn) return { rows, logWeights };
  const clamped = scoreInChunks((chunk) => model.score!(chunk), rows);
  return { rows, logWeights: logWeights.map((value, r) => value + drawn[r]! - clamped[r]!) };
};

/** `count` rows by weight (systematic resampling, which adds least noise), in random order. */
const resample = (logWeights: Float64Array, count: number, random: Random): Uint32Array => {
  const top = logWeights.reduce((most, value) => Math.max(most, value), -Infinity);
  const weights = top === -Infinity ? logWeights.map(() => 1) : logWeights.map((value) => Math.exp(value - top));
  const step = weights.reduce((sum, value) => sum + value, 0) / count;
  const chosen = new Uint32Array(count);
  let next = random.uniform() * step;
  let sum = 0;
  let i = 0;
  for (let r = 0; r < weights.length; r += 1) {
    sum += weights[r]!;
    for (; i < count && next < sum; next += step) chosen[i++] = r;
  }
  // Rounding may leave the last one unset.
  for (; i < count; i += 1) chosen[i] = chosen[i - 1] ?? 0;
  return shuffledIndices(count, random).map((at) => chosen[at]!);
};

/** Mean number of draws that share a row's origin, the row itself included. */
const meanFamily = (origins: Uint32Array): number => {
  const sizes = new Map<number, number>();
  for (const origin of origins) sizes.set(origin, (sizes.get(origin) ?? 0) + 1);
  let sum = 0;
  for (const size of sizes.values()) sum += size * size;
  return sum / origins.length;
};

const isEven = (logWeights: Float64Array): boolean => {
  const sorted = logWeights.slice().sort();
  return sorted[sorted.length - 1]! - sorted[0]! < 1e-9;
};

const toCells = (encoder: ColumnEncoder, rows: EncodedRows, given: GivenCells, random: Random, effectiveSize: number): Draws => {
  const { width, rowCount } = rows;
  const fixed = new Set(given.columns);
  const values = new Float32Array(rowCount * width);
  encoder.columns.forEach((column, c) => {
    for (let at = c; at < values.length; at += width) {
      const outcome = column.apart ? drawFrequent(column, random) : rows.outcomes[at]!;
      values[at] = fixed.has(c) ? given.cells[c]! : decodeCell(column, outcome, rows.z[at]!);
    }
  });
  return { columns: encoder.columns.map(({ column }) => column), rowCount, values, effectiveSize };
};

/**
 * n rows given some of their cells.
 *
 * Exact where the model draws given cells itself (all weights equal). Otherwise sampling-importance-resampling from a pool of
 * at least 2,048 candidates (Rubin 1988), then Metropolis sweeps over the free columns, which leave the model's conditional
 * distribution as it is and forget where the chains began. A model without a density has nothing to weigh by: it gets the
 * draws nearest to what is given (within about 0.3 standard deviations), an approximation.
 *
 * `effectiveSize` is measured: n / (1 + (m - 1) rho), m the mean number of rows with a common origin and rho their
 * correlation (Kish's design effect).
 *
 * Cost: 2 x 2,048 scores, and with sweeps 8 to 64 times (free columns + 2) x max(n, 128) scores.
 */
export const sampleGiven = (model: ConditionalModel, n: number, random: Random, condition: Condition): Draws => {
  const { encoder } = model;
  const given = givenCells(encoder, condition);
  const free = [...encoder.columns.keys()].filter((c) => !encoder.columns[c]!.apart && !given.columns.includes(c));
  const drawGiven = model.drawGiven && ((count: number) => model.drawGiven!(given, count, random));
  const first = drawGiven?.(Math.min(n, CHUNK_ROWS));
  if (first && isEven(first.logWeights)) {
    const rows = n <= CHUNK_ROWS ? first.rows : drawPool((count) => drawGiven!(count).rows, n);
    return toCells(encoder, rows, given, random, n);
  }
  const chains = Math.max(n, CHAINS_MIN);
  const poolSize = Math.max(POOL_ROWS, (model.score ? POOL_PER_CHAIN : POOL_PER_CHAIN_WITHOUT_DENSITY) * chains);
  const pool = model.drawGiven ? model.drawGiven(given, poolSize, random) : weighDraws(model, given, poolSize, random);
  const origins = resample(pool.logWeights, chains, random);
  const rows = pickRows(pool.rows, origins);
  const relatives = (meanFamily(origins) - 1) * (n / chains);
  const score = (all: EncodedRows): Float64Array => scoreInChunks((chunk) => model.score!(chunk), all);
  const alike = model.score && free.length > 0 ? metropolisSweeps(encoder, free, score, { pool: pool.rows, rows }, random) : 1;
  const kept = pickRows(
    rows,
    Uint32Array.from({ length: n }, (_, r) => r),
  );
  return toCells(encoder, kept, given, random, n / (1 + relatives * alike));
};
