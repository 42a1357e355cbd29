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
  /** Hyper-parameters of `config/models.yaml` for this estimator, validated by the estimator itself. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** A term per column and row, row-major (rows x columns), in nats. The terms of a row add up to its score (checked). */
export interface Terms {
  readonly columns: readonly string[];
  readonly values: Float64Array;
}

/**
 * What is usual for each cell given the columns before it, in the column's own units, row-major (rows x columns): the 5 %,
 * 50 % and 95 % quantiles. NaN where there is none (categorical columns, columns without variation).
 */
export interface UsualValues {
  readonly low: Float64Array;
  readonly median: Float64Array;
  readonly high: Float64Array;
}

/** A fitted model. An unfitted detector cannot exist. */
export interface Detector {
  readonly estimator: string;
  /** One score per row; **higher = more anomalous**. Never NaN. A row alone scores the same bits as in a batch. */
  score(features: FeatureMatrix): Float64Array;
  /** Exact additive terms of the score, where the model factorises. */
  terms?(features: FeatureMatrix): Terms;
  /** What would have been usual, where the model can say. */
  usualValues?(features: FeatureMatrix): UsualValues;
  save(): Artifact;
}

export interface Sampler {
  /** n rows of the training columns. */
  sample(n: number, random: Random): FeatureMatrix;
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

export interface Estimator {
  readonly name: string;
  readonly family: 'generative' | 'discriminative' | 'classic';
  readonly likelihood: Likelihood;
  /** True when `fit` needs labels with both classes. */
  readonly supervised: boolean;
  /** Feature columns without which it cannot work; any columns will do if absent. */
  readonly requires?: readonly string[];
  /** @throws TypeError naming the column or parameter that does not fit */
  fit(data: TrainingData, context: FitContext): Promise<Detector>;
  /** Inverse of `save`: the loaded detector's scores are bit-equal. @throws Error when the artifact is another estimator's */
  load(artifact: Artifact, context: { readonly backend: TensorBackend }): Detector;
}
