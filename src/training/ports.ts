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
