import { selectRows, type FeatureMatrix } from '../domain/feature-matrix.js';
import type { FitContext, TrainingData } from '../models/detector.js';
import type { AugmentSettings, Generator } from './augment-settings.js';
import type { TrainingContext } from './fit-channels.js';
import { drawControlled, supportsOf, type ControlledRows } from './row-control.js';
import { fitGenerator } from './synthetic-rows.js';
import { syntheticQuality, type SyntheticQuality } from './synthetic-quality.js';

/** So many extra frauds from there for each known one. */
export interface Augmentation {
  readonly generator: Generator;
  readonly share: number;
}

/** Real rows, a label and an entity each. */
export interface LabelledRows extends Required<Pick<TrainingData, 'features' | 'labels' | 'entities'>> {
  /** 1 for the frauds to be imitated (those of a rare segment); absent: all frauds. */
  readonly imitated?: Uint8Array;
}

/** What a fit is given. The synthetic rows come first, so that what an estimator takes for the latest rows is real. */
export interface AugmentedData extends Required<TrainingData> {
  /** What the extra frauds add to the log-odds of every row: to be taken off where no later rows rescale the scores. */
  readonly logOddsShift: number;
  /** null: there are no synthetic rows. */
  readonly quality: GeneratedQuality | null;
}

export interface GeneratedQuality extends SyntheticQuality {
  readonly rows: number;
  readonly rejectedShare: number;
  readonly worst: ControlledRows['worst'];
}

export const imitatedRows = ({ labels, imitated }: Pick<LabelledRows, 'labels' | 'imitated'>): number[] =>
  [...labels.keys()].filter((r) => labels[r] === 1 && (imitated?.[r] ?? 1) === 1);

/** Extra rows of a share; never more than there are real rows, of which an estimator may judge on the last third. */
export const syntheticCount = (share: number, frauds: number, realRows: number, { syntheticMax }: AugmentSettings): number =>
  Math.min(Math.round(share * frauds), syntheticMax, realRows);

/** Real rows behind synthetic frauds, each an entity of its own. */
export const withSynthetic = (real: LabelledRows, synthetic: FeatureMatrix): Omit<AugmentedData, 'quality'> => {
  const { features, labels, entities } = real;
  const extra = synthetic.rowCount;
  if (extra === 0) return { features, labels, entities, isSynthetic: new Uint8Array(labels.length), logOddsShift: 0 };
  const values = new Float32Array(synthetic.values.length + features.values.length);
  values.set(synthetic.values);
  values.set(features.values, synthetic.values.length);
  const firstFree = entities.reduce((most, entity) => Math.max(most, entity), -1) + 1;
  const frauds = labels.reduce((sum, label) => sum + label, 0);
  return {
    features: { columns: features.columns, rowCount: extra + features.rowCount, values },
    labels: Uint8Array.from({ length: extra + labels.length }, (_, r) => (r < extra ? 1 : labels[r - extra]!)),
    entities: Int32Array.from({ length: extra + labels.length }, (_, r) => (r < extra ? firstFree + r : entities[r - extra]!)),
    isSynthetic: new Uint8Array(extra + labels.length).fill(1, 0, extra),
    logOddsShift: Math.log((frauds + extra) / frauds),
  };
};

/** Context of one step of a run. */
export const stepContext = (
  context: TrainingContext,
  name: string,
  parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  estimator: string,
): FitContext => ({
  random: context.random.fork(name),
  backend: context.backend,
  onProgress: (progress) => context.onProgress?.(`augmentation, ${name}`, progress),
  ...(context.signal && { signal: context.signal }),
  ...(parameters[estimator] && { parameters: parameters[estimator] }),
});

/**
 * What the full fit learns from: the training rows as they are where nothing was kept, else behind extra frauds of a generator that
 * was fitted anew on all of the training part's.
 *
 * Rows of the later slice that calibrates and evaluates must not be among `real`: nothing here makes rows for it.
 */
export const augmentedData = async (
  real: LabelledRows,
  kept: Augmentation | null,
  settings: AugmentSettings,
  parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  context: TrainingContext,
): Promise<AugmentedData> => {
  const none = { ...real.features, rowCount: 0, values: new Float32Array(0) };
  const frauds = imitatedRows(real);
  if (kept === null || frauds.length < 2) return { ...withSynthetic(real, none), quality: null };
  const known = selectRows(real.features, frauds);
  const step = stepContext(context, kept.generator, parameters, kept.generator);
  const source = await fitGenerator(kept.generator, known, step);
  const wanted = syntheticCount(kept.share, frauds.length, real.features.rowCount, settings);
  const controlled = drawControlled(source, wanted, supportsOf(real.features), step.random.fork('rows'));
  const { rows, rejectedShare, worst } = controlled;
  const quality = { ...syntheticQuality(known, rows, step.random.fork('quality')), rows: rows.rowCount, rejectedShare, worst };
  return { ...withSynthetic(real, rows), quality };
};
