import { DAY_MS } from '../domain/time.js';
import type { Transaction } from '../domain/transaction.js';
import type { FeatureSet } from '../features/catalog.js';
import { loadScoringModel, type ScoringModel } from '../scoring/scoring-model.js';
import type { Dataset } from './dataset.js';
import type { TrainingContext, TrainingHooks } from './fit-channels.js';
import { crossFitProbabilities } from './fraud-scale.js';
import { judgeCandidate, type GateReport, type GateSide } from './gate.js';
import type { GateSettings } from './gate-settings.js';
import { memoryBefore, rehearse, type RehearsalReport } from './rehearse.js';
import type { RehearsalSettings } from './rehearsal-settings.js';
import type { LineMemory } from './replay-slice.js';
import { retrain, type Candidate, type RetrainInput } from './retrain.js';
import { gateRowsOf, scoreSlice, type SliceSide } from './score-slice.js';

/** A whole cycle of weekdays: what a rehearsal replays, again and again. */
const REHEARSED_MS = 7 * DAY_MS;

export interface TrainCandidateInput extends RetrainInput {
  /** Of the candidate's own feature set (`featuresOf`); null: nothing decides yet. */
  readonly champion: { readonly version: string; readonly artifact: Uint8Array; readonly isPrior?: boolean } | null;
  readonly gate: GateSettings;
  readonly rehearsal: RehearsalSettings;
}

export interface TrainCandidateContext extends TrainingContext {
  /** Clock in milliseconds, for the time that a row costs. */
  readonly now: () => number;
}

export interface JudgedCandidate {
  readonly candidate: Candidate;
  readonly gate: GateReport;
  readonly rehearsal: { readonly candidate: RehearsalReport; readonly champion: RehearsalReport | null };
}

/**
 * The offline line with its gate: a candidate is trained, it and the champion score the later slice and are rehearsed against
 * the same attacks on its newest week, and the gate says what may become of the candidate.
 *
 * @throws InputError when a range holds too few rows; rejects with the signal's reason when aborted
 */
export const trainCandidate = async (input: TrainCandidateInput, context: TrainCandidateContext): Promise<JudgedCandidate> => {
  const { champion, policy, schema, labels, trainToMs, asOfMs } = input;
  const decides = champion ? loadScoringModel(champion.artifact, context.backend) : null;
  const isFirst = decides !== null && champion?.isPrior === true;
  const candidate = await retrain({ ...input, ...(isFirst && afterPrior(decides, input)) }, context);
  const { dataset } = candidate;
  const judge = judgeOf(input, dataset, context);
  const slice = dataset.transactions.filter((t) => t.occurredAtMs >= trainToMs);
  const rows = gateRowsOf(schema, slice, labels, asOfMs);
  // The scale of both was fitted on these rows, the champion's on most of them: scales that have not seen a row judge it.
  const ours = { ...(await judge(candidate.model, candidate.artifact)), fraudProbabilities: candidate.fraudProbabilities };
  const judged = champion && decides ? await judge(decides, champion.artifact) : null;
  const theirs = judged && { ...judged, fraudProbabilities: crossFitted(decides!, judged, rows.labels, slice) };
  const gate = await judgeCandidate(
    {
      rows,
      candidate: ours,
      champion: theirs,
      isFirst,
      championKnowsLabels: decides !== null && !isUnlabelled(decides),
      budget: policy.budget.share,
      settings: input.gate,
    },
    hooksOf(context, 'gate'),
  );
  return { candidate, gate, rehearsal: { candidate: ours.rehearsal, champion: theirs?.rehearsal ?? null } };
};

/**
 * What follows a prior champion keeps its T: tables of rows by customers of whom nothing was known yet are worse ones. The channels
 * that live on labels wait until so many frauds of the slice have matured that the gate can judge them.
 */
const afterPrior = (prior: ScoringModel, input: TrainCandidateInput): Pick<RetrainInput, 'estimators' | 'kept'> => {
  const { transactions, labels, trainToMs, asOfMs, schema, estimators } = input;
  const { maturedFraudsMin, fraudEntitiesMin } = input.gate;
  const slice = transactions.filter((t) => t.occurredAtMs >= trainToMs && t.occurredAtMs < asOfMs);
  const { labels: judged, entities } = gateRowsOf(schema, slice, labels, asOfMs);
  const frauds = [...judged.keys()].filter((row) => judged[row] === 1);
  const canJudge = frauds.length >= maturedFraudsMin && new Set(frauds.map((row) => entities[row])).size >= fraudEntitiesMin;
  const { S: _supervised, H: _markov, ...unlabelled } = estimators;
  return { estimators: canJudge ? estimators : unlabelled, kept: { T: prior.detectors.T! } };
};

/** Neither of its channels lives on labels. */
const isUnlabelled = ({ detectors }: ScoringModel): boolean => !detectors.S && !detectors.H;

/** Null without a scale; as they are served where the slice has too few frauds for two. */
const crossFitted = (
  { platt }: ScoringModel,
  { window }: Pick<SliceSide, 'window'>,
  labels: Int8Array,
  slice: readonly Transaction[],
): Float64Array | null => platt && crossFitProbabilities({ scores: window.channels.S, labels }, slice, platt);

type JudgedSide = Omit<GateSide, 'fraudProbabilities'> & Pick<SliceSide, 'window'> & { readonly rehearsal: RehearsalReport };

/** Judges one model after the other; those of one feature set begin their rehearsals with the same memory. */
const judgeOf = (
  { policy, transactions, labels, trainToMs, asOfMs, rehearsal: settings }: TrainCandidateInput,
  dataset: Dataset,
  context: TrainCandidateContext,
): ((model: ScoringModel, artifact: Uint8Array) => Promise<JudgedSide>) => {
  const range = { transactions, labels, fromMs: Math.max(trainToMs, asOfMs - REHEARSED_MS), toMs: asOfMs };
  const memories = new Map<string, Promise<LineMemory>>();
  const memoryOf = (featureSet: FeatureSet): Promise<LineMemory> => {
    const memory = memories.get(featureSet.id) ?? memoryBefore(featureSet, range, hooksOf(context, 'memory'));
    memories.set(featureSet.id, memory);
    return memory;
  };
  return async (model, artifact) => {
    const side = scoreSlice(model, dataset, trainToMs, policy, context.now);
    const { calibration } = side;
    const rehearsal = await rehearse(
      { ...range, model, calibration, policy, settings, memory: () => memoryOf(model.featureSet) },
      hooksOf(context, model.version),
    );
    return { ...side, version: model.version, rehearsal, artifactBytes: artifact.length };
  };
};

/** Steps of both sides bear its name: they come twice. */
const hooksOf = ({ onProgress, signal }: TrainingHooks, name: string): TrainingHooks => ({
  ...(onProgress && { onProgress: (step, progress) => onProgress(step === name ? step : `${step}, ${name}`, progress) }),
  ...(signal && { signal }),
});
