import { beforeEach, describe, expect, it } from '@jest/globals';
import { Challengers, type ChallengerStores } from './challengers.js';
import type { Calibration } from './domain/calibration.js';
import type { Policy } from './domain/decision.js';
import { DAY_MS } from './domain/time.js';
import type { WorkerPool } from './threads/worker-pool.js';

const policy = {
  version: 'p1',
  budget: { share: 0.1 },
  ranking: { kind: 'lanes', weights: { S: 1, T: 0, H: 0, D: 0 } },
  adaptiveStep: 0.3,
  windowDays: 7,
} as unknown as Policy;

let roles: string[];
let artifacts: Map<string, Uint8Array>;
let stored: Map<string, Calibration>;
/** What the threads were told, in order. */
let told: string[];
let failed: Map<string, string>;
let windowsRead: string[];
let rowsAt: number;

const calibrations = (version?: string) => ({
  latestId: (model: string) => Promise.resolve(stored.get(model)?.id ?? null),
  latest: (model: string) => Promise.resolve(stored.get(model) ?? null),
  save: (calibration: Calibration) => Promise.resolve(void stored.set(calibration.model, calibration)),
  windowScores: (model: string, fromMs: number, toMs: number) => {
    windowsRead.push(`${model} ${fromMs / DAY_MS} ${toMs / DAY_MS}`);
    const scores = Float64Array.from({ length: rowsAt }, (_, i) => i);
    return Promise.resolve({ weight: 1, occurredAtMs: scores, channels: { S: scores, T: scores, H: scores, D: scores } });
  },
  // Half of its rows would have been alerts; the champion's count is another.
  countAlerts: () => Promise.resolve(version === undefined ? { rows: 10, alerts: 0 } : { rows: 10, alerts: 5 }),
});
const stores = {
  models: {
    challengerVersions: () => Promise.resolve(roles),
    load: (version: string) => {
      const artifact = artifacts.get(version);
      return artifact ? Promise.resolve({ artifact }) : Promise.reject(new Error(`model ${version} is not signed`));
    },
  },
  calibrations: calibrations(),
  shadowCalibrations: calibrations,
} as unknown as ChallengerStores;
const pool = {
  get failedChallengers() {
    return failed;
  },
  useChallenger: (version: string, artifact: Uint8Array | null, calibration: Calibration | null) => {
    told.push(`use ${version}${artifact ? '' : ' again'} ${calibration?.id ?? 'uncalibrated'}`);
    return Promise.resolve();
  },
  dropChallenger: (version: string) => {
    told.push(`drop ${version}`);
    failed.delete(version);
  },
} as unknown as WorkerPool;
const calibrationOf = (model: string, id: string, over: Partial<Calibration> = {}): Calibration =>
  ({ id, model, policy: 'p1', validFromDay: 100, level: 0.1, nominal: 0.1, ...over }) as Calibration;

let challengers: Challengers;
beforeEach(() => {
  roles = ['c1'];
  artifacts = new Map([['c1', Uint8Array.of(1)]]);
  stored = new Map([['c1', calibrationOf('c1', 'k1')]]);
  told = [];
  windowsRead = [];
  failed = new Map();
  rowsAt = 2_000;
  challengers = new Challengers('shop', stores, pool, policy);
});

describe('challengers', () => {
  it('are loaded when they come, told of a new calibration, and dropped when they go', async () => {
    for (let turn = 0; turn < 3; turn += 1) await challengers.refresh();
    stored.set('c1', calibrationOf('c1', 'k2'));
    for (let turn = 0; turn < 3; turn += 1) await challengers.refresh();
    roles = [];
    for (let turn = 0; turn < 3; turn += 1) await challengers.refresh();
    expect(told).toEqual(['use c1 k1', 'use c1 again k2', 'drop c1']);
    expect(challengers).toMatchObject({ count: 0, problem: null });
  });

  it('only score under another policy than their calibration', async () => {
    stored.set('c1', calibrationOf('c1', 'k1', { policy: 'p0' }));
    for (let turn = 0; turn < 3; turn += 1) await challengers.refresh();
    expect(told).toEqual(['use c1 uncalibrated']);
  });

  it('that cannot be loaded are named, hold up nobody else, and are tried again after a minute', async () => {
    roles = ['bad', 'c1'];
    await challengers.refresh();
    expect(told).toEqual(['drop bad', 'use c1 k1']);
    expect(challengers.problem).toBe('bad: does not score: model bad is not signed');
    expect(challengers.count).toBe(2);
    artifacts.set('bad', Uint8Array.of(2));
    for (let turn = 0; turn < 29; turn += 1) await challengers.refresh();
    expect(challengers.problem).not.toBeNull();
    await challengers.refresh();
    expect(told.at(-1)).toBe('use bad uncalibrated');
    expect(challengers.problem).toBeNull();
  });

  it('that threw while scoring are named until they are tried again', async () => {
    await challengers.refresh();
    failed.set('c1', 'no such column');
    await challengers.refresh();
    expect(challengers.problem).toBe('c1: does not score: no such column');
    for (let turn = 0; turn < 30; turn += 1) await challengers.refresh();
    expect(told).toEqual(['use c1 k1', 'drop c1', 'use c1 k1']);
    expect(challengers.problem).toBeNull();
    roles = [];
    failed.set('c1', 'no such column');
    await challengers.refresh();
    expect(challengers.problem).toBeNull();
  });

  it('get a calibration of each new day, whose level follows the alerts that they would have raised', async () => {
    await challengers.refresh();
    await challengers.calibrate(100.5 * DAY_MS);
    expect(windowsRead).toEqual([]);
    for (let poll = 0; poll < 3; poll += 1) await challengers.calibrate(101.5 * DAY_MS);
    expect(windowsRead).toEqual(['c1 94 101']);
    expect(told.slice(1)).toEqual(['use c1 again c1.101.p1']);
    // a <- a exp(step (alpha - achieved) / alpha), with half of the rows alerted on.
    expect(stored.get('c1')!.level).toBeCloseTo(0.1 * Math.exp((0.3 * (0.1 - 0.5)) / 0.1), 9);
    await challengers.refresh();
    expect(told).toHaveLength(2);
  });

  it('get their first one where they have none, once there are rows enough; too few are asked for once a day', async () => {
    stored.clear();
    rowsAt = 1_999;
    await challengers.refresh();
    for (let poll = 0; poll < 3; poll += 1) await challengers.calibrate(101.5 * DAY_MS);
    rowsAt = 2_000;
    for (let poll = 0; poll < 3; poll += 1) await challengers.calibrate(102.5 * DAY_MS);
    expect(windowsRead).toEqual(['c1 94 101', 'c1 95 102']);
    expect(told).toEqual(['use c1 uncalibrated', 'use c1 again c1.102.p1']);
    expect(stored.get('c1')).toMatchObject({ achieved: null, level: 0.1 });
  });
});
