import type { Calibration } from '../domain/calibration.js';
import { isoDate } from '../domain/time.js';
import { CalibrationStore, type WindowScores } from '../scoring/ports.js';
import type { Database } from './database.js';
import { CALIBRATION_CHANNEL } from './notices.js';
import { Calibrations } from './tables-models.js';

/** More say no more of a tail that is extrapolated anyway, and take seconds to read. */
const WINDOW_ROWS_MAX = 500_000;

export class PostgresCalibrationStore extends CalibrationStore {
  constructor(
    private readonly database: Database,
    private readonly windowRowsMax = WINDOW_ROWS_MAX,
  ) {
    super();
  }

  override async latestId(model: string): Promise<string | null> {
    const row = await this.database.getRepository(Calibrations).findOne({
      select: { id: true },
      where: { model },
      order: { validFromDay: 'DESC', createdAt: 'DESC' },
    });
    return row?.id ?? null;
  }

  override async latest(model: string): Promise<Calibration | null> {
    const row = await this.database.getRepository(Calibrations).findOne({
      where: { model },
      order: { validFromDay: 'DESC', createdAt: 'DESC' },
    });
    return row?.payload ?? null;
  }

  /** Saving the same calibration again changes nothing. @throws Error when the id is taken by other contents */
  override async save(calibration: Calibration): Promise<void> {
    const { id, model, validFromDay } = calibration;
    await this.database.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO calibrations (id, model, valid_from_day, payload) VALUES ($1, $2, $3, $4::jsonb) ON CONFLICT DO NOTHING`,
        [id, model, validFromDay, JSON.stringify(calibration)],
      );
      const [stored] = await manager.query<{ same: boolean }[]>(
        `SELECT payload = $2::jsonb AS same FROM calibrations WHERE id = $1`,
        [id, JSON.stringify(calibration)],
      );
      if (!stored?.same) throw new Error(`calibration "${id}" is stored with other contents: calibrations never change`);
      await manager.query(`SELECT pg_notify($1, $2)`, [CALIBRATION_CHANNEL, id]);
    });
  }

  /**
   * Also of what it scored as a challenger: a version that was promoted yesterday has a whole window.
   * Of a window with more than half a million rows an even part, by the hash of their ids: the same for whoever asks.
   */
  override async windowScores(model: string, fromMs: number, toMs: number): Promise<WindowScores> {
    const nth = Math.ceil((await this.countRows(fromMs, toMs)) / this.windowRowsMax) || 1;
    const window = await this.#everyNth(nth, model, fromMs, toMs);
    // Most rows may be another model's: then all of this one's are few enough.
    return nth > 1 && window.occurredAtMs.length * nth <= this.windowRowsMax ? this.#everyNth(1, model, fromMs, toMs) : window;
  }

  async #everyNth(nth: number, model: string, fromMs: number, toMs: number): Promise<WindowScores> {
    type Row = { at: number; s: number; t: number; h: number; d: number };
    const rows = await this.database.query<Row[]>(
      `SELECT (extract(epoch FROM occurred_at) * 1000)::double precision AS at, s, t, h, d FROM (
         SELECT id, occurred_at, s_score AS s, t_score AS t, h_score AS h, d_score AS d
         FROM transactions
         WHERE occurred_at >= $2 AND occurred_at < $3 AND model = $1 AND ($4 = 1 OR hashtextextended(id, 0) % $4 = 0)
         UNION ALL
         SELECT transaction_id, occurred_at, s_score, t_score, h_score, d_score
         FROM shadow_scores
         WHERE occurred_at >= $2 AND occurred_at < $3 AND version = $1 AND ($4 = 1 OR hashtextextended(transaction_id, 0) % $4 = 0)
       ) AS scored
       ORDER BY occurred_at, id`,
      [model, new Date(fromMs), new Date(toMs), nth],
    );
    const pick = (name: keyof Row): Float64Array => Float64Array.from(rows, (row) => row[name]);
    const channels = { S: pick('s'), T: pick('t'), H: pick('h'), D: pick('d') };
    return { weight: nth, occurredAtMs: pick('at'), channels };
  }

  /** @param fromMs and `toMs`: borders of UTC days */
  override async countRows(fromMs: number, toMs: number): Promise<number> {
    const [counted] = await this.database.query<{ rows: number }[]>(
      `SELECT coalesce(sum(transactions), 0)::double precision AS rows FROM day_counts WHERE day >= $1::date AND day < $2::date`,
      [isoDate(fromMs), isoDate(toMs)],
    );
    return counted!.rows;
  }

  /** @param fromMs and `toMs`: borders of UTC days */
  override async countAlerts(fromMs: number, toMs: number): Promise<{ readonly rows: number; readonly alerts: number }> {
    const [counts] = await this.database.query<{ rows: number; alerts: number }[]>(
      `SELECT coalesce(sum(decided), 0)::double precision AS rows, coalesce(sum(alerts), 0)::double precision AS alerts
       FROM day_counts WHERE day >= $1::date AND day < $2::date`,
      [isoDate(fromMs), isoDate(toMs)],
    );
    return counts!;
  }
}
