/** Of the rows that a model is held against. */
export type ReferenceOrigin = 'training rows' | 'served rows';

export interface DriftAlarmView {
  /** First event day (YYYY-MM-DD) of the reports at hand on which it stood without a break. */
  readonly since: string;
  readonly kind: string;
  readonly field: string;
  readonly sentence: string;
}

/** What is known of drift, for people. */
export interface DriftView {
  readonly champion: string | null;
  /** What the champion's days are held against; null: nothing yet, `note` says why. */
  readonly reference: { readonly madeFrom: ReferenceOrigin; readonly from: string; readonly to: string } | null;
  readonly note: string | null;
  /** Of the newest day that was judged. */
  readonly alarms: readonly DriftAlarmView[];
  readonly report: Readonly<Record<string, unknown>> | null;
  /** Newest first. */
  readonly days: readonly { readonly date: string; readonly model: string; readonly findings: number; readonly alarms: number }[];
}
