import type { Alert } from '../domain/alert.js';
import type { Outcome } from '../domain/decision.js';
import type { Label } from '../domain/label.js';
import type { ModelState } from '../domain/model-version.js';
import type { TrainingState, TrainingTrigger } from '../training/ports.js';

/** Pages: `items` newest first and an opaque `nextCursor` (null at the end). Limits: 1 to 200 rows a page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface TransactionFilter {
  /** Entity type (schema name, "customer") and id. */
  readonly entity?: { readonly type: string; readonly id: string };
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Smallest -log10 p of F. */
  readonly minusLog10PMin?: number;
  readonly outcome?: Outcome;
  readonly cursor?: string;
  readonly limit: number;
}

export interface TransactionView {
  readonly id: string;
  readonly occurredAt: string;
  readonly entities: Readonly<Record<string, string>>;
  readonly amount: string | null;
  readonly currency: string | null;
  /** Further fields of the schema, by column. */
  readonly fields: Readonly<Record<string, number | string | null>>;
  readonly channels: Alert['channels'];
  readonly fused: Alert['fused'];
  readonly fraudProbability: number | null;
  readonly outcome: Outcome;
  readonly late: boolean;
  readonly versions: Alert['versions'];
}

export interface TransactionDetail extends TransactionView {
  readonly features: Readonly<Record<string, number | null>>;
  readonly alert: Alert | null;
  readonly labels: readonly Label[];
}

/** An alert with its place in the alert sequence (grows by commit order per writer; gaps are possible). */
export interface AlertView {
  readonly sequence: string;
  readonly alert: Alert;
  readonly label: 'fraud' | 'legitimate' | null;
}

export interface AlertFilter {
  readonly entity?: { readonly type: string; readonly id: string };
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly outcome?: 'review' | 'decline';
  readonly lane?: 'S' | 'T' | 'H' | 'D';
  readonly pattern?: string;
  readonly newType?: boolean;
  readonly cursor?: string;
  readonly limit: number;
}

/** Alerts that are alike, most first. */
export interface AlertPattern {
  readonly pattern: string;
  readonly newType: boolean;
  readonly alerts: number;
  /** Event times of the first and the last of them, RFC 3339. */
  readonly firstAt: string;
  readonly lastAt: string;
  /** How many of them are labelled by now, and how. */
  readonly frauds: number;
  readonly legitimate: number;
}

export interface AlertPatternFilter {
  readonly newType?: boolean;
  /** Default: seven days before the newest alert. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly limit: number;
}

export interface StreamStatus {
  /** Rows committed in all, and in the last 60 s of wall time. */
  readonly transactions: number;
  readonly transactionsPerMinute: number;
  readonly alerts: number;
  readonly deadLetters: number;
  readonly repeats: number;
  /** Newest event time, RFC 3339, or null. */
  readonly newestOccurredAt: string | null;
  /** Share of alerts among the rows of the last 7 event days, beside the budget. */
  readonly alertRate: number | null;
  readonly budget: number | null;
  readonly model: string | null;
  readonly calibration: string | null;
}

export interface DeadLetterFilter {
  /** Part of the reason, in any case. */
  readonly reason?: string;
  /** Time received, from (inclusive) and to (exclusive). */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly cursor?: string;
  readonly limit: number;
  /** Whether the bytes are wanted as well. */
  readonly withBytes?: boolean;
}

export interface DeadLetterView {
  /** "topic/partition/offset", "http", … */
  readonly position: string;
  readonly key: string | null;
  readonly reason: string;
  readonly receivedAt: string;
  /** When it was last sent back to its topic, or null. */
  readonly retriedAt: string | null;
  /** Bytes of the original record. */
  readonly size: number;
  /** The original record, where it was asked for. */
  readonly bytes?: Uint8Array;
}

export interface TrainingRunFilter {
  readonly schema?: string;
  readonly state?: TrainingState;
  readonly trigger?: TrainingTrigger;
  readonly cursor?: string;
  readonly limit: number;
}

export interface ModelFilter {
  readonly schema?: string;
  readonly state?: ModelState;
  readonly cursor?: string;
  readonly limit: number;
}
