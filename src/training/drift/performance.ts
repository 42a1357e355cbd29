import { WEEK_DAYS } from './daily-shares.js';
import { rowsByEntity } from './drift-day.js';
import { addEntity, emptyShares, shareInterval, type Interval, type ShareTable } from './share-table.js';

/** Rows that were alerted on or are frauds, of event days whose label delay has passed; others change neither figure. */
export interface JudgedRows {
  /** Epoch day (UTC) of each row. */
  readonly day: Int32Array;
  /** A number that the rows of one primary entity share. */
  readonly entities: Int32Array;
  /** 1 = alerted on. */
  readonly alerted: Uint8Array;
  /** 1 fraud, 0 legitimate. */
  readonly labels: Uint8Array;
}

export interface Performance {
  readonly fromDay: number;
  readonly toDay: number;
  readonly alerts: number;
  readonly frauds: number;
  /** Share of frauds among the alerts. */
  readonly precision: Interval;
  /** Share of the frauds that was alerted on. */
  readonly recall: Interval;
}

/** Precision's and recall's shares, with the entities as clusters: one taken card makes many frauds, found or not together. */
const tables = (rows: JudgedRows, chosen: Uint32Array): { readonly precision: ShareTable; readonly recall: ShareTable } => {
  const result = { precision: emptyShares(1), recall: emptyShares(1) };
  for (const group of rowsByEntity(rows.entities, chosen)) {
    let [alerts, frauds, caught] = [0, 0, 0];
    for (const row of group) {
      alerts += rows.alerted[row]!;
      frauds += rows.labels[row]!;
      caught += rows.alerted[row]! * rows.labels[row]!;
    }
    if (alerts > 0) addEntity(result.precision, alerts, [caught]);
    if (frauds > 0) addEntity(result.recall, frauds, [caught]);
  }
  return result;
};

/** Of the days fromDay..toDay, with Wilson intervals at the effective number of rows; all null where there is nothing to judge. */
export const performanceOf = (rows: JudgedRows, fromDay: number, toDay: number, confidence: number): Performance => {
  const chosen = Uint32Array.from(rows.day.keys()).filter((row) => rows.day[row]! >= fromDay && rows.day[row]! <= toDay);
  const { precision, recall } = tables(rows, chosen);
  return {
    fromDay,
    toDay,
    alerts: precision.rows,
    frauds: recall.rows,
    precision: shareInterval(precision, 0, confidence),
    recall: shareInterval(recall, 0, confidence),
  };
};

/** Weeks, oldest first, the last one ending with the newest matured day. */
export const performanceByWeek = (rows: JudgedRows, lastDay: number, weeks: number, confidence: number): readonly Performance[] =>
  Array.from({ length: weeks }, (_, i) => {
    const toDay = lastDay - (weeks - 1 - i) * WEEK_DAYS;
    return performanceOf(rows, toDay - WEEK_DAYS + 1, toDay, confidence);
  });
