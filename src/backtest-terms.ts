import type { Calibration } from './domain/calibration.js';
import type { Policy } from './domain/decision.js';
import { DAY_MS } from './domain/time.js';
import { calibrateIfDue, firstCalibration } from './scoring/calibrate-if-due.js';
import type { CalibrationStore } from './scoring/ports.js';
import type { ScoringTerms } from './scoring/score-batch.js';
import type { BacktestStore } from './store/backtest.store.js';
import { UsageError } from './usage-error.js';

export interface BacktestTerms {
  readonly past: BacktestStore;
  /** Of the backtest's own database schema. */
  readonly calibrations: CalibrationStore;
  readonly version: string;
  readonly policy: Policy;
  /** Start of a UTC day: rows before it are scored and not decided. */
  readonly decideFromMs: number;
}

/**
 * What decides at a moment of event time, asked in rising order: nothing before the first day; then the calibration that held
 * live, or one of the days before where this model and policy had none, rolled day by day as it is served.
 */
export const backtestTerms = (given: BacktestTerms): ((clockMs: number) => Promise<ScoringTerms>) => {
  const { policy, calibrations, decideFromMs } = given;
  let calibration: Calibration | null = null;
  return async (clockMs) => {
    if (clockMs < decideFromMs) return { calibration: null, policy };
    calibration ??= await calibrationAt(given);
    calibration = await calibrateIfDue(calibrations, calibration, policy, clockMs);
    return { calibration, policy };
  };
};

const calibrationAt = async ({ past, calibrations, version, policy, decideFromMs }: BacktestTerms): Promise<Calibration> => {
  const day = decideFromMs / DAY_MS;
  const inForce = await past.calibrationInForce(version, policy.version, day);
  if (inForce) {
    await calibrations.save(inForce);
    return inForce;
  }
  const made = await firstCalibration(calibrations, version, policy, day);
  if (made) return made;
  // Its own, of the rows that it was judged on when it was trained.
  const stored = await past.firstCalibration(version, policy.version);
  if (!stored)
    throw new UsageError(
      `model ${version} has no calibration under policy ${policy.version}, and too few transactions are stored of the ` +
        `${policy.windowDays} days before ${new Date(decideFromMs).toISOString().slice(0, 10)} to make one: choose a later --from`,
    );
  const first = { ...stored, id: `${version}.${day}.${policy.version}`, validFromDay: day };
  await calibrations.save(first);
  return first;
};
