import { Between, LessThan, LessThanOrEqual } from 'typeorm';
import { DAY_MS, isoDate } from '../domain/time.js';
import {
  alarmKey,
  type DriftDay,
  type DriftFinding,
  type DriftReference,
  type DriftReport,
  type MaturedDay,
  type ScoreMartingale,
  type ShareTable,
} from '../training/ports.js';
import type { Database } from './database.js';
import type { DriftView, ReferenceOrigin } from './drift-view.js';
import { checkLimit } from './paging.js';
import {
  DriftDays,
  DriftMaturedDays,
  DriftReports,
  DriftStates,
  type DriftReportRow,
  type DriftStateRow,
} from './tables-drift.js';

export type DriftState = Omit<DriftStateRow, 'model' | 'updatedAt'>;
export type StoredDriftReport = Omit<DriftReportRow, 'schema' | 'createdAt'>;

/** Days that were judged are not counted again; reports are what people look back on. */
const KEPT_DAYS = { counts: 60, reports: 400 };

/** What drift is judged by and what was found: summaries, never rows. */
export class DriftStore {
  constructor(private readonly database: Database) {}

  /** Null: nothing is known of this model yet. */
  async state(model: string): Promise<DriftState | null> {
    const row = await this.database.getRepository(DriftStates).findOneBy({ model });
    if (!row) return null;
    const { reference, madeFrom, martingale, day, note } = row;
    return { reference, madeFrom, martingale, day, note };
  }

  /** The first one stays: days were counted by its bins. */
  async saveReference(model: string, reference: DriftReference, madeFrom: ReferenceOrigin): Promise<void> {
    await this.database.query(
      `INSERT INTO drift_states AS stored (model, reference, made_from) VALUES ($1, $2::jsonb, $3)
       ON CONFLICT (model) DO UPDATE SET reference = excluded.reference, made_from = excluded.made_from, updated_at = now()
       WHERE stored.reference IS NULL`,
      [model, JSON.stringify(reference), madeFrom],
    );
  }

  /** Days of a model in a range, by day. */
  async days(model: string, fromDay: number, toDay: number): Promise<readonly DriftDay[]> {
    const where = { model, day: Between(fromDay, toDay) };
    const rows = await this.database.getRepository(DriftDays).find({ where, order: { day: 'ASC' } });
    return rows.map(({ counts }) => counts);
  }

  async saveDay(model: string, counts: DriftDay): Promise<void> {
    await this.database.query('INSERT INTO drift_days (model, day, counts) VALUES ($1, $2, $3::jsonb) ON CONFLICT DO NOTHING', [
      model,
      counts.day,
      JSON.stringify(counts),
    ]);
  }

  async maturedDays(schema: string, fromDay: number, toDay: number): Promise<readonly MaturedDay[]> {
    const where = { schema, day: Between(fromDay, toDay) };
    const rows = await this.database.getRepository(DriftMaturedDays).find({ where, order: { day: 'ASC' } });
    return rows.map(({ day, shares }) => ({ day, table: shares }));
  }

  async saveMaturedDay(schema: string, day: number, shares: ShareTable): Promise<void> {
    await this.database.query(
      'INSERT INTO drift_matured_days (schema, day, shares) VALUES ($1, $2, $3::jsonb) ON CONFLICT DO NOTHING',
      [schema, day, JSON.stringify(shares)],
    );
  }

  /**
   * A day was looked at: its report (null: not judged, `note` says why) and the martingale, both or neither.
   *
   * @returns false where somebody else was faster: what is new in the report is theirs to tell
   */
  async finishDay(
    { schema, model, day }: { readonly schema: string; readonly model: string; readonly day: number },
    martingale: ScoreMartingale,
    report: DriftReport | null,
    note: string | null,
  ): Promise<boolean> {
    return this.database.transaction(async (manager) => {
      const moved = await manager.query<unknown[]>(
        `INSERT INTO drift_states AS stored (model, martingale, day, note) VALUES ($1, $2::jsonb, $3, $4)
         ON CONFLICT (model) DO UPDATE
           SET martingale = excluded.martingale, day = excluded.day, note = excluded.note, updated_at = now()
           WHERE stored.day IS NULL OR stored.day < excluded.day
         RETURNING model`,
        [model, JSON.stringify(martingale), day, note],
      );
      if (moved.length === 0) return false;
      if (!report) return true;
      const stored = await manager.query<unknown[]>(
        `INSERT INTO drift_reports (schema, day, model, report, alarms) VALUES ($1, $2, $3, $4::jsonb, $5)
         ON CONFLICT DO NOTHING RETURNING day`,
        [schema, day, model, JSON.stringify(report), report.alarms.length],
      );
      await manager.getRepository(DriftDays).delete({ model, day: LessThan(day - KEPT_DAYS.counts) });
      await manager.getRepository(DriftReports).delete({ schema, day: LessThan(day - KEPT_DAYS.reports) });
      return stored.length > 0;
    });
  }

  /** Newest first. @param toDay the newest that is asked for */
  async reports(schema: string, limit: number, toDay = 2 ** 31 - 1): Promise<readonly StoredDriftReport[]> {
    const rows = await this.database.getRepository(DriftReports).find({
      where: { schema, day: LessThanOrEqual(toDay) },
      order: { day: 'DESC' },
      take: checkLimit(limit),
    });
    return rows.map(({ day, model, report, alarms }) => ({ day, model, report, alarms }));
  }

  /** @throws InvalidQueryError when `days` is not a number that is answered at once */
  async view(schema: string, days: number): Promise<DriftView> {
    const [row] = await this.database.query<{ version: string }[]>(
      `SELECT version FROM model_roles WHERE schema = $1 AND role = 'champion'`,
      [schema],
    );
    const state = row ? await this.state(row.version) : null;
    const reports = await this.reports(schema, days);
    const { reference = null, madeFrom = null } = state ?? {};
    return {
      champion: row?.version ?? null,
      reference: reference && madeFrom && { madeFrom, from: dateOf(reference.fromDay), to: dateOf(reference.toDay) },
      note: state?.note ?? null,
      alarms: (reports[0]?.report.alarms ?? []).map((alarm) => ({
        since: dateOf(sinceDay(reports, alarm)),
        kind: alarm.kind,
        field: alarm.field,
        sentence: alarm.sentence,
      })),
      report: reports[0] ? { ...reports[0].report } : null,
      days: reports.map(({ day, model, report, alarms }) => ({
        date: dateOf(day),
        model,
        findings: report.findings.length,
        alarms,
      })),
    };
  }

  /** What the gate measured of a model's alerts; null: it was made without. */
  async gatePerformance(model: string): Promise<{ readonly precision: number; readonly recall: number } | null> {
    const [row] = await this.database.query<{ found: { precision: number; recall: number } | null }[]>(
      `SELECT gate -> 'alertPerformance' AS found FROM model_versions WHERE version = $1`,
      [model],
    );
    return row?.found ?? null;
  }
}

const dateOf = (day: number): string => isoDate(day * DAY_MS);

/** The first of the days one after the other, up to the newest, on which it stood against the same reference. @param reports newest first */
export const sinceDay = (reports: readonly StoredDriftReport[], alarm: DriftFinding): number => {
  const newest = reports[0]!;
  const broken = reports.findIndex(
    ({ day, report }, i) =>
      day !== newest.day - i ||
      report.reference !== newest.report.reference ||
      !report.alarms.some((one) => alarmKey(one) === alarmKey(alarm)),
  );
  return reports.at(broken < 0 ? -1 : broken - 1)!.day;
};
