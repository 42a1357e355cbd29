import { z } from 'zod';
import { wholeNumber } from './whole-number.js';

/** What a service does that has no history: docs/cold-start.md. */
export const ColdStartSettingsSchema = z.strictObject({
  /** In an empty database a prior model decides. False: scoring waits for a model. */
  enabled: z.boolean('true or false').default(true),
  /** So many transactions ask for the first training run; before them none is asked for while a prior model decides. */
  rowsMin: wholeNumber(400, 10_000_000).default(10_000),
});
export type ColdStartSettings = z.infer<typeof ColdStartSettingsSchema>;
