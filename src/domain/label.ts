/** What became known of a transaction, and when. Append-only: a correction is a later label. */
export interface Label {
  readonly transactionId: string;
  readonly isFraud: boolean;
  /** Kind of fraud where it is known ("account-takeover"), else null. */
  readonly type: string | null;
  /** Who says so: "chargeback", "analyst", "file", … */
  readonly source: string;
  readonly knownAtMs: number;
}
