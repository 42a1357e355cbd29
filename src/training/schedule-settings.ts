import { z } from 'zod';
import { isCron } from './due-times.js';
import { wholeNumber } from './whole-number.js';

const hours = 'a number from 0 to 8760';

/** When a training run is asked for, and when one counts as lost. */
export const ScheduleSettingsSchema = z.strictObject({
  /** False: by hand only. Runs that were asked for by hand are found when they are lost all the same. */
  enabled: z.boolean('true or false'),
  cron: z
    .string('five fields of cron')
    .refine(isCron, 'five fields of cron (minute, hour, day of month, month, day of week; UTC) that come at some time'),
  /** So many transactions with a label that have matured since the last run ask for another; 0: labels never do. */
  newLabelsMin: wholeNumber(0, 1_000_000_000),
  /** Labels and drift ask for no run so soon after another. */
  hoursBetween: z.number(hours).min(0, hours).max(8_760, hours),
  /** Without a sign of life for so long a run is lost: at least three heartbeats. */
  lostAfterSeconds: wholeNumber(15, 86_400),
  /** A run that was lost is started again until it has been tried so many times. */
  attemptsMax: wholeNumber(1, 10),
});
export type ScheduleSettings = z.infer<typeof ScheduleSettingsSchema>;
