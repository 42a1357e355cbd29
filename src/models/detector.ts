import type { FeatureMatrix } from '../domain/feature-matrix.js';
import type { Random } from '../domain/random.js';
import type { Artifact } from './artifact.js';
import type { TensorBackend } from '../tensor/backend.js';

/** What a model can say about probability: an exact density, a bound below it, an unnormalised one, or nothing. */
export type Likelihood = 'exact' | 'lower-bound' | 'unnormalised' | 'none';

export interface TrainingData {
  readonly features: FeatureMatrix;
  /** 1 = fraud, 0 = legitimate, one per row; absent for unsupervised data. */
  readonly labels?: Uint8Array;
  /** A number per row that rows of one primary entity share; validation then judges on entities not known as compromised. */
  readonly entities?: Int32Array;
  /** 1: made by a generator; it may be learned from, and never judges. Absent: all rows are real. */
  readonly isSynthetic?: Uint8Array;
}

export interface FitProgress {
  /** 0 to 1, never falling. */
  readonly share: number;
  /** "epoch 3 of 6, loss 1.234" */
  readonly message: string;
}

export interface FitContext {
  readonly random: Random;
  readonly backend: TensorBackend;
  readonly onProgress?: (progress: FitProgress) => void;
  /** Checked between steps; an aborted fit rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** An earlier detector of this estimator, to go on from where its shape still fits: networks then take a third of the steps. */
  readonly warmStart?: Artifact;
  /** Hyper-parameters of `config/models.yaml` for this estimator, validated by the estimator itself. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** A term per column and row, row-major (rows x columns), in nats. The terms of a row add up to its score (checked). */
export interface Terms {
  readonly columns: readonly string[];
  readonly values: Float64Array;
}

/**
 * What is usual for each cell given the rest of its row (a model that factorises: given the columns before it), in the column's
 * own units, row-major (rows x columns): the 5 %, 50 % and 95 % quantiles; of a categorical column the most usual level as
 * `median`. NaN where there is none (columns without variation).
 */
export interface UsualValues {
  readonly low: Float64Array;
  readonly median: Float64Array;
  readonly high: Float64Array;
}

/** A fitted model. An unfitted detector cannot exist. */
export interface Detector {
  readonly estimator: string;
  /** What the fit chose and why, from the training rows alone, in a sentence; where there was a choice. */
  readonly choice?: string;
  /** One score per row; **higher = more anomalous**. Never NaN. A row alone scores the same bits as in a batch. */
  score(features: FeatureMatrix): Float64Array;
  /** True where a score takes long (0.1 ms and more): explanations then ask for fewer. */
  readonly isSlow?: boolean;
  /** Exact additive terms of the score, where the model factorises. */
  terms?(features: FeatureMatrix): Terms;
  /** What would have been usual, where the model can say. */
  usualValues?(features: FeatureMatrix): UsualValues;
  save(): Artifact;
}

/** Cells that are given, by column name: a number, a level's index, or NaN for missing. */
export type Condition = Readonly<Record<string, number>>;

export interface Draws extends FeatureMatrix {
  /** How many independent draws they are worth, where they are not independent: conditional ones that weights or chains made. */
  readonly effectiveSize?: number;
}

export interface Sampler {
  /**
   * n rows of the training columns; given some cells, the others are drawn from what the model says of them
   * (`conditional.ts`). @throws TypeError naming the column that does not exist or the cell that it cannot have
   */
  sample(n: number, random: Random, condition?: Condition): Draws;
}

/** Exact density over the training columns in their own units (mixed columns: density x probability). */
export interface DensityModel extends Detector, Sampler {
  /** log p(x) in nats, one per row. */
  logProb(features: FeatureMatrix): Float64Array;
}

/** A lower bound of log p(x) in nats (a VAE's ELBO). */
export interface BoundedModel extends Detector, Sampler {
  logProbBound(features: FeatureMatrix): Float64Array;
}

/** A model that has rows as points of a space of its own, and rows for points. */
export interface LatentModel extends Detector {
  readonly latentSize: number;
  /** A point per row, row-major (rows x latentSize). */
  encode(features: FeatureMatrix): Float64Array;
  /** A row per point; cells that the model's decoder says nothing about stay as that row of `like` has them. */
  decode(points: Float64Array, like: FeatureMatrix): FeatureMatrix;
  /** `steps` rows from the one row to the other, the ends among them, along a straight line of the latent space. */
  interpolate(from: FeatureMatrix, to: FeatureMatrix, steps: number): FeatureMatrix;
}

export interface Estimator {
  readonly name: string;
  readonly family: 'generative' | 'discriminative' | 'classic';
  readonly likelihood: Likelihood;
  /** True when `fit` needs labels with both classes. */
  readonly supervised: boolean;
  /** Feature columns without which it cannot work; any columns will do if absent. */
  readonly requires?: readonly string[];
  /** True when it learns from the sequence columns (`lag…`) where the data have them. Others are not given them. */
  readonly readsSequence?: boolean;
  /** @throws TypeError naming the column or parameter that does not fit */
  fit(data: TrainingData, context: FitContext): Promise<Detector>;
  /** Inverse of `save`: the loaded detector's scores are bit-equal. @throws Error when the artifact is another estimator's */
  load(artifact: Artifact, context: { readonly backend: TensorBackend }): Detector;
}
