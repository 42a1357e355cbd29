import { loadScoringModel, type ScoringModel } from '../scoring/scoring-model.js';
import type { Dataset } from './dataset.js';
import type { TrainingContext } from './fit-channels.js';
import { judgeCandidate, type GateReport, type GateSide } from './gate.js';
import type { GateSettings } from './gate-settings.js';
import { rehearse, type RehearsalReport } from './rehearse.js';
import type { RehearsalSettings } from './rehearsal-settings.js';
import { retrain, type Candidate, type RetrainInput } from './retrain.js';
import { gateRowsOf, scoreSlice } from './score-slice.js';

/** A whole cycle of weekdays: what a rehearsal replays, again and again. */
const REHEARSED_MS = 7 * 86_400_000;

export interface TrainCandidateInput extends RetrainInput {
  /** Of the candidate's own feature set (`featuresOf`); null: nothing decides yet. */
  readonly champion: { readonly version: string; readonly artifact: Uint8Array } | null;
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
  const candidate = await retrain(input, context);
  const { dataset } = candidate;
  const ours = await judgedSide(candidate.model, candidate.artifact, dataset, input, context);
  const theirs = champion
    ? await judgedSide(loadScoringModel(champion.artifact, context.backend), champion.artifact, dataset, input, context)
    : null;
  const slice = dataset.transactions.filter((t) => t.occurredAtMs >= trainToMs);
  const gate = await judgeCandidate(
    {
      rows: gateRowsOf(schema, slice, labels, asOfMs),
      candidate: ours,
      champion: theirs,
      budget: policy.budget.share,
      settings: input.gate,
    },
    hooksOf(context, 'gate'),
  );
  return { candidate, gate, rehearsal: { candidate: ours.rehearsal, champion: theirs?.rehearsal ?? null } };
};

const judgedSide = async (
  model: ScoringModel,
  artifact: Uint8Array,
  dataset: Dataset,
  { policy, transactions, labels, trainToMs, asOfMs, rehearsal: settings }: TrainCandidateInput,
  context: TrainCandidateContext,
): Promise<GateSide & { readonly rehearsal: RehearsalReport }> => {
  const side = scoreSlice(model, dataset, trainToMs, policy, context.now);
  const fromMs = Math.max(trainToMs, asOfMs - REHEARSED_MS);
  const rehearsal = await rehearse(
    { model, calibration: side.calibration, policy, transactions, labels, fromMs, toMs: asOfMs, settings },
    hooksOf(context, model.version),
  );
  return { ...side, version: model.version, rehearsal, artifactBytes: artifact.length };
};

/** Steps of both sides bear its name: they come twice. */
const hooksOf = ({ onProgress, signal }: TrainingContext, name: string): Pick<TrainingContext, 'onProgress' | 'signal'> => ({
  ...(onProgress && { onProgress: (step, progress) => onProgress(step === name ? step : `${step}, ${name}`, progress) }),
  ...(signal && { signal }),
});
