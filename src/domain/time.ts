/** Units of event time, which is UTC epoch milliseconds: its days have no other length. */
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
