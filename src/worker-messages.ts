import type { Calibration } from './domain/calibration.js';
import type { EvidenceColumns } from './domain/evidence-columns.js';
import type { FitProgress } from './models/detector.js';
import type { ScoringResult, ScoringWork } from './scoring/ports.js';
import type { ScoringTerms } from './scoring/score-batch.js';
import type { RetrainInput, RetrainReport } from './training/retrain.js';

/** What the main thread says to a worker. Messages are handled in order, so a change takes effect at a batch border. */
export type ToWorker =
  | { readonly kind: 'use-model'; readonly id: number; readonly artifact: Uint8Array; readonly terms: ScoringTerms }
  | { readonly kind: 'use-terms'; readonly terms: ScoringTerms }
  | { readonly kind: 'score'; readonly id: number; readonly work: WorkTransfer }
  | { readonly kind: 'retrain'; readonly id: number; readonly input: RetrainInput; readonly seed: number };

/** Cloned: what arrives has the columns' data but not their class. */
export type WorkTransfer = Omit<ScoringWork, 'evidence'> & { readonly evidence: Pick<EvidenceColumns, 'runs' | 'numbers'> };

export type FromWorker =
  /** The model is loaded and scores from the next batch on; `failed` means that the one before still does. */
  | { readonly kind: 'used'; readonly id: number; readonly result: null }
  | { readonly kind: 'scored'; readonly id: number; readonly result: ScoringResult }
  | { readonly kind: 'retrained'; readonly id: number; readonly result: Retrained }
  | { readonly kind: 'progress'; readonly id: number; readonly step: string; readonly progress: FitProgress }
  | { readonly kind: 'failed'; readonly id: number | null; readonly message: string };

export interface Retrained {
  readonly artifact: Uint8Array;
  readonly calibration: Calibration;
  readonly report: RetrainReport;
  readonly featureSet: string;
}
