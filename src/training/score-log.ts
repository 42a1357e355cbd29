import { CHANNELS, type Channel } from '../domain/decision.js';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import type { Calibration } from '../domain/calibration.js';
import { CalibrationStore, type WindowScores } from '../scoring/ports.js';

/** Scores of one model's replay in event order: what its daily calibrations are built from, as the database is when served. */
export class ScoreLog extends CalibrationStore {
  #latest: Calibration | null = null;
  readonly #times: number[] = [];
  readonly #scores: Record<Channel, number[]> = { S: [], T: [], H: [], D: [] };
  readonly #alerts: boolean[] = [];

  addWindow(window: WindowScores): void {
    for (let i = 0; i < window.occurredAtMs.length; i += 1) {
      this.#times.push(window.occurredAtMs[i]!);
      for (const channel of CHANNELS) this.#scores[channel].push(window.channels[channel][i]!);
      this.#alerts.push(false);
    }
  }

  add(row: ScoredTransaction): void {
    this.#times.push(row.transaction.occurredAtMs);
    for (const channel of CHANNELS) this.#scores[channel].push(row.channels[channel].score);
    this.#alerts.push(row.decision.outcome !== 'approve');
  }

  override latestId(): Promise<string | null> {
    return Promise.resolve(this.#latest?.id ?? null);
  }

  override latest(): Promise<Calibration | null> {
    return Promise.resolve(this.#latest);
  }

  override save(calibration: Calibration): Promise<void> {
    this.#latest = calibration;
    return Promise.resolve();
  }

  override windowScores(_model: string, fromMs: number, toMs: number): Promise<WindowScores> {
    const rows = this.#rows(fromMs, toMs);
    const of = (values: readonly number[]): Float64Array => Float64Array.from(rows, (i) => values[i]!);
    const { S, T, H, D } = this.#scores;
    return Promise.resolve({ weight: 1, occurredAtMs: of(this.#times), channels: { S: of(S), T: of(T), H: of(H), D: of(D) } });
  }

  override countRows(fromMs: number, toMs: number): Promise<number> {
    return Promise.resolve(this.#rows(fromMs, toMs).length);
  }

  override countAlerts(fromMs: number, toMs: number): Promise<{ rows: number; alerts: number }> {
    const rows = this.#rows(fromMs, toMs);
    return Promise.resolve({ rows: rows.length, alerts: rows.filter((i) => this.#alerts[i]).length });
  }

  #rows(fromMs: number, toMs: number): number[] {
    const rows: number[] = [];
    this.#times.forEach((time, i) => {
      if (time >= fromMs && time < toMs) rows.push(i);
    });
    return rows;
  }
}
