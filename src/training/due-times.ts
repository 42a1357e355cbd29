import { Cron } from 'croner';

/** Five fields of cron (minute, hour, day of month, month, day of week), in UTC: no hour is skipped or doubled. */
export const isCron = (text: string): boolean => {
  if (text.trim().split(/\s+/).length !== 5) return false;
  try {
    return cronOf(text).nextRun(new Date(0)) !== null;
  } catch {
    return false;
  }
};

/** The newest time of a schedule that is not after `nowMs`; null before its first. @param cron as `isCron` accepts it */
export const lastDueMs = (cron: string, nowMs: number): number | null =>
  // Croner leaves the reference itself out.
  cronOf(cron)
    .previousRuns(1, new Date(nowMs + 1))[0]
    ?.getTime() ?? null;

const cronOf = (text: string): Cron => new Cron(text, { timezone: 'UTC', paused: true });
