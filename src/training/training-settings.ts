import { z } from 'zod';

const whole = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.number({ error }).int(error).min(min, error).max(max, error);
};

/** What of the stored history a training run reads. */
export const HistorySettingsSchema = z.strictObject({
  /** Days that models are fitted on. */
  trainDays: whole(1, 3_650),
  /** Days after them whose labels have matured: candidate and champion are judged there. The label delay comes on top. */
  judgeDays: whole(1, 365),
  /** Rows read at most, the newest: they are held in memory, at about a kilobyte each. */
  rowsMax: whole(1_000, 5_000_000),
});
export type HistorySettings = z.infer<typeof HistorySettingsSchema>;
