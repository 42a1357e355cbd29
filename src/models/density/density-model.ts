import { type FeatureMatrix } from '../../domain/feature-matrix.js';
import type { Random } from '../../domain/random.js';
import type { Artifact } from '../artifact.js';
import { checkColumns, type ColumnEncoder, type EncodedRows, encodeRows, logSlopes, saveEncoder } from '../column-encoder.js';
import { type GivenCells, sampleGiven, type WeightedRows } from '../conditional.js';
import type { Condition, DensityModel, Draws, Terms, UsualValues } from '../detector.js';
import { apartColumns, decodeCell, drawFrequent } from './apart-columns.js';
import { usualGivenRest } from './usual-given-rest.js';

/** Rows scored at once: bounds memory whatever the batch, and changes no bit of any row. */
const CHUNK_ROWS = 1024;

/** What tells one density model from another; the columns set apart are none of its business, except in `terms`. */
export interface DensityCore {
  readonly estimator: string;
  readonly encoder: ColumnEncoder;
  /** -log p of whole rows, columns set apart included. */
  score(rows: EncodedRows): Float64Array;
  /** The same by column (rows x columns), adding up to it. */
  terms?(rows: EncodedRows): Float64Array;
  /** New outcomes and z (rows x columns); those of columns set apart are drawn by the caller. */
  draw(n: number, random: Random): EncodedRows;
  /** Rows with the given cells, weighted; where the model can do better than `sampleGiven` can from outside. */
  drawGiven?(given: GivenCells, n: number, random: Random): WeightedRows;
  /** What `load` needs besides the encoder. */
  readonly meta: Readonly<Record<string, unknown>>;
  readonly arrays: Readonly<Record<string, Float32Array | Float64Array>>;
}

/** Runs `visit` over chunks of rows, encoded. @throws TypeError when the columns are not those of the fit */
export const forChunks = (
  encoder: ColumnEncoder,
  features: FeatureMatrix,
  visit: (rows: EncodedRows, from: number) => void,
  chunkRows = CHUNK_ROWS,
): void => {
  checkColumns(encoder, features);
  for (let from = 0; from < features.rowCount; from += chunkRows)
    visit(encodeRows(encoder, features, from, Math.min(features.rowCount, from + chunkRows)), from);
};

export const scoreDensity = (
  { encoder, score }: Pick<DensityCore, 'encoder' | 'score'>,
  features: FeatureMatrix,
): Float64Array => {
  const scores = new Float64Array(features.rowCount);
  forChunks(encoder, features, (rows, from) => scores.set(score(rows), from));
  return scores;
};

/** The terms of each row, rows x columns. */
export const termsOf = (encoder: ColumnEncoder, terms: (rows: EncodedRows) => Float64Array, features: FeatureMatrix): Terms => {
  const values = new Float64Array(features.values.length);
  forChunks(encoder, features, (rows, from) => values.set(terms(rows), from * rows.width));
  return { columns: encoder.columns.map(({ column }) => column.name), values };
};

/** Sums of consecutive `width` values. */
export const rowSums = (values: Float64Array, width: number): Float64Array => {
  const sums = new Float64Array(values.length / width);
  for (let at = 0; at < values.length; at += 1) sums[Math.floor(at / width)]! += values[at]!;
  return sums;
};

/** n drawn rows in the columns' own units; with a condition, given those cells. */
export const sampleDensity = (
  core: Pick<DensityCore, 'encoder' | 'draw' | 'drawGiven'> & Partial<Pick<DensityCore, 'score'>>,
  n: number,
  random: Random,
  condition: Condition = {},
): Draws => {
  if (Object.keys(condition).length > 0) return sampleGiven(core, n, random, condition);
  const { encoder, draw } = core;
  const columns = encoder.columns.map(({ column }) => column);
  const width = columns.length;
  const values = new Float32Array(n * width);
  const apart = apartColumns(encoder);
  for (let from = 0; from < n; from += CHUNK_ROWS) {
    const drawn = draw(Math.min(CHUNK_ROWS, n - from), random);
    for (const c of apart)
      for (let r = 0; r < drawn.rowCount; r += 1) drawn.outcomes[r * width + c] = drawFrequent(encoder.columns[c]!, random);
    for (let at = 0; at < drawn.z.length; at += 1)
      values[from * width + at] = decodeCell(encoder.columns[at % width]!, drawn.outcomes[at]!, drawn.z[at]!);
  }
  return { columns, rowCount: n, values };
};

/** Given the rest of each row. @throws TypeError when the columns are not those of the fit */
export const usualOf = ({ encoder, score }: Pick<DensityCore, 'encoder' | 'score'>, features: FeatureMatrix): UsualValues => {
  checkColumns(encoder, features);
  return usualGivenRest(encoder, score, features);
};

export const saveDensity = ({ estimator, encoder, meta, arrays }: Omit<DensityCore, 'score' | 'draw'>): Artifact => {
  const { meta: columns, values } = saveEncoder(encoder);
  return { estimator, meta: { ...meta, columns }, arrays: { ...arrays, columns: values } };
};

/** A density whose -log p in z `core` computes exactly; see column-encoder.ts for the coordinates. */
export const createDensity = (core: DensityCore): DensityModel => {
  const { estimator, encoder } = core;
  const model: DensityModel = {
    estimator,
    score: (features) => scoreDensity(core, features),
    logProb(features) {
      const logProbs = new Float64Array(features.rowCount);
      forChunks(encoder, features, (rows, from) => {
        const scores = core.score(rows);
        const slopes = logSlopes(encoder, features, rows, from);
        for (let r = 0; r < rows.rowCount; r += 1) logProbs[from + r] = slopes[r]! - scores[r]!;
      });
      return logProbs;
    },
    sample: (n, random, condition) => sampleDensity(core, n, random, condition),
    usualValues: (features) => usualOf(core, features),
    save: () => saveDensity(core),
  };
  return core.terms ? { ...model, terms: (features) => termsOf(encoder, (rows) => core.terms!(rows), features) } : model;
};

/** @throws Error when the artifact was made by another estimator */
export const checkArtifact = (estimator: string, artifact: Artifact): void => {
  if (artifact.estimator !== estimator)
    throw new Error(`the artifact is of estimator "${artifact.estimator}"; expected "${estimator}"`);
};

/** @throws Error naming the array that an artifact lacks */
export const arrayOf = (artifact: Artifact, name: string): Float32Array | Float64Array => {
  const values = artifact.arrays[name];
  if (!values) throw new Error(`the artifact of ${artifact.estimator} has no array "${name}"`);
  return values;
};
