import { column, key, now, optional, table } from './table-columns.js';
import type { DriftDay, DriftReference, DriftReport, ScoreMartingale, ShareTable } from '../training/ports.js';
import type { ReferenceOrigin } from './drift-view.js';

export interface DriftStateRow {
  model: string;
  reference: DriftReference | null;
  madeFrom: ReferenceOrigin | null;
  martingale: ScoreMartingale | null;
  /** The newest event day that was looked at. */
  day: number | null;
  /** Why its days are not judged. */
  note: string | null;
  updatedAt: Date;
}
export const DriftStates = table<DriftStateRow>('drift_states', {
  model: key('text'),
  reference: optional('jsonb'),
  madeFrom: optional('text', 'made_from'),
  martingale: optional('jsonb'),
  day: optional('integer'),
  note: optional('text'),
  updatedAt: now('updated_at'),
});

export const DriftDays = table<{ model: string; day: number; counts: DriftDay }>('drift_days', {
  model: key('text'),
  day: key('integer'),
  counts: column('jsonb'),
});

export const DriftMaturedDays = table<{ schema: string; day: number; shares: ShareTable }>('drift_matured_days', {
  schema: key('text'),
  day: key('integer'),
  shares: column('jsonb'),
});

export interface DriftReportRow {
  schema: string;
  day: number;
  model: string;
  report: DriftReport;
  alarms: number;
  createdAt: Date;
}
export const DriftReports = table<DriftReportRow>('drift_reports', {
  schema: key('text'),
  day: key('integer'),
  model: column('text'),
  report: column('jsonb'),
  alarms: column('integer'),
  createdAt: now('created_at'),
});
