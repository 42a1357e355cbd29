import type { Channel } from '../domain/decision.js';
import type { FeatureMatrix } from '../domain/feature-matrix.js';
import type { FeatureSet } from '../features/catalog.js';
import { type Artifact, decodeArtifacts } from '../models/artifact.js';
import type { Detector, FitContext, FitProgress, TrainingData } from '../models/detector.js';
import { estimators } from '../models/registry.js';
import { channelFeatures, type ChannelDetectors } from '../scoring/scoring-model.js';
import type { Random } from '../domain/random.js';
import type { TensorBackend } from '../tensor/backend.js';

/** One fit as plain data, so that it can be done in another thread. */
export interface FitTask {
  readonly estimator: string;
  readonly data: TrainingData;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly warmStart?: Artifact;
  /** The fit's chance is `random.fork(fork)` of the run's. */
  readonly fork: string;
}

/** Does a fit in another thread, with the chance of the same run; rejects with the signal's reason when aborted. */
export type FitElsewhere = (task: FitTask, hooks: Pick<FitContext, 'onProgress' | 'signal'>) => Promise<Artifact>;

/** @throws Error when the registry has no such estimator; rejects as its `fit` does */
export const runFitTask = (task: FitTask, context: Omit<FitContext, 'parameters' | 'warmStart'>): Promise<Detector> => {
  const estimator = estimators[task.estimator];
  if (!estimator) throw new Error(`there is no estimator "${task.estimator}"; there are ${Object.keys(estimators).join(', ')}`);
  return estimator.fit(task.data, {
    ...context,
    random: context.random.fork(task.fork),
    ...(task.parameters && { parameters: task.parameters }),
    ...(task.warmStart && { warmStart: task.warmStart }),
  });
};

/** What every part of a training run is given. */
export interface TrainingContext {
  readonly random: Random;
  readonly backend: TensorBackend;
  readonly onProgress?: (step: string, progress: FitProgress) => void;
  readonly signal?: AbortSignal;
  /** A second thread, where there is a core for it. */
  readonly fitElsewhere?: FitElsewhere;
}

/** What work that fits nothing is given of it. */
export type TrainingHooks = Pick<TrainingContext, 'onProgress' | 'signal'>;

/** Estimator of each channel, and hyper-parameters by estimator. */
export interface ChosenEstimators {
  readonly estimators: Readonly<Partial<Record<Channel, string>>>;
  readonly parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** An earlier model whose detectors are gone on from, where the same estimator had the channel. */
  readonly warmStart?: Uint8Array;
  /** Channels that are taken as they are instead of fitted. */
  readonly kept?: ChannelDetectors;
}

/** What the channels learn from. */
export interface ChannelData {
  readonly supervised: FeatureMatrix;
  readonly supervisedLabels: Uint8Array;
  /** A number per supervised row that rows of one primary entity share. */
  readonly supervisedEntities: Int32Array;
  /** 1: a generated row, from which S learns and on which nothing judges; absent: all are real. */
  readonly isSynthetic?: Uint8Array;
  readonly normal: FeatureMatrix;
}

/**
 * A detector for each channel that can be fitted. S and D take long: with `fitElsewhere` S is fitted beside the others, to the
 * same bits.
 */
export const fitChannels = async (
  featureSet: FeatureSet,
  data: ChannelData,
  { estimators: chosen, parameters, warmStart, kept = {} }: ChosenEstimators,
  context: TrainingContext,
): Promise<ChannelDetectors> => {
  const bothClasses = data.supervisedLabels.includes(1) && data.supervisedLabels.includes(0);
  const possible: Readonly<Record<Channel, boolean>> = {
    S: bothClasses,
    T: featureSet.tailColumns.length > 0,
    H: featureSet.markovColumn !== null,
    D: featureSet.densityColumns.length > 0,
  };
  const earlier = warmStart ? decodeArtifacts(warmStart).artifacts : {};
  const taskOf = (channel: Channel, estimator: string): FitTask => ({
    estimator,
    data:
      channel === 'S'
        ? {
            features: channelFeatures(featureSet, 'S', data.supervised, estimator),
            labels: data.supervisedLabels,
            entities: data.supervisedEntities,
            ...(data.isSynthetic && { isSynthetic: data.isSynthetic }),
          }
        : { features: channelFeatures(featureSet, channel, data.normal, estimator) },
    ...(parameters[estimator] && { parameters: parameters[estimator] }),
    ...(earlier[channel]?.estimator === estimator && { warmStart: earlier[channel] }),
    fork: `${channel}/${estimator}`,
  });
  const report = sharedProgress(context);
  // A fit that fails ends the one beside it.
  const stop = new AbortController();
  const signal = { signal: context.signal ? AbortSignal.any([context.signal, stop.signal]) : stop.signal };
  const fitHere = (task: FitTask): Promise<Detector> =>
    runFitTask(task, { random: context.random, backend: context.backend, onProgress: report(task.fork), ...signal });
  const fitBeside = async (task: FitTask, fitElsewhere: FitElsewhere): Promise<Detector> => {
    const artifact = await fitElsewhere(task, { onProgress: report(task.fork), ...signal });
    return estimators[task.estimator]!.load(artifact, { backend: context.backend });
  };

  const tasks = (['S', 'T', 'H', 'D'] as const).flatMap((channel) => {
    const estimator = chosen[channel];
    return estimator !== undefined && possible[channel] && !kept[channel] ? [{ channel, task: taskOf(channel, estimator) }] : [];
  });
  const detectors: ChannelDetectors = { ...kept };
  const { fitElsewhere } = context;
  const beside = fitElsewhere ? tasks.filter(({ channel }) => channel === 'S') : [];
  const running = beside.map(async ({ channel, task }) => {
    detectors[channel] = await fitBeside(task, fitElsewhere!);
  });
  const here = (async () => {
    for (const { channel, task } of tasks.filter((each) => !beside.includes(each))) detectors[channel] = await fitHere(task);
  })();
  try {
    await Promise.all([...running, here]);
  } catch (error) {
    stop.abort(error);
    throw error;
  }
  return detectors;
};

/** Fits that run at once are one step of the run: as far as the one that is least far, so that it never falls back. */
const sharedProgress = ({ onProgress, fitElsewhere }: TrainingContext): ((name: string) => (progress: FitProgress) => void) => {
  const shares = new Map<string, FitProgress>();
  return (name) => (progress) => {
    const title = name.replace('/', ' ');
    if (!fitElsewhere) return onProgress?.(title, progress);
    if (progress.share < 1) shares.set(title, progress);
    else shares.delete(title);
    const [slowest] = [...shares].sort(([, a], [, b]) => a.share - b.share);
    onProgress?.(slowest?.[0] ?? title, slowest?.[1] ?? progress);
  };
};
