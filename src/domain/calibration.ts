import type { Bound, Channel } from './decision.js';

/**
 * Calibration of one score by a reference window of recent traffic: up to 2,000 knots of the window's distribution,
 * its largest scores exactly, and an exponential tail above the k-th largest.
 */
export interface ScoreCalibration {
  /** Number of scores in the window. */
  readonly n: number;
  /** Rising scores; `survival[i]` is the number of window scores >= `knots[i]`. */
  readonly knots: readonly number[];
  readonly survival: readonly number[];
  /** Above this score the tail is exponential: p = tailShare * exp(-(s - tailStart) / tailScale). */
  readonly tailStart: number;
  readonly tailShare: number;
  readonly tailScale: number;
}

/** An immutable version of windows, knots and thresholds for one model version. */
export interface Calibration {
  readonly id: string;
  readonly model: string;
  readonly policy: string;
  /** Epoch day (UTC) from which it holds; its window is the `windowDays` days before. */
  readonly validFromDay: number;
  readonly channels: Readonly<Record<Channel, ScoreCalibration>>;
  readonly fused: ScoreCalibration;
  /** Level a of the daily adaptive correction: alert where p(F) <= a. */
  readonly level: number;
  /** Which of the policy's statements set the nominal level. */
  readonly bound: Bound;
  /** The share that the policy aims at on that day. */
  readonly nominal: number;
  /** Made of the rows scored so far, before a day had closed with enough of them. */
  readonly isProvisional?: true;
  /** Yesterday's share of alerts; null when there was no yesterday. */
  readonly achieved: number | null;
}
