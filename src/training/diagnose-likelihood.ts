import { selectColumns, selectRows, type FeatureMatrix } from '../domain/feature-matrix.js';
import { InputError } from '../domain/input-error.js';
import { createRandom, type Random } from '../domain/random.js';
import { auroc, averagePrecision } from '../domain/ranking.js';
import type { Detector, Estimator } from '../models/detector.js';
import { tail } from '../models/tail.js';
import type { EvaluateContext } from './evaluate-detectors.js';
import { changedShare, rankCorrelation } from './rank-agreement.js';
import { redundancyOf, type Redundancy } from './redundancy.js';

export interface DiagnoseInput {
  readonly features: FeatureMatrix;
  /** 1 fraud, 0 legitimate, one per row; null: nothing is known. */
  readonly labels: Uint8Array | null;
  /** Rows to learn from (frauds among them are left out where labels are known) and rows to look at. */
  readonly train: Uint32Array;
  readonly checked: Uint32Array;
  /** One with an exact likelihood or a bound. */
  readonly estimator: Estimator;
  readonly seed: number;
  readonly parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Scores that take the place of the plain surprisal -log p. */
export const VARIANTS = ['likelihood', 'typicality', 'background', 'reduced', 'trimmed', 'tail'] as const;
export type Variant = (typeof VARIANTS)[number];

/** What was measured. Figures of labels are null without labels. */
export interface Diagnosis {
  readonly estimator: string;
  readonly fitRows: number;
  readonly heldBackRows: number;
  readonly checkedRows: number;
  readonly checkedFrauds: number | null;
  readonly redundancy: Redundancy;
  /** Median surprisal of rows fitted on and held back, in nats; P(a held-back row is the more surprising of the two). */
  readonly memory: { readonly fitted: number; readonly heldBack: number; readonly probability: number; readonly noise: number };
  /**
   * Share of checked rows more likely than 99 % of the held-back ones; of those not known as fraud that are more surprising
   * than 99 %; what chance hardly exceeds.
   */
  readonly typicality: { readonly tooLikely: number; readonly tooSurprising: number; readonly chance: number };
  /** Share of the ranking (squared rank correlation) that a model of the columns one by one explains. */
  readonly background: { readonly explained: number };
  /** Share of the surprisal's variance by column, the largest first; null where the detector has no terms. */
  readonly columns: readonly { readonly column: string; readonly share: number }[] | null;
  /** Share of held-back rows that are ordinary only as long as training holds rows like them. */
  readonly contamination: { readonly masked: number };
  /** Of the 1 % most surprising checked rows, the share that another one takes without the determined columns; null without such. */
  readonly changedAlerts: number | null;
  readonly variants: Readonly<Partial<Record<Variant, { readonly auroc: number; readonly auprc: number }>>> | null;
}

const HELD_BACK_SHARE = 0.25;
const ROWS_MIN = 100;
/** The part of the rows that is taken away to see whether the rest finds it strange, and by how much. */
const TRIMMED_SHARE = 0.05;
const MASKED_NATS = 10;
const ORDINARY = 0.9;
const EXTREME = 0.01;

/**
 * Measures on the user's own rows where a likelihood misleads: typicality (Nalisnick et al. 2019), likelihood ratio to a
 * background model (Ren et al. 2019), redundant columns, memorised rows, contaminated training rows.
 *
 * Cost: three fits of the density, four where columns are determined by others.
 *
 * @throws InputError for too few rows
 */
export const diagnoseLikelihood = async (input: DiagnoseInput, context: EvaluateContext): Promise<Diagnosis> => {
  const rows = partsOf(input);
  const fitted = selectRows(input.features, rows.fit);
  const heldBack = selectRows(input.features, rows.heldBack);
  const checked = selectRows(input.features, input.checked);
  const fit = (step: string, features: FeatureMatrix, estimator = input.estimator): Promise<Detector> =>
    fitStep(step, estimator, features, input, context);

  const density = await fit('likelihood', fitted);
  const independent = await fit('background', permuted(fitted, createRandom(input.seed).fork('background')));
  const tails = await fit('tail', fitted, tail);
  const trimmed = await fit('trimmed', selectRows(fitted, leastExtreme(tails.score(fitted))));
  const redundancy = redundancyOf(fitted);
  const names = input.features.columns.map(({ name }) => name).filter((name) => !redundancy.determined.includes(name));
  const isReduced = names.length < input.features.columns.length && names.length > 0;
  const reduced = isReduced ? await fit('reduced', selectColumns(fitted, names)) : null;

  const surprisal = { fitted: density.score(fitted), heldBack: density.score(heldBack), checked: density.score(checked) };
  const center = quantile(surprisal.heldBack, 0.5);
  const scores: Partial<Record<Variant, Float64Array>> = {
    likelihood: surprisal.checked,
    typicality: surprisal.checked.map((s) => Math.abs(s - center)),
    background: difference(surprisal.checked, independent.score(checked)),
    trimmed: trimmed.score(checked),
    tail: tails.score(checked),
    ...(reduced && { reduced: reduced.score(selectColumns(checked, names)) }),
  };
  const labels = input.labels && Uint8Array.from(input.checked, (row) => input.labels![row]!);
  const [m, n] = [heldBack.rowCount, checked.rowCount];
  const isHeldBack = Uint8Array.from({ length: fitted.rowCount + m }, (_, i) => (i < fitted.rowCount ? 0 : 1));
  return {
    estimator: input.estimator.name,
    fitRows: fitted.rowCount,
    heldBackRows: m,
    checkedRows: n,
    checkedFrauds: labels && labels.reduce((sum, label) => sum + label, 0),
    redundancy,
    memory: {
      fitted: quantile(surprisal.fitted, 0.5),
      heldBack: center,
      probability: auroc(isHeldBack, joined(surprisal.fitted, surprisal.heldBack)),
      noise: Math.sqrt((1 / m + 1 / fitted.rowCount) / 12),
    },
    typicality: extremes(surprisal.heldBack, surprisal.checked, labels),
    background: { explained: rankCorrelation(surprisal.heldBack, independent.score(heldBack)) ** 2 },
    columns: varianceShares(density, heldBack, surprisal.heldBack),
    contamination: { masked: maskedShare(surprisal.heldBack, trimmed.score(heldBack)) },
    changedAlerts: scores.reduced ? changedShare(surprisal.checked, scores.reduced, EXTREME) : null,
    variants: labels && labels.includes(1) && labels.includes(0) ? judged(labels, scores) : null,
  };
};

const fitStep = (
  step: string,
  estimator: Estimator,
  features: FeatureMatrix,
  { seed, parameters }: DiagnoseInput,
  { backend, onProgress, signal }: EvaluateContext,
): Promise<Detector> => {
  const chosen = parameters[estimator.name];
  const context = {
    // The same for every step: two fits on the same rows are one.
    random: createRandom(seed).fork('fit'),
    backend,
    onProgress: (progress: { share: number; message: string }) => onProgress?.(step, progress),
    ...(signal && { signal }),
    ...(chosen && { parameters: chosen }),
  };
  return estimator.fit({ features }, context);
};

/** Training rows that are not known to be fraud: three quarters to fit on, the rest held back. */
const partsOf = ({ train, checked, labels, seed }: DiagnoseInput): { fit: Uint32Array; heldBack: Uint32Array } => {
  const random = createRandom(seed).fork('held back');
  const usable = labels ? train.filter((row) => labels[row] === 0) : train;
  if (usable.length < ROWS_MIN || checked.length === 0)
    throw new InputError(
      `${usable.length} rows to learn from and ${checked.length} to look at; a diagnosis needs ${ROWS_MIN} and one`,
    );
  const isHeldBack = Array.from(usable, () => random.uniform() < HELD_BACK_SHARE);
  return { fit: usable.filter((_, i) => !isHeldBack[i]), heldBack: usable.filter((_, i) => isHeldBack[i]) };
};

/** Each column shuffled on its own: what is left is what the columns say one by one. */
const permuted = ({ columns, rowCount, values }: FeatureMatrix, random: Random): FeatureMatrix => {
  const width = columns.length;
  const shuffled = values.slice();
  for (let c = 0; c < width; c += 1)
    for (let r = rowCount - 1; r > 0; r -= 1) {
      const other = random.integer(r + 1);
      const kept = shuffled[r * width + c]!;
      shuffled[r * width + c] = shuffled[other * width + c]!;
      shuffled[other * width + c] = kept;
    }
  return { columns, rowCount, values: shuffled };
};

const quantile = (values: Float64Array, share: number): number => values.slice().sort()[Math.floor(share * (values.length - 1))]!;

const leastExtreme = (scores: Float64Array): number[] => {
  const limit = quantile(scores, 1 - TRIMMED_SHARE);
  return [...scores.keys()].filter((row) => scores[row]! <= limit);
};

const joined = (a: Float64Array, b: Float64Array): Float64Array => {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
};

/** Rows of a heavy tail are surprising either way; rows with a place of their own in the density are so only without it. */
const maskedShare = (plain: Float64Array, trimmed: Float64Array): number => {
  const ordinary = quantile(plain, ORDINARY);
  const extreme = quantile(trimmed, 1 - TRIMMED_SHARE);
  const rise = difference(trimmed, plain);
  // Fewer rows make a density wider or narrower everywhere: what counts is what rises beyond that.
  const usual = quantile(rise, 0.5);
  const isMasked = (s: number, i: number): boolean => s <= ordinary && trimmed[i]! >= extreme && rise[i]! - usual > MASKED_NATS;
  return plain.filter(isMasked).length / plain.length;
};

const difference = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value - b[i]!);

/** Chance: four standard errors, and what the few reference rows beyond the quantile add to a normal approximation. */
const extremes = (reference: Float64Array, checked: Float64Array, labels: Uint8Array | null): Diagnosis['typicality'] => {
  const [low, high] = [quantile(reference, EXTREME), quantile(reference, 1 - EXTREME)];
  const legitimate = labels ? checked.filter((_, i) => labels[i] === 0) : checked;
  const error = Math.sqrt(EXTREME * (1 - EXTREME) * (1 / reference.length + 1 / checked.length));
  return {
    tooLikely: checked.filter((s) => s < low).length / checked.length,
    tooSurprising: legitimate.filter((s) => s > high).length / Math.max(1, legitimate.length),
    chance: EXTREME + 4 * error + 3 / reference.length,
  };
};

/** Covariance of each term with the sum, over the middle 98 % of the rows: one outlier would speak for all. */
const varianceShares = (density: Detector, rows: FeatureMatrix, scores: Float64Array): Diagnosis['columns'] => {
  const terms = density.terms?.(rows);
  if (!terms) return null;
  const [low, high] = [quantile(scores, EXTREME), quantile(scores, 1 - EXTREME)];
  const middle = [...scores.keys()].filter((row) => scores[row]! >= low && scores[row]! <= high);
  const mean = middle.reduce((sum, row) => sum + scores[row]!, 0) / middle.length;
  const width = terms.columns.length;
  const covariances = terms.columns.map((_, c) =>
    middle.reduce((sum, row) => sum + terms.values[row * width + c]! * (scores[row]! - mean), 0),
  );
  const total = covariances.reduce((sum, covariance) => sum + covariance, 0);
  if (!(total > 0)) return null;
  return terms.columns.map((column, c) => ({ column, share: covariances[c]! / total })).sort((a, b) => b.share - a.share);
};

const judged = (labels: Uint8Array, scores: Partial<Record<Variant, Float64Array>>): Diagnosis['variants'] =>
  Object.fromEntries(
    Object.entries(scores).map(([name, values]) => [
      name,
      { auroc: auroc(labels, values), auprc: averagePrecision(labels, values) },
    ]),
  );
