import { z } from 'zod';

export const DriftQuery = z.strictObject({
  days: z
    .string('a whole number from 1 to 200')
    .regex(/^(?:[1-9]\d?|1\d\d|200)$/, 'a whole number from 1 to 200')
    .default('30')
    .transform(Number)
    .describe('Newest days that are listed, 1 to 200'),
});
export type DriftQuery = z.output<typeof DriftQuery>;
