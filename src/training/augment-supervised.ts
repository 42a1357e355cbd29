import type { FeatureMatrix } from '../domain/feature-matrix.js';
import { selectRows } from '../domain/feature-matrix.js';
import { averagePrecision } from '../domain/ranking.js';
import type { FeatureSet } from '../features/catalog.js';
import type { Detector } from '../models/detector.js';
import { channelFeatures } from '../scoring/scoring-model.js';
import { chooseAugmentation, type AugmentationReport } from './augment.js';
import { augmentedData } from './augmented-data.js';
import type { AugmentSettings } from './augment-settings.js';
import { type ChannelData, type ChosenEstimators, fitChannels, type TrainingContext } from './fit-channels.js';

/** The training range, and the later rows that only say what an addition was worth. */
export interface AugmentSlices extends ChannelData {
  readonly supervisedTimes: Float64Array;
  readonly later: FeatureMatrix;
  readonly laterLabels: Int8Array;
}

export interface AugmentChoice extends ChosenEstimators {
  /** Absent: channel S learns from real rows alone. */
  readonly augment?: AugmentSettings;
}

export interface AugmentationSummary extends AugmentationReport {
  readonly syntheticRows: number;
  /** Average precision of S on the later slice's matured rows, with and without what was kept; null where nothing was. */
  readonly later: { readonly with: number; readonly without: number } | null;
}

export interface Augmented {
  readonly report: AugmentationReport;
  /** In place of the real rows of channel S; null: nothing was kept. */
  readonly data: AugmentedChannel | null;
}

interface AugmentedChannel extends Required<
  Pick<ChannelData, 'supervised' | 'supervisedLabels' | 'supervisedEntities' | 'isSynthetic'>
> {
  /** What the extra frauds add to the log-odds of every row. */
  readonly logOddsShift: number;
}

/** Extra frauds for channel S, where they help on real rows of the training range that did not make them. */
export const augmentSupervised = async (
  featureSet: FeatureSet,
  slices: AugmentSlices,
  { augment: settings, estimators, parameters }: AugmentChoice,
  context: TrainingContext,
): Promise<Augmented | null> => {
  if (!settings || estimators.S === undefined) return null;
  const { supervised, supervisedLabels: labels, supervisedEntities: entities, supervisedTimes: occurredAtMs } = slices;
  const features = channelFeatures(featureSet, 'S', supervised, estimators.S);
  const report = await chooseAugmentation({ features, labels, entities, occurredAtMs, settings, parameters }, context);
  if (report.kept === null) return { report, data: null };
  // Over all features: the channel selects its own afterwards.
  const made = await augmentedData({ features: supervised, labels, entities }, report.kept, settings, parameters, context);
  const { isSynthetic, logOddsShift } = made;
  return {
    report,
    data: {
      supervised: made.features,
      supervisedLabels: made.labels,
      supervisedEntities: made.entities,
      isSynthetic,
      logOddsShift,
    },
  };
};

/** What was kept, with and without it on the later slice: that says what it was worth, and chooses nothing. Costs a fit of S. */
export const augmentationSummary = async (
  { report, data }: Augmented,
  featureSet: FeatureSet,
  slices: AugmentSlices,
  { estimators, ...choice }: AugmentChoice,
  context: TrainingContext,
  fitted: Detector | undefined,
): Promise<AugmentationSummary> => {
  const none = { ...report, syntheticRows: data?.isSynthetic.reduce((sum, is) => sum + is, 0) ?? 0, later: null };
  if (!data || !fitted) return none;
  const { S: without } = await fitChannels(featureSet, slices, { ...choice, estimators: { S: estimators.S! } }, context);
  const rows = [...slices.laterLabels.keys()].filter((i) => slices.laterLabels[i]! >= 0);
  const labels = Uint8Array.from(rows, (i) => slices.laterLabels[i]!);
  if (!without || !labels.includes(1)) return none;
  const features = channelFeatures(featureSet, 'S', selectRows(slices.later, rows), estimators.S!);
  const precision = (detector: Detector): number => averagePrecision(labels, detector.score(features));
  return { ...none, later: { with: precision(fitted), without: precision(without) } };
};
