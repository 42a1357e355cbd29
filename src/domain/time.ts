/** Units of event time, which is UTC epoch milliseconds: its days have no other length. */
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** YYYY-MM-DD of a moment, UTC. */
export const isoDate = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
/** To the minute, UTC: what a person compares. */
export const isoMinute = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
