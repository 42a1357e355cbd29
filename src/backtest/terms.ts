import type { Calibration } from '../domain/calibration.js';
import type { Policy } from '../domain/decision.js';
import { DAY_MS, isoDate } from '../domain/time.js';
import { firstCalibration } from '../scoring/calibrate-if-due.js';
import { calibrateSoFar } from '../scoring/calibrate-so-far.js';
import type { CalibrationStore } from '../scoring/ports.js';
import type { ScoringTerms } from '../scoring/score-batch.js';
import type { BacktestStore } from '../store/backtest.store.js';
import { UsageError } from '../usage-error.js';

export interface BacktestTerms {
  readonly past: BacktestStore;
  /** Of the backtest's own database schema. */
  readonly calibrations: CalibrationStore;
  readonly version: string;
  readonly policy: Policy;
  /** Start of a UTC day: rows before it are scored and not decided. */
  readonly decideFromMs: number;
  readonly onNote: (note: string) => void;
}

/**
 * What decides at a moment of event time, asked in rising order: nothing before the first day; then the calibration that held
 * live; where this model and policy had none by then, one of the days before; where these hold too few rows, their first of later
 * rows, or for a model that began without one none until there are rows enough. Rolled as it is served.
 */
export const backtestTerms = (given: BacktestTerms): ((clockMs: number) => Promise<ScoringTerms>) => {
  const { policy, calibrations, version, decideFromMs } = given;
  /** Undefined: not yet asked for. */
  let calibration: Calibration | null | undefined;
  return async (clockMs) => {
    if (clockMs < decideFromMs) return { calibration: null, policy };
    if (calibration === undefined) calibration = await calibrationAt(given);
    calibration = await calibrateSoFar(calibrations, version, calibration, policy, clockMs);
    return { calibration, policy };
  };
};

const calibrationAt = async (given: BacktestTerms): Promise<Calibration | null> => {
  const { past, calibrations, version, policy, decideFromMs, onNote } = given;
  const day = decideFromMs / DAY_MS;
  const inForce = await past.calibrationInForce(version, policy.version, day);
  if (inForce) {
    await calibrations.save(inForce);
    return inForce;
  }
  const made = await firstCalibration(calibrations, version, policy, day);
  if (made) return made;
  // What is left is made of rows that nobody knew then.
  const stored = await past.firstCalibration(version, policy.version);
  if (!stored)
    throw new UsageError(
      `model ${version} has no calibration under policy ${policy.version}, and too few transactions are stored of the ` +
        `${policy.windowDays} days before ${isoDate(decideFromMs)} to make one: choose a later --from`,
    );
  if (stored.isProvisional) {
    onNote(`${version} began without a calibration: nothing is decided before it has scored rows enough to make one`);
    return null;
  }
  onNote(`the level is from a calibration of later rows, of ${isoDate(stored.validFromDay * DAY_MS)}: none was known by then`);
  const first = { ...stored, id: `${version}.${day}.${policy.version}`, validFromDay: day };
  await calibrations.save(first);
  return first;
};
