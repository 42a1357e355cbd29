import type { Alert } from '../domain/alert.js';
import type { Calibration } from '../domain/calibration.js';
import type { Channel, Outcome } from '../domain/decision.js';
import type { EvidenceColumns, EvidenceWanted } from '../domain/evidence-columns.js';
import type { Label } from '../domain/label.js';
import type { ModelVersion } from '../domain/model-version.js';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import type { Transaction } from '../domain/transaction.js';

/** Where a batch came from. A Kafka batch moves its partition's offset by compare-and-set in the same transaction. */
export type Source =
  | {
      readonly kind: 'kafka';
      readonly group: string;
      readonly topic: string;
      readonly partition: number;
      /** Position the batch was read from: the fence. */
      readonly fetchedOffset: bigint;
      readonly nextOffset: bigint;
    }
  /** HTTP, a file or the demo stream; `position`, where given, is kept with the commit so that a restart resumes. */
  | { readonly kind: 'direct'; readonly name: string; readonly position?: { readonly from: bigint; readonly next: bigint } };

/** One record as it arrived. `bytes` are kept as they are for the dead-letter table. */
export interface IncomingRecord {
  readonly bytes: Uint8Array;
  /** Kafka key as text; null elsewhere. */
  readonly key: string | null;
  /** Position in its source: "topic/partition/offset", "http", "demo/123". */
  readonly position: string;
}

/** Binary state of a primary entity, with the version that a commit compares. Version 0: no row yet. */
export interface EntityState {
  readonly entityId: string;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/**
 * An evidence cell of a secondary entity: how many transactions and known frauds in one time bucket and one
 * amount-surprise bin. Cells only add up, so several workers may write them.
 */
export interface EvidenceCell {
  readonly entityType: string;
  readonly entityId: string;
  /** Start of the bucket, UTC epoch milliseconds. */
  readonly bucketMs: number;
  readonly bin: number;
  readonly n: number;
  readonly nFraud: number;
}

export interface BatchKeys {
  readonly featureSet: string;
  readonly transactionIds: readonly string[];
  readonly primaryIds: readonly string[];
  /** Each secondary entity once. */
  readonly evidence: readonly EvidenceWanted[];
  /** Evidence cells with bucketMs before this are wanted. */
  readonly evidenceToMs: number;
  /** Cells before this rarely change any more: a store may take note of those that do, so that the others can be kept. */
  readonly settledBeforeMs: number;
}

export interface BatchMemory {
  /** Content hash (hex SHA-256 of the canonical transaction) of the ids that were seen before. */
  readonly known: ReadonlyMap<string, string>;
  readonly states: readonly EntityState[];
  readonly evidence: EvidenceColumns;
}

export interface CommittedRow {
  readonly scored: ScoredTransaction;
  readonly contentHash: string;
  /** Amount-surprise bin of its evidence cells; a label finds its cell by it. */
  readonly amountBin: number;
}

export interface DeadLetter {
  readonly record: IncomingRecord;
  /** "amount: 1e15 is not …": every problem, in one line. */
  readonly reason: string;
}

export interface Repeat {
  readonly transactionId: string;
  readonly position: string;
}

export interface BatchCommit {
  readonly source: Source;
  readonly featureSet: string;
  readonly rows: readonly CommittedRow[];
  /** New state of each primary entity; `version` is the version that was READ. */
  readonly states: readonly EntityState[];
  /** To be added to what is stored. */
  readonly evidence: readonly EvidenceCell[];
  readonly alerts: readonly Alert[];
  readonly deadLetters: readonly DeadLetter[];
  readonly repeats: readonly Repeat[];
  /** Of each challenger, of all rows in their order; absent where there is none. */
  readonly shadows?: readonly ShadowScores[];
}

/**
 * `committed`; `offset-moved`: another consumer committed this partition, drop the batch and seek to the stored
 * position; `state-moved`: another writer changed a state or inserted an id, read again and compute the batch again.
 */
export type CommitResult = 'committed' | 'offset-moved' | 'state-moved';

/** What the online line needs remembered. Implemented by `store/` on Postgres and by `scoring/memory-store.ts`. */
export abstract class ScoringStore {
  abstract read(keys: BatchKeys): Promise<BatchMemory>;
  /** All of it in one database transaction, or nothing. */
  abstract commit(commit: BatchCommit): Promise<CommitResult>;
}

export interface ScoringWork {
  readonly transactions: readonly Transaction[];
  readonly states: readonly EntityState[];
  readonly evidence: EvidenceColumns;
}

/** What a batch is to read for the thread that will score it. */
export interface ScoringNeeds {
  readonly featureSet: string;
  /** How far the loaded model's features look back; 0: they read no evidence. */
  readonly lookBackMs: number;
  /** Evidence of a secondary entity that the thread has from earlier batches, if it goes back to `fromMs`. */
  kept(entityType: string, entityId: string, fromMs: number): EvidenceWanted['kept'];
}

export interface ScoringResult {
  readonly featureSet: string;
  readonly rows: readonly { readonly scored: ScoredTransaction; readonly amountBin: number }[];
  readonly states: readonly EntityState[];
  readonly evidence: readonly EvidenceCell[];
  readonly alerts: readonly Alert[];
  /** Of each challenger, of all rows in their order; absent where there is none. */
  readonly shadows?: readonly ShadowScores[];
}

/** What a challenger says of a batch, row by row. */
export interface ShadowScores {
  readonly version: string;
  readonly scores: Readonly<Record<Channel, Float64Array>>;
  /** What it would have decided; null until it has a calibration of its own, and while the champion has none. */
  readonly decided: {
    readonly calibration: string;
    /** Of the fused score. */
    readonly minusLog10P: Float64Array;
    readonly outcomes: readonly Outcome[];
    readonly lanes: readonly (Channel | null)[];
  } | null;
}

/** The pure part of the line, in a worker thread when served. */
export abstract class Scorer {
  /**
   * Chooses who scores, has the batch read for him, and scores it. Nobody else's batch comes between a read and its place in
   * the queue: what is kept when it is read is kept when it is scored.
   */
  abstract score<Work extends ScoringWork>(
    read: (needs: ScoringNeeds) => Promise<Work>,
  ): Promise<{ readonly work: Work; readonly result: ScoringResult }>;
}

/** Scores of the reference window, in rising event time; `fused` is computed from them by the policy at hand. */
export interface WindowScores {
  /** How many rows of the window each of these stands for: 1 unless it is thinned. */
  readonly weight: number;
  readonly occurredAtMs: Float64Array;
  readonly channels: Readonly<Record<'S' | 'T' | 'H' | 'D', Float64Array>>;
}

export abstract class CalibrationStore {
  /** Id of the newest calibration of this model, or null: what a worker polls. */
  abstract latestId(model: string): Promise<string | null>;
  /** The newest calibration of this model, or null. */
  abstract latest(model: string): Promise<Calibration | null>;
  abstract save(calibration: Calibration): Promise<void>;
  /** Scores of this model's rows with event time in [fromMs, toMs); of very many an even part, the same for whoever asks. */
  abstract windowScores(model: string, fromMs: number, toMs: number): Promise<WindowScores>;
  /** Rows of whole UTC days in [fromMs, toMs), whatever model scored them: cheap, and at least as many as a window has. */
  abstract countRows(fromMs: number, toMs: number): Promise<number>;
  /** Rows that a calibration decided on and alerts among them, of whole UTC days in [fromMs, toMs), whatever model scored them. */
  abstract countAlerts(fromMs: number, toMs: number): Promise<{ readonly rows: number; readonly alerts: number }>;
}

export abstract class ModelStore {
  abstract save(version: ModelVersion, artifact: Uint8Array): Promise<void>;
  /** Name of the champion, or null: what a worker polls. */
  abstract championVersion(schema: string): Promise<string | null>;
  /** Names of the challengers, in the order in which they came. */
  abstract challengerVersions(schema: string): Promise<readonly string[]>;
  /** @throws ModelRefusedError naming the version, when its bytes are not those that were saved, or not signed as they have to be */
  abstract champion(schema: string): Promise<StoredModel | null>;
  /** @throws NotStoredError, or as `champion` */
  abstract load(version: string): Promise<StoredModel>;
}

export interface StoredModel {
  readonly version: ModelVersion;
  readonly artifact: Uint8Array;
}

/**
 * A message that was committed together with the rows that caused it, and is not yet known to be on its topic.
 *
 * Convention, which the writer (store) and the publisher (stream) share:
 * - `alert`: key = primary entity (null where the schema has none), payload = the `Alert` as JSON text,
 *   headers `alert-id`, `schema`, `content-type`.
 * - `dead-letter`: key = the record's own, payload = its original bytes, headers `reason`, `position`
 *   ("topic/partition/offset", "http", …).
 */
export interface OutboxRow {
  /** Rising; the order of publication. */
  readonly id: bigint;
  readonly kind: 'alert' | 'dead-letter';
  readonly key: string | null;
  readonly payload: Uint8Array | string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The right to publish, until it expires. `epoch` grows with each new holder: a holder that slept is told apart. */
export interface OutboxLease {
  readonly name: string;
  readonly holder: string;
  readonly epoch: bigint;
}

export abstract class OutboxStore {
  /** Null while another holder's lease runs. The clock that decides is the database's. */
  abstract acquireLease(name: string, holder: string, ttlMs: number): Promise<{ readonly epoch: bigint } | null>;
  /** False when the lease is another's by now; the holder must then stop at once. */
  abstract renewLease(name: string, holder: string, epoch: bigint, ttlMs: number): Promise<boolean>;
  /** The oldest unpublished rows, by rising id. */
  abstract unpublished(limit: number): Promise<readonly OutboxRow[]>;
  /** Marks rows as published if the lease's epoch still holds; otherwise changes nothing and answers false. */
  abstract markPublished(ids: readonly bigint[], lease: OutboxLease): Promise<boolean>;
  /** Unpublished rows and the age of the oldest in seconds (0 when there is none). */
  abstract lag(): Promise<{ readonly count: number; readonly oldestSeconds: number }>;
}

/** One partition as one consumer group reads it. */
export interface PartitionOfGroup {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** How far a partition was read. */
export interface StoredPosition {
  readonly partition: number;
  readonly next: bigint;
  /** Largest event time committed from it, UTC epoch milliseconds; null before its first row. */
  readonly maxEventMs: number | null;
}

/** Where each partition is to be read next. This, not Kafka's committed offset, is the truth. */
export abstract class OffsetStore {
  /** The stored position; when there is none yet, `initial` is stored and answered (one statement: two starters agree). */
  abstract open(partition: PartitionOfGroup, initial: bigint): Promise<bigint>;
  /** Compare-and-set for batches without a transaction of their own (labels). False: the position was not `from`. */
  abstract advance(partition: PartitionOfGroup, from: bigint, next: bigint): Promise<boolean>;
  /** Every partition of a topic that the group has opened. */
  abstract positions(group: string, topic: string): Promise<readonly StoredPosition[]>;
}

/** Where the times of labels come from, for a door that can answer: labels known before their transaction are refused there. */
export interface LabelDates {
  /**
   * Positions of labels that were sent without a time. One that says what its source said last of the transaction is
   * unchanged: sending it again only moved its time.
   */
  readonly undated: ReadonlySet<number>;
}

export abstract class LabelSink {
  /**
   * Appends what became known; appending the same labels again changes nothing.
   * `unknown`: stored, but no such transaction has been scored yet. `unchanged`: had been stored before.
   *
   * @param dates absent: taken as they are, like those of a stream, which nobody could be told about
   */
  abstract append(
    labels: readonly Label[],
    dates?: LabelDates,
  ): Promise<{ readonly stored: number; readonly unknown: number; readonly unchanged: number }>;
}

/** Keeps records that a consumer could not read, and puts them in the outbox for the dead-letter topic. Idempotent by position. */
export abstract class DeadLetterSink {
  abstract keep(deadLetters: readonly DeadLetter[]): Promise<void>;
}
