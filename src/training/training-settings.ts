import { z } from 'zod';
import { wholeNumber } from './whole-number.js';

/** What of the stored history a training run reads. */
export const HistorySettingsSchema = z.strictObject({
  /** Days that models are fitted on. */
  trainDays: wholeNumber(1, 3_650),
  /** Days after them whose labels have matured: candidate and champion are judged there. The label delay comes on top. */
  judgeDays: wholeNumber(1, 365),
  /** Rows read at most, the newest: they are held in memory, at about a kilobyte each. */
  rowsMax: wholeNumber(1_000, 5_000_000),
});
export type HistorySettings = z.infer<typeof HistorySettingsSchema>;
