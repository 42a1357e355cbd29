import { selectRows, type FeatureMatrix } from '../domain/feature-matrix.js';
import { InputError } from '../domain/input-error.js';
import type { TrainingData } from '../models/detector.js';
import { estimators } from '../models/registry.js';
import type { AugmentSettings, Generator } from './augment-settings.js';
import { splitForAugmentation, type AugmentationSplit, type AugmentRows } from './augmentation-split.js';
import {
  imitatedRows,
  stepContext,
  syntheticCount,
  withSynthetic,
  type Augmentation,
  type GeneratedQuality,
  type LabelledRows,
} from './augmented-data.js';
import type { TrainingContext } from './fit-channels.js';
import { precisionGain, type JudgedScores, type PrecisionGain } from './precision-gain.js';
import { drawControlled, supportsOf, type ControlledRows } from './row-control.js';
import { fitGenerator } from './synthetic-rows.js';
import { syntheticQuality } from './synthetic-quality.js';

/** Real rows of the training part in order of time, in the columns of the estimator. */
export interface AugmentInput extends LabelledRows, AugmentRows {
  readonly settings: AugmentSettings;
  /** What judges the mix: of the registry, learning from labels. */
  readonly estimator?: string;
  /** Hyper-parameters by estimator, of generators too. */
  readonly parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A generator and a share, with and without, on both parts of the validation slice. */
export interface TriedAugmentation extends Augmentation {
  readonly choosing: PrecisionGain;
  /** Counts for the one that was chosen; of the others it is there to be read. */
  readonly confirming: PrecisionGain;
  readonly quality: GeneratedQuality;
}

export interface PartCounts {
  readonly rows: number;
  readonly frauds: number;
}

/** Plain data: what a run's report keeps, also where nothing is kept. */
export interface AugmentationReport {
  readonly kept: Augmentation | null;
  readonly reasons: readonly string[];
  /** In the order in which they were tried. */
  readonly tried: readonly TriedAugmentation[];
  readonly failed: readonly { readonly generator: Generator; readonly reason: string }[];
  readonly estimator: string;
  /** Of the intervals. */
  readonly confidence: number;
  readonly parts: Readonly<Record<'earlier' | 'choosing' | 'confirming', PartCounts>> | null;
}

const DEFAULT_ESTIMATOR = 'gradient-boosting';

/**
 * Whether extra frauds help, and which. Candidates are fitted on the earlier rows and judged by average precision on later real
 * ones: one half of the entities chooses the best, and it is kept only where the other half confirms a gain above zero. The best of
 * several looks better than it is on the rows that chose it (winner's curse); the other half had no part in that.
 *
 * Cost: (1 + generators x shares) x draws fits on at most `rowsMax` rows, and a fit of each generator on the frauds.
 *
 * @throws InputError for an estimator that does not exist or learns without labels, or for arrays of different lengths
 */
export const chooseAugmentation = async (input: AugmentInput, context: TrainingContext): Promise<AugmentationReport> => {
  const { settings, estimator = DEFAULT_ESTIMATOR } = input;
  checkInput(input, estimator);
  const none = { kept: null, tried: [], failed: [], estimator, confidence: settings.confidence, parts: null };
  if (settings.generators.length === 0) return { ...none, reasons: ['Nothing was tried: no generator is configured.'] };
  const split = splitForAugmentation(input, settings, context.random.fork('split'));
  if (typeof split === 'string') return { ...none, reasons: [split] };
  const real = part(input, split.earlier);
  const imitated = imitatedRows(real).length;
  if (imitated < settings.fraudsMin)
    return { ...none, reasons: [`Nothing was tried: ${imitated} frauds to imitate; ${settings.fraudsMin} are needed.`] };
  const { tried, failed } = await tryAll(input, estimator, real, split, context);
  const counts = (rows: Uint32Array): PartCounts => ({
    rows: rows.length,
    frauds: rows.reduce((sum, row) => sum + input.labels[row]!, 0),
  });
  const { earlier, choosing, confirming } = split;
  const parts = { earlier: counts(earlier), choosing: counts(choosing), confirming: counts(confirming) };
  return { ...none, ...decide(tried, settings), tried, failed, parts };
};

const checkInput = ({ features, labels, entities, occurredAtMs, imitated }: AugmentInput, estimator: string): void => {
  for (const [name, { length }] of Object.entries({ labels, entities, occurredAtMs, imitated: imitated ?? labels }))
    if (length !== features.rowCount) throw new InputError(`${length} ${name} for ${features.rowCount} rows`);
  if (!estimators[estimator]?.supervised)
    throw new InputError(`augmentation is judged by an estimator that learns from labels; "${estimator}" is none`);
};

const part = ({ features, labels, entities, imitated }: LabelledRows, rows: Uint32Array): LabelledRows => ({
  features: selectRows(features, rows),
  labels: Uint8Array.from(rows, (r) => labels[r]!),
  entities: Int32Array.from(rows, (r) => entities[r]!),
  ...(imitated && { imitated: Uint8Array.from(rows, (r) => imitated[r]!) }),
});

type Tried = Pick<AugmentationReport, 'tried' | 'failed'>;

/** A generator that fails is left out with its reason: the others may still help. */
const tryAll = async (
  input: AugmentInput,
  estimator: string,
  real: LabelledRows,
  split: AugmentationSplit,
  context: TrainingContext,
): Promise<Tried> => {
  const judge = judgeOf(input, estimator, split, context);
  const nothing = { ...real.features, rowCount: 0, values: new Float32Array(0) };
  const { settings } = input;
  const without = await judge.scores(
    Array.from({ length: settings.draws }, () => withSynthetic(real, nothing)),
    'without',
  );
  const tried: TriedAugmentation[] = [];
  const failed: { generator: Generator; reason: string }[] = [];
  for (const generator of new Set(settings.generators)) {
    try {
      const drawn = await drawsOf(generator, input, real, context);
      for (const share of new Set(settings.shares)) {
        const wanted = syntheticCount(share, imitatedRows(real).length, real.features.rowCount, settings);
        const some = drawn.draws.map(({ rows }) => firstRows(rows, wanted));
        const fits = some.map((rows) => withSynthetic(real, rows));
        const scores = await judge.scores(fits, `with ${generator} x${share}`);
        const quality = { ...drawn.quality, rows: some[0]!.rowCount };
        tried.push({ generator, share, ...(await judge.gains(without, scores, `${generator} x${share}`)), quality });
      }
    } catch (error) {
      context.signal?.throwIfAborted();
      failed.push({ generator, reason: (error as Error).message });
    }
  }
  return { tried, failed };
};

/** One generator of the earlier frauds; every fit is given rows of its own, of which a smaller share takes the first. */
const drawsOf = async (
  generator: Generator,
  { settings, parameters }: AugmentInput,
  real: LabelledRows,
  context: TrainingContext,
): Promise<{ draws: readonly ControlledRows[]; quality: GeneratedQuality }> => {
  const frauds = imitatedRows(real);
  const known = selectRows(real.features, frauds);
  const step = stepContext(context, generator, parameters, generator);
  const source = await fitGenerator(generator, known, step);
  const supports = supportsOf(real.features);
  const most = syntheticCount(Math.max(...settings.shares), frauds.length, real.features.rowCount, settings);
  const draws = Array.from({ length: settings.draws }, (_, d) =>
    drawControlled(source, most, supports, step.random.fork(`draw ${d}`)),
  );
  if (draws.some(({ rows }) => rows.rowCount === 0))
    throw new Error(`no row passed control: ${draws[0]!.worst?.column ?? 'the columns'} had values that real rows do not have`);
  const { rows, rejectedShare, worst } = draws[0]!;
  const quality = syntheticQuality(known, rows, step.random.fork('quality'));
  return { draws, quality: { ...quality, rows: rows.rowCount, rejectedShare, worst } };
};

const firstRows = ({ columns, values, rowCount }: FeatureMatrix, count: number): FeatureMatrix => {
  const some = Math.min(rowCount, count);
  return { columns, rowCount: some, values: values.slice(0, some * columns.length) };
};

interface Judge {
  scores(fits: readonly TrainingData[], name: string): Promise<readonly Float64Array[]>;
  gains(
    without: readonly Float64Array[],
    scores: readonly Float64Array[],
    name: string,
  ): Promise<Record<'choosing' | 'confirming', PrecisionGain>>;
}

/** Scores of the judging rows, the choosing ones first: real rows alone, taken from the input by number. */
const judgeOf = (input: AugmentInput, estimator: string, split: AugmentationSplit, context: TrainingContext): Judge => {
  const judging = Uint32Array.from([...split.choosing, ...split.confirming]);
  const features = selectRows(input.features, judging);
  const halves = { choosing: [0, split.choosing.length], confirming: [split.choosing.length, judging.length] } as const;
  return {
    async scores(fits, name) {
      const scores: Float64Array[] = [];
      for (const [d, data] of fits.entries()) {
        context.signal?.throwIfAborted();
        const step = stepContext(context, `${name}, fit ${d + 1} of ${fits.length}`, input.parameters, estimator);
        // The chance of fit d is one for all candidates: with and without differ by the rows alone.
        const random = context.random.fork(`fit ${d}`);
        const detector = await estimators[estimator]!.fit(data, { ...step, random });
        scores.push(detector.score(features));
      }
      return scores;
    },
    async gains(without, scores, name) {
      const gain = (half: keyof typeof halves): Promise<PrecisionGain> => {
        const [from, to] = halves[half];
        const rows = judging.subarray(from, to);
        const judged: JudgedScores = {
          labels: Uint8Array.from(rows, (r) => input.labels[r]!),
          entities: Int32Array.from(rows, (r) => input.entities[r]!),
          weights: Float64Array.from(rows, (r) => (input.labels[r] === 1 ? 1 : split.legitimateWeight)),
          without: without.map((each) => each.subarray(from, to)),
          with: scores.map((each) => each.subarray(from, to)),
        };
        return precisionGain(judged, {
          ...input.settings,
          random: context.random.fork(`${name}, ${half}`),
          ...(context.signal && { signal: context.signal }),
        });
      };
      return { choosing: await gain('choosing'), confirming: await gain('confirming') };
    },
  };
};

const figure = (value: number): string => value.toFixed(4);

const decide = (
  tried: readonly TriedAugmentation[],
  { confidence }: AugmentSettings,
): Pick<AugmentationReport, 'kept' | 'reasons'> => {
  const best = tried.reduce<TriedAugmentation | null>((b, each) => (b && b.choosing.gain >= each.choosing.gain ? b : each), null);
  if (best === null) return { kept: null, reasons: ['Nothing is kept: no generator gave rows.'] };
  const name = `${best.generator} x${best.share}`;
  const chosen = `${name} was the best of ${tried.length} on the choosing entities: average precision ${figure(best.choosing.without)} without, ${figure(best.choosing.with)} with.`;
  if (!(best.choosing.gain > 0)) return { kept: null, reasons: [chosen, 'Nothing is kept: none of them gained.'] };
  const { without, with: after, gain, low, high } = best.confirming;
  const confirmed = `On the confirming entities ${figure(without)} without and ${figure(after)} with: a gain of ${figure(gain)}, ${Number((100 * confidence).toPrecision(4))} % interval ${figure(low)} to ${figure(high)}.`;
  return low > 0
    ? { kept: { generator: best.generator, share: best.share }, reasons: [chosen, confirmed, `${name} is kept.`] }
    : { kept: null, reasons: [chosen, confirmed, 'Nothing is kept: the interval holds no gain.'] };
};
