import { CHANNELS, type Channel } from '../domain/decision.js';
import { featureMatrix, selectColumns, type FeatureMatrix } from '../domain/feature-matrix.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { createFeatureSet, type FeatureSet } from '../features/catalog.js';
import type { FeaturePriors } from '../features/priors.js';
import type { UsualScales } from '../features/usual.js';
import { decodeArtifacts, encodeArtifacts, type Artifact } from '../models/artifact.js';
import type { Detector } from '../models/detector.js';
import { plattProbability, type Platt } from '../models/platt.js';
import { estimators } from '../models/registry.js';
import { featureDifference } from './feature-difference.js';
import type { KnownFraud } from './known-fraud.js';
import type { TensorBackend } from '../tensor/backend.js';

const KNOWN_FRAUD = 'known-fraud';
const BACKGROUND = 'background';

/** One detector per channel; a channel without one (no labels: S, no Markov entity: H) scores nothing. */
export type ChannelDetectors = Partial<Record<Channel, Detector>>;

/** All that scoring needs of a trained version: features and a detector per channel. */
export interface ScoringModel {
  readonly version: string;
  readonly featureSet: FeatureSet;
  readonly detectors: ChannelDetectors;
  /** Score of S to fraud probability; null without S. */
  readonly platt: Platt | null;
  /** Stretches the entities' own intervals to what they state. */
  readonly usualScales: UsualScales;
  /** Null where too few frauds were known. */
  readonly knownFraud: KnownFraud | null;
  /**
   * Ordinary training rows in random order, of all features: what a row is held against where a detector's score has no exact
   * terms. Without any (a model of an earlier build) such a detector gives no reasons.
   */
  readonly background: FeatureMatrix;
}

/**
 * A channel's part of the features: D the non-redundant columns, T and H their own, S all. The sequence columns are for the
 * estimators of S and D that read them: the others would take them for so many habits more.
 */
export const channelFeatures = (
  featureSet: FeatureSet,
  channel: Channel,
  features: FeatureMatrix,
  estimator: string,
): FeatureMatrix => {
  const { sequenceColumns, densityColumns } = featureSet;
  const readsSequence = estimators[estimator]?.readsSequence === true;
  if (channel === 'D') return selectColumns(features, readsSequence ? [...sequenceColumns, ...densityColumns] : densityColumns);
  if (channel === 'T') return selectColumns(features, featureSet.tailColumns);
  if (channel === 'H') return selectColumns(features, [featureSet.markovColumn!]);
  if (readsSequence || sequenceColumns.length === 0) return features;
  const names = features.columns.map((column) => column.name);
  return selectColumns(
    features,
    names.filter((name) => !sequenceColumns.includes(name)),
  );
};

export const fraudProbability = (model: ScoringModel, score: number): number | null =>
  model.platt ? plattProbability(model.platt, score) : null;

export const saveScoringModel = (model: ScoringModel): Uint8Array => {
  const artifacts: Record<string, Artifact> = {};
  for (const channel of CHANNELS) {
    const detector = model.detectors[channel];
    if (detector) artifacts[channel] = detector.save();
  }
  artifacts[BACKGROUND] = { estimator: BACKGROUND, meta: {}, arrays: { values: model.background.values } };
  const { knownFraud } = model;
  if (knownFraud) artifacts[KNOWN_FRAUD] = knownFraud.density.save();
  const { schema, priors, id, columns } = model.featureSet;
  return encodeArtifacts(artifacts, {
    version: model.version,
    featureSet: id,
    // Says what is different where another build refuses it.
    columns: columns.map((column) => column.name),
    schema,
    priors,
    platt: model.platt,
    usualScales: model.usualScales,
    knownFraud: knownFraud && { columns: knownFraud.columns, surprisals: [...knownFraud.surprisals] },
  });
};

/**
 * @throws Error when the bytes are damaged, or when this build computes other features than the model was trained on
 */
export const loadScoringModel = (bytes: Uint8Array, backend: TensorBackend): ScoringModel => {
  const { artifacts, meta } = decodeArtifacts(bytes);
  const version = String(meta['version']);
  const detectors: ChannelDetectors = {};
  for (const channel of CHANNELS) {
    const artifact = artifacts[channel];
    if (artifact) detectors[channel] = loadDetector(artifact, version, backend);
  }
  const fraud = artifacts[KNOWN_FRAUD];
  const featureSet = featureSetOf(meta);
  return {
    version,
    featureSet,
    detectors,
    platt: meta['platt'] as Platt | null,
    usualScales: meta['usualScales'] as UsualScales,
    knownFraud: fraud
      ? { density: loadDetector(fraud, version, backend), ...(meta['knownFraud'] as Omit<KnownFraud, 'density'>) }
      : null,
    background: featureMatrix(featureSet.columns, Float32Array.from(artifacts[BACKGROUND]?.arrays['values'] ?? [])),
  };
};

const loadDetector = (artifact: Artifact, version: string, backend: TensorBackend): Detector => {
  const estimator = estimators[artifact.estimator];
  if (!estimator) throw new Error(`model ${version} needs the estimator "${artifact.estimator}", which this build lacks`);
  return estimator.load(artifact, { backend });
};

/** The features that a stored model needs, without loading its detectors. @throws as `loadScoringModel` */
export const readFeatureSet = (bytes: Uint8Array): FeatureSet => featureSetOf(decodeArtifacts(bytes).meta);

/** The features that a stored model names. @throws Error when this build computes other ones */
export const featureSetOf = (meta: Readonly<Record<string, unknown>>): FeatureSet => {
  const featureSet = createFeatureSet(TransactionSchemaDefinition.parse(meta['schema']), meta['priors'] as FeaturePriors);
  if (featureSet.id === meta['featureSet']) return featureSet;
  const stored = meta['columns'] as readonly string[] | undefined;
  const computed = featureSet.columns.map((column) => column.name);
  throw new Error(
    `model ${String(meta['version'])} was trained on features ${String(meta['featureSet'])}; this build computes ${featureSet.id}` +
      (stored ? `: ${featureDifference(stored, computed)}` : ''),
  );
};
