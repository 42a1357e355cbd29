import type { Calibration } from '../domain/calibration.js';
import type { Policy } from '../domain/decision.js';
import { nextCalibration } from './calibration.js';
import type { CalibrationStore } from './ports.js';
import { DAY_MS } from '../domain/time.js';

/** A window of fewer rows says little of a tail: the last calibration holds (design: 2,000 scores a segment). */
const WINDOW_ROWS_MIN = 2_000;

/**
 * The calibration that holds on the event day of `eventNowMs`, built when the day before has closed.
 *
 * A window of fewer than 2,000 rows keeps the last calibration. The result is the newest one; the same as before when
 * nothing was due.
 */
export const calibrateIfDue = async (
  store: CalibrationStore,
  current: Calibration,
  policy: Policy,
  eventNowMs: number,
): Promise<Calibration> => {
  const day = Math.floor(eventNowMs / DAY_MS);
  if (day <= current.validFromDay) return current;
  const window = await store.windowScores(current.model, (day - policy.windowDays) * DAY_MS, day * DAY_MS);
  if (window.occurredAtMs.length < WINDOW_ROWS_MIN) return current;
  const counts = await store.countAlerts((day - 1) * DAY_MS, day * DAY_MS);
  const next = nextCalibration({ previous: current, window, counts, policy, model: current.model, day });
  await store.save(next);
  return next;
};

/**
 * The same day's calibration under another policy: its window is fused and its level set anew, without a memory of what
 * the other policy achieved. Null where the stored scores are too few to say.
 */
export const recalibrate = (store: CalibrationStore, current: Calibration, policy: Policy): Promise<Calibration | null> =>
  firstCalibration(store, current.model, policy, current.validFromDay);

/** A model's first calibration under a policy, of the days before. Null where the stored scores are too few to say. */
export const firstCalibration = async (
  store: CalibrationStore,
  model: string,
  policy: Policy,
  day: number,
): Promise<Calibration | null> => {
  const window = await store.windowScores(model, (day - policy.windowDays) * DAY_MS, day * DAY_MS);
  if (window.occurredAtMs.length < WINDOW_ROWS_MIN) return null;
  const next = nextCalibration({ previous: null, window, counts: null, policy, model, day });
  await store.save(next);
  return next;
};
