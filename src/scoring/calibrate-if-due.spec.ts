import type { Calibration } from '../domain/calibration.js';
import { loadConfig } from '../config.js';
import { createRandom } from '../domain/random.js';
import { nextCalibration } from './calibration.js';
import { CalibrationStore, type WindowScores } from './ports.js';
import { calibrateIfDue, recalibrate } from './calibrate-if-due.js';
import { DAY_MS } from '../domain/time.js';

const { policy } = loadConfig(undefined, {});

const windowOf = (rows: number): WindowScores => {
  const random = createRandom(1);
  const scores = () => Float64Array.from({ length: rows }, () => random.normal());
  return { weight: 1, occurredAtMs: new Float64Array(rows), channels: { S: scores(), T: scores(), H: scores(), D: scores() } };
};

class WindowStore extends CalibrationStore {
  readonly saved: Calibration[] = [];
  readonly asked: [number, number][] = [];
  constructor(private readonly rows: number) {
    super();
  }
  override latestId = () => Promise.resolve(null);
  override latest = () => Promise.resolve(null);
  override save(calibration: Calibration) {
    this.saved.push(calibration);
    return Promise.resolve();
  }
  override windowScores(_model: string, fromMs: number, toMs: number) {
    this.asked.push([fromMs, toMs]);
    return Promise.resolve(windowOf(this.rows));
  }
  override countRows = () => Promise.resolve(this.rows);
  override countAlerts = () => Promise.resolve({ rows: 1000, alerts: 30 });
}

const current = nextCalibration({ previous: null, window: windowOf(3000), counts: null, policy, model: 'm', day: 100 });

test('the day that holds keeps its calibration; a new one takes the closed days before it', async () => {
  const store = new WindowStore(3000);
  expect(await calibrateIfDue(store, current, policy, 100.9 * DAY_MS)).toBe(current);
  const next = await calibrateIfDue(store, current, policy, 101.2 * DAY_MS);
  expect(store.asked).toEqual([[94 * DAY_MS, 101 * DAY_MS]]);
  expect(store.saved).toEqual([next]);
  expect(next.validFromDay).toBe(101);
  // Yesterday had three times the budget: the level falls.
  expect(next.achieved).toBe(0.03);
  expect(next.level).toBeLessThan(current.level);
});

test('a window of too few rows keeps the last calibration', async () => {
  const store = new WindowStore(1999);
  expect(await calibrateIfDue(store, current, policy, 105 * DAY_MS)).toBe(current);
  expect(store.saved).toEqual([]);
});

test('another policy takes the same window and day anew; too few rows say so', async () => {
  const store = new WindowStore(3000);
  const other = { ...policy, version: 'other', budget: { share: 0.05 } };
  const next = await recalibrate(store, current, other);
  expect(next).toMatchObject({ policy: 'other', nominal: 0.05, level: 0.05, validFromDay: current.validFromDay });
  expect(next!.id).not.toBe(current.id);
  expect(await recalibrate(new WindowStore(1999), current, other)).toBeNull();
});
