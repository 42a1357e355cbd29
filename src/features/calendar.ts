import { numericColumn, type FeatureColumn } from '../domain/feature-matrix.js';
import { DAY_MS, HOUR_MS } from '../domain/time.js';

/** The Handbook's two flags. */
export const calendarFlagColumns = (field: string): FeatureColumn[] => [
  numericColumn('during_weekend', 'none', field),
  numericColumn('during_night', 'none', field),
];

/** Saturday and Sunday; hours 0 to 6 inclusive, as the Handbook has it. All times are UTC. */
export const writeCalendarFlags = (out: Float32Array, at: number, ms: number): number => {
  out[at] = weekday(ms) >= 5 ? 1 : 0;
  out[at + 1] = hourOfDay(ms) < 7 ? 1 : 0;
  return at + 2;
};

/** Hour of the day with its fraction, 0 to 24. */
export const hourOfDay = (ms: number): number => (ms % DAY_MS) / HOUR_MS;

/** Monday 0 to Sunday 6. 1970-01-01 was a Thursday. */
export const weekday = (ms: number): number => (Math.floor(ms / DAY_MS) + 3) % 7;
