import type { Channel, Outcome } from './decision.js';

/** A count among a number of rows, its share (null of none) and the share's interval. */
export interface CountedShare {
  readonly count: number;
  readonly of: number;
  readonly share: number | null;
  readonly low: number;
  readonly high: number;
}

/** One of two versions, on the rows that both of them decided or would have decided. */
export interface ComparedVersion {
  readonly version: string;
  /** Among all rows. */
  readonly alerts: CountedShare;
  /** At the stream's volume; null without rows. */
  readonly alertsPerDay: number | null;
  /** Alerts among the frauds that are known. */
  readonly caughtFrauds: CountedShare;
  /** Alerts among what is known as legitimate: labelled so, or still unlabelled after the label delay. */
  readonly falseAlarms: CountedShare;
}

export interface VersionOnRow {
  readonly outcome: Outcome;
  /** Of an alert, the channel that raises it. */
  readonly lane: Channel | null;
  readonly minusLog10P: number;
  /** Why, in words: of what was alerted on in earnest. A challenger only has its lane: nothing is explained in shadow. */
  readonly reason: string | null;
}

/** A row that one of two versions alerts on and the other does not. */
export interface Flip {
  readonly transactionId: string;
  readonly occurredAt: string;
  readonly entities: Readonly<Record<string, string>>;
  readonly amount: string | null;
  readonly currency: string | null;
  /** Legitimate also where no label came within the label delay. */
  readonly label: 'fraud' | 'legitimate' | null;
  readonly a: VersionOnRow;
  readonly b: VersionOnRow;
}

export interface FlipGroup {
  readonly rows: number;
  readonly frauds: number;
  readonly legitimate: number;
  /** Those whose p-values are furthest apart. */
  readonly examples: readonly Flip[];
}

/** What two versions say of the same live rows, each as champion or as challenger. */
export interface VersionComparison {
  readonly a: ComparedVersion;
  readonly b: ComparedVersion;
  /** Event times that were looked at. */
  readonly from: string;
  readonly to: string;
  /** Rows that both decided; of very many every n-th is looked at, by the hash of its id, and counts are of those. */
  readonly rows: number;
  readonly everyNth: number;
  /** Rows that both scored and one had no calibration for. */
  readonly undecided: number;
  /** Of all rows that both decided. */
  readonly rowsPerDay: number | null;
  readonly budgetPerDay: number | null;
  /** Spearman's, of the fused p-values; null where it does not exist. */
  readonly rankCorrelation: number | null;
  readonly sameDecision: CountedShare;
  readonly alertsOfBoth: number;
  readonly onlyA: FlipGroup;
  readonly onlyB: FlipGroup;
}
