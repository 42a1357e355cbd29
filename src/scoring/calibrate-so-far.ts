import type { Calibration } from '../domain/calibration.js';
import type { Policy } from '../domain/decision.js';
import { calibrateIfDue } from './calibrate-if-due.js';
import { budgetShare, nextCalibration } from './calibration.js';
import type { CalibrationStore, WindowScores } from './ports.js';
import { DAY_MS, HOUR_MS } from '../domain/time.js';

const ROWS_MIN = 200;
/** Of the window, until the next: near to a calibration for each row, of which conformal p-values are independent (Vovk 2005). */
const GROWTH = 1.25;
/** More change a threshold no longer: the last one holds until the day has closed. */
const ROWS_MAX = 100_000;
/** Alerts that a first window of n rows would hold; at fewer its threshold is too much a matter of luck. */
const ALERTS_EXPECTED_MIN = 5;

/**
 * Rows of a first calibration. Of exchangeable rows, those after it exceed its level a by Beta(an, (1-a)n + 1): with an = 5 the
 * rate is above 2a with probability P(Poisson(10) < 5) = 3 %, and with each further window with less (Vovk 2012).
 */
export const firstWindowRows = (share: number): number =>
  Math.min(ROWS_MAX, Math.max(ROWS_MIN, Math.ceil(ALERTS_EXPECTED_MIN / share)));

/** Event time in which a budget as a count lets so many alerts happen: what `firstWindowRows` of its share comes to. */
const firstWindowMs = ({ countPerDay }: Policy['budget']): number =>
  countPerDay === undefined ? 0 : (ALERTS_EXPECTED_MIN / countPerDay) * DAY_MS;

/** What a first calibration waits for, in words. */
export const firstWindowWords = (budget: Policy['budget']): string => {
  const [rows, hours] = [firstWindowRows(budget.share), Math.ceil(firstWindowMs(budget) / HOUR_MS)];
  return hours <= 1 || rows === ROWS_MAX
    ? `${rows} transactions`
    : `${rows} transactions of ${hours} hours, or ${ROWS_MAX} transactions`;
};

/**
 * As `calibrateIfDue`, and for a model that began without a calibration those before the first daily one: of the newest rows it
 * has scored, at `firstWindowRows` rows and each time they are a quarter more. Null: too few rows yet, nothing is decided.
 */
export const calibrateSoFar = async (
  store: CalibrationStore,
  model: string,
  current: Calibration | null,
  policy: Policy,
  eventNowMs: number,
): Promise<Calibration | null> => {
  const day = Math.floor(eventNowMs / DAY_MS);
  if (current) {
    const daily = await calibrateIfDue(store, current, policy, eventNowMs);
    if (daily.id !== current.id || !current.isProvisional) return daily;
  }
  // All that was scored: a slow stream has too few in the policy's days, for a daily one as well.
  const [fromMs, toMs] = [0, (day + 1) * DAY_MS];
  const due = current ? Math.ceil(GROWTH * current.fused.n) : firstWindowRows(policy.budget.share);
  // Asked every few seconds: the cheap counts first.
  const rows = due > ROWS_MAX ? 0 : await store.countRows(fromMs, toMs);
  if (rows < due || (!current && rows < ROWS_MAX && !(await beganBefore(store, eventNowMs - firstWindowMs(policy.budget)))))
    return current;
  const window = newest(await store.windowScores(model, fromMs, toMs));
  const wanted = current ? due : Math.max(due, firstWindowRows(budgetShare(policy, window, day).share));
  if (window.occurredAtMs.length < wanted) return current;
  const next = nextCalibration({ previous: null, window, counts: null, policy, model, day, soFar: true });
  await store.save(next);
  return next;
};

/** Whether rows are stored of the day of this time, or of days before. */
const beganBefore = async (store: CalibrationStore, atMs: number): Promise<boolean> =>
  (await store.countRows(0, (Math.floor(atMs / DAY_MS) + 1) * DAY_MS)) > 0;

const newest = ({ weight, occurredAtMs, channels }: WindowScores): WindowScores => ({
  weight,
  occurredAtMs: occurredAtMs.slice(-ROWS_MAX),
  channels: {
    S: channels.S.slice(-ROWS_MAX),
    T: channels.T.slice(-ROWS_MAX),
    H: channels.H.slice(-ROWS_MAX),
    D: channels.D.slice(-ROWS_MAX),
  },
});
