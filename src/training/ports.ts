import type { Outcome } from '../domain/decision.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Flip, VersionComparison } from '../domain/version-comparison.js';

/** What a training run is and who may say so. Times are RFC 3339, by the clock of the database. */

export const TRAINING_TRIGGERS = ['schedule', 'drift', 'labels', 'manual'] as const;
export type TrainingTrigger = (typeof TRAINING_TRIGGERS)[number];

/** `lost`: its holder gave no sign of life for too long, so that another may begin. */
export const TRAINING_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'lost'] as const;
export type TrainingState = (typeof TRAINING_STATES)[number];
export const hasEnded = (state: TrainingState): boolean => state !== 'queued' && state !== 'running';

export interface TrainingRun {
  readonly id: string;
  readonly schema: string;
  readonly trigger: TrainingTrigger;
  readonly requestedAt: string;
  readonly requestedBy: string;
  readonly why: string;
  /** The time of the schedule that it answers. */
  readonly dueAt: string | null;
  readonly state: TrainingState;
  readonly holder: string | null;
  readonly heartbeatAt: string | null;
  readonly cancelRequestedAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly seed: number;
  /** Event times of what it trained on, and a hash of those rows; null until it has read them. */
  readonly data: { readonly from: string; readonly to: string; readonly hash: string } | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly report: Readonly<Record<string, unknown>> | null;
  /** The version that it made. */
  readonly version: string | null;
  readonly retryOf: string | null;
  /** Grows with each restart after a loss. */
  readonly attempt: number;
  /** Why it ended without a version, in one sentence. */
  readonly error: string | null;
}

export interface TrainingEvent {
  /** Rising within its run, from 1. */
  readonly sequence: number;
  readonly at: string;
  readonly step: string;
  /** 0 to 1 within the step. */
  readonly share: number;
  readonly message: string;
}

export interface TrainingRequest {
  readonly schema: string;
  readonly trigger: TrainingTrigger;
  readonly by: string;
  /** What gave reason to it, in one sentence. */
  readonly why: string;
  /** Default: the run's own number. */
  readonly seed?: number;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** UTC epoch milliseconds: the time of the schedule that it answers. */
  readonly dueAtMs?: number;
}

/** The right to carry out a run. `epoch` grows with each claim: a holder that slept is told apart. */
export interface TrainingClaim {
  readonly id: string;
  readonly epoch: string;
}

export interface TrainingOutcome {
  readonly state: 'succeeded' | 'failed' | 'cancelled';
  readonly report?: Readonly<Record<string, unknown>>;
  readonly version?: string;
  readonly error?: string;
}

export interface LostRun {
  readonly run: TrainingRun;
  /** What was queued in its place; null after too many attempts, or where it was to be cancelled. */
  readonly restart: TrainingRun | null;
}

export abstract class TrainingRunStore {
  /** Asking again while a run of the same trigger waits answers that one. */
  abstract enqueue(request: TrainingRequest): Promise<{ readonly run: TrainingRun; readonly isNew: boolean }>;
  /** The oldest run that waits, now running; null while another of the schema runs, or none waits. */
  abstract claim(schema: string, holder: string): Promise<{ readonly claim: TrainingClaim; readonly run: TrainingRun } | null>;
  /** To be said every few seconds. `lost`: the run is not this holder's any more, who must stop at once. */
  abstract heartbeat(claim: TrainingClaim): Promise<'go-on' | 'cancel' | 'lost'>;
  /** What it trains on. False: the run is lost. */
  abstract data(claim: TrainingClaim, data: { fromMs: number; toMs: number; hash: string }): Promise<boolean>;
  /** Says how far it is; counts as a heartbeat. Of very many events the newest are kept. False: the run is lost. */
  abstract event(claim: TrainingClaim, event: Pick<TrainingEvent, 'step' | 'share' | 'message'>): Promise<boolean>;
  /** False: the run is lost, and what was made of it must not be used. */
  abstract finish(claim: TrainingClaim, outcome: TrainingOutcome): Promise<boolean>;
  /**
   * A holder that stops: the run waits again, without the loss of an attempt. `cancelled`: that was asked for, or a run of the
   * same trigger waits already, which takes its place.
   */
  abstract handBack(claim: TrainingClaim): Promise<'queued' | 'cancelled' | 'lost'>;
  /** A run that waits is cancelled at once, one that runs is told by its next heartbeat. @throws NotStoredError, StateConflictError */
  abstract cancel(id: string, by: string): Promise<TrainingRun>;
  /** Queues a failed, cancelled or lost run once more, with its seed and settings. @throws NotStoredError, StateConflictError */
  abstract retry(id: string, by: string): Promise<{ readonly run: TrainingRun; readonly isNew: boolean }>;
  /** Marks running ones whose last sign of life is older than `silentMs`, and queues them again up to `attemptsMax`. */
  abstract markLost(schema: string, silentMs: number, attemptsMax: number): Promise<readonly LostRun[]>;
  abstract run(id: string): Promise<TrainingRun | null>;
  /** By rising sequence. */
  abstract eventsAfter(id: string, sequence: number, limit: number): Promise<readonly TrainingEvent[]>;
}

/** Rows that two versions scored, with event time in [fromMs, toMs); what is not labelled before `maturedBeforeMs` is legitimate. */
export interface PairsWanted {
  readonly a: string;
  readonly b: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly maturedBeforeMs: number;
}

/** How many rows are alike in what each version says of them and in what is known. */
export interface PairCount {
  /** Null, both: one of the two had no calibration. */
  readonly a: Outcome | null;
  readonly b: Outcome | null;
  readonly truth: 'fraud' | 'legitimate' | null;
  readonly rows: number;
}

export interface ScoredPairs {
  /** Of very many rows every n-th, by the hash of its id. */
  readonly everyNth: number;
  /** From the first of the rows to the last. */
  readonly spanMs: number;
  readonly counts: readonly PairCount[];
  readonly rankCorrelation: number | null;
  /** Alerts of one and not of the other, those whose p-values are furthest apart. */
  readonly onlyA: readonly Flip[];
  readonly onlyB: readonly Flip[];
}

export abstract class ShadowStore {
  /** Newest event time; null before the first row. */
  abstract newestMs(): Promise<number | null>;
  abstract pairs(wanted: PairsWanted, schema: TransactionSchema, examplesMax: number): Promise<ScoredPairs>;
}

export abstract class VersionComparer {
  /**
   * What two versions said of the same rows of the last days of event time, each as champion or as challenger.
   *
   * @throws NotStoredError, or InvalidQueryError where both are one
   */
  abstract compare(a: string, b: string, days: number): Promise<VersionComparison>;
}

/** What drift keeps of days and models, as the stores hold it. */
export type { DriftDay } from './drift/drift-day.js';
export type { DriftReference } from './drift/drift-reference.js';
export type { DriftReport } from './drift/drift-report.js';
export { alarmKey, type DriftFinding } from './drift/findings.js';
export type { ScoredRows } from './drift/estimated-performance.js';
export type { MaturedDay } from './drift/matured-shares.js';
export type { JudgedRows } from './drift/performance.js';
export type { ScoreMartingale } from './drift/score-martingale.js';
export type { ServedRow } from './drift/served-rows.js';
export type { ShareTable } from './drift/share-table.js';
