import { createRandom, type Random } from '../../domain/random.js';
import { fraudRateOf, weeklyRates } from './fraud-rate.js';
import { DriftSettingsSchema, testLevel } from './drift-settings.js';
import { summariseLabels, type MaturedDay } from './matured-shares.js';

const settings = DriftSettingsSchema.parse({});
const level = testLevel(settings, 3);

/** 500 rows a day; frauds at `rate`, where `campaigns` above 0 moves it for a week at a time. */
const daysOf = (random: Random, from: number, count: number, rate: number, campaigns = 0): MaturedDay[] => {
  let factor = 1;
  return Array.from({ length: count }, (_, i) => {
    if (i % 7 === 0) factor = Math.exp(campaigns * random.normal() - campaigns ** 2 / 2);
    const labels = Int8Array.from({ length: 500 }, () => (random.uniform() < rate * factor ? 1 : 0));
    return summariseLabels(from + i, Int32Array.from(labels.keys()), labels);
  });
};

describe('fraud rate', () => {
  const alarms = (rate: number, campaigns: number): number => {
    let count = 0;
    for (let seed = 0; seed < 20; seed += 1) {
      const random = createRandom(seed);
      const reference = weeklyRates(daysOf(random, 0, 56, 0.01, campaigns), 55);
      const { change } = fraudRateOf(reference, daysOf(random, 56, 28, rate, campaigns), settings)!;
      if (change!.pValue <= level) count += 1;
    }
    return count;
  };

  it('twice as much fraud is found, the same is not, nor what campaigns make of it', () => {
    expect(alarms(0.02, 0)).toBeGreaterThanOrEqual(16);
    expect(alarms(0.01, 0)).toBe(0);
    expect(alarms(0.01, 0.5)).toBe(0);
  });

  it('counts only rows with a matured label, and only the newest weeks', () => {
    const random = createRandom(1);
    const days = [...daysOf(random, 0, 28, 0.5), ...daysOf(random, 28, 28, 0.01)];
    const unknown = summariseLabels(56, Int32Array.of(1, 2), Int8Array.of(-1, -1));
    const result = fraudRateOf(null, [...days, unknown], settings)!;
    expect([result.fromDay, result.toDay, result.rows, result.change]).toEqual([28, 55, 28 * 500, null]);
    expect(result.interval.low).toBeLessThan(0.01);
    expect(result.interval.high).toBeGreaterThan(0.01);
    expect(result.interval.high).toBeLessThan(0.014);
  });

  it('without labels there is none; before all weeks there is no comparison', () => {
    expect(fraudRateOf(null, [], settings)).toBeNull();
    const random = createRandom(2);
    const reference = weeklyRates(daysOf(random, 0, 28, 0.01), 27);
    expect(fraudRateOf(reference, daysOf(random, 28, 20, 0.01), settings)!.change).toBeNull();
    expect(weeklyRates([], 3)).toBeNull();
  });
});
