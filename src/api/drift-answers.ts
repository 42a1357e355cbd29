import { z } from 'zod';
import type { DriftView } from '../store/drift-view.js';

const date = z.string().describe('Event day (UTC), YYYY-MM-DD');

export const DriftAnswer = z
  .strictObject({
    champion: z.string().nullable(),
    reference: z
      .strictObject({ madeFrom: z.enum(['training rows', 'served rows']), from: date, to: date })
      .nullable()
      .describe("What the champion's days are held against; null: nothing yet"),
    note: z.string().nullable().describe('Why days are not judged, or that the reference is of served rows'),
    alarms: z
      .array(
        z.strictObject({
          since: date.describe('The first of the days asked for on which it stood without a break'),
          kind: z.string(),
          field: z.string(),
          sentence: z.string(),
        }),
      )
      .describe('Of the newest day: beyond a limit of effect and clear of chance'),
    report: z.record(z.string(), z.unknown()).nullable().describe('The whole report of the newest day: docs/drift.md'),
    days: z
      .array(z.strictObject({ date, model: z.string(), findings: z.number().int(), alarms: z.number().int() }))
      .describe('Newest first'),
  })
  .meta({ id: 'Drift' }) satisfies z.ZodType<DriftView>;
