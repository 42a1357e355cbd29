import type { Calibration } from '../domain/calibration.js';
import type { FitProgress } from '../models/detector.js';
import type { DeliveredWork, ScoringTerms } from '../scoring/score-batch.js';
import type { FitTask } from '../training/fit-channels.js';
import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import type { RetrainInput, RetrainReport } from '../training/retrain.js';
import type { JudgedCandidate, TrainCandidateInput } from '../training/train-candidate.js';
import type { PackedResult, PackedStates, PackedTransactions } from './worker-transfer.js';

/** What the main thread says to a worker. Messages are handled in order, so a change takes effect at a batch border. */
export type ToWorker =
  | { readonly kind: 'use-model'; readonly id: number; readonly artifact: Uint8Array; readonly terms: ScoringTerms }
  | { readonly kind: 'use-terms'; readonly terms: ScoringTerms }
  /** `artifact`: null changes the calibration of one that is loaded. */
  | {
      readonly kind: 'use-challenger';
      readonly id: number;
      readonly version: string;
      readonly artifact: Uint8Array | null;
      readonly calibration: Calibration | null;
    }
  | { readonly kind: 'drop-challenger'; readonly version: string }
  | { readonly kind: 'score'; readonly id: number; readonly work: PackedWork }
  | { readonly kind: 'retrain'; readonly id: number; readonly input: RetrainInput; readonly seed: number }
  /** A part of the history that the next `train` learns from, in event order: cloned in pieces, so that no clone holds the sender up. */
  | {
      readonly kind: 'history';
      readonly id: number;
      readonly transactions: readonly Transaction[];
      readonly labels: readonly Label[];
    }
  | { readonly kind: 'train'; readonly id: number; readonly input: TrainInput; readonly seed: number }
  | { readonly kind: 'fit'; readonly id: number; readonly task: FitTask; readonly seed: number };

/** The history comes before it. */
export type TrainInput = Omit<TrainCandidateInput, 'transactions' | 'labels'>;

export interface PackedWork extends Pick<DeliveredWork, 'evidence'> {
  readonly transactions: PackedTransactions;
  readonly states: PackedStates;
}

export type FromWorker =
  /** The model or challenger is loaded and scores from the next batch on; `failed` means that the one before still does. */
  | { readonly kind: 'used'; readonly id: number; readonly result: null }
  /** A part of the history is there: the next one may be sent. */
  | { readonly kind: 'kept'; readonly id: number; readonly result: null }
  | { readonly kind: 'scored'; readonly id: number; readonly result: PackedResult }
  | { readonly kind: 'fitted'; readonly id: number; readonly result: Uint8Array }
  | { readonly kind: 'retrained'; readonly id: number; readonly result: Retrained }
  | { readonly kind: 'trained'; readonly id: number; readonly result: Trained }
  | { readonly kind: 'progress'; readonly id: number; readonly step: string; readonly progress: FitProgress }
  /** It threw: this thread has put it aside, and the champion decided as ever. */
  | { readonly kind: 'challenger-failed'; readonly version: string; readonly message: string }
  /** Something that an operator should know; each thread says it. */
  | { readonly kind: 'note'; readonly line: string }
  /** `stack`: the message alone where the data are to blame. */
  | { readonly kind: 'failed'; readonly id: number | null; readonly message: string; readonly stack: string };

export interface Retrained {
  readonly artifact: Uint8Array;
  readonly calibration: Calibration;
  readonly report: RetrainReport;
  readonly featureSet: string;
}

/** A candidate and what the gate says of it. */
export interface Trained extends Retrained, Pick<JudgedCandidate, 'gate' | 'rehearsal'> {}
