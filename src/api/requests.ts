import { z } from 'zod';

/** Postgres text holds neither NUL nor lone surrogates. */
const CLEAN = /^[^\p{Cc}\p{Cs}]*$/u;

/** Every message of these schemas says what is expected: errors quote it after the field and its value. */
export const text = (max: number, what: string) => {
  const expected = `${what}: 1 to ${max} characters, no control characters`;
  return z.string(expected).min(1, expected).max(max, expected).regex(CLEAN, expected);
};

const moment = z.iso.datetime({ offset: true, error: 'an RFC 3339 time with a zone, like 2026-01-31T12:00:00Z' });

const entity = z
  .string('an entity as type:id, like customer:C17')
  .regex(/^[a-z][a-z0-9-]{0,31}:[^\p{Cc}\p{Cs}]{1,128}$/u, 'an entity as type:id, like customer:C17')
  .describe('Entity type of the transaction schema and id: `customer:C17`');

export const limit = z
  .string('a whole number from 1 to 200')
  .regex(/^(?:[1-9]\d?|1\d\d|200)$/, 'a whole number from 1 to 200')
  .default('50')
  .transform(Number)
  .describe('Rows a page, 1 to 200');

const page = {
  entity: entity.optional(),
  from: moment.optional().describe('Event time, inclusive'),
  to: moment.optional().describe('Event time, exclusive'),
  cursor: text(512, 'the nextCursor of the page before').optional(),
  limit,
};

const ordered = [
  (query: { from?: string | undefined; to?: string | undefined }) =>
    query.from === undefined || query.to === undefined || Date.parse(query.from) < Date.parse(query.to),
  { path: ['to'] as PropertyKey[], error: 'a time after "from"' },
] as const;

const outcomes = 'one of approve, review, decline';

const newType = z
  .enum(['true', 'false'], 'true or false')
  .transform((value) => value === 'true')
  .optional()
  .describe('Unlike ordinary traffic and unlike known fraud');

const patternExpected = 'a pattern: 0 to 1000 characters, no control characters';

/** At most three phrases, each with a level of at most 128 characters; empty for alerts without reasons. */
const pattern = z
  .string(patternExpected)
  .max(1000, patternExpected)
  .regex(CLEAN, patternExpected)
  .describe('What alerts that are alike have in common');

export const AlertQuery = z
  .strictObject({
    ...page,
    outcome: z.enum(['review', 'decline'], 'one of review, decline').optional(),
    lane: z.enum(['S', 'T', 'H', 'D'], 'one of S, T, H, D').optional().describe('The channel that raised it'),
    pattern: pattern.optional(),
    newType,
  })
  .refine(...ordered);
export type AlertQuery = z.output<typeof AlertQuery>;

export const AlertPatternQuery = z
  .strictObject({
    newType,
    from: moment.optional().describe('Event time, inclusive; default: seven days before the newest alert'),
    to: page.to,
    limit,
  })
  .refine(...ordered);
export type AlertPatternQuery = z.output<typeof AlertPatternQuery>;

export const TransactionQuery = z
  .strictObject({
    ...page,
    score: z
      .string('a number from 0 to 1000')
      .regex(/^(?:\d{1,3}(?:\.\d{1,12})?|1000)$/, 'a number from 0 to 1000')
      .transform(Number)
      .optional()
      .describe('Smallest -log10 p of the fused score: 3 means at most 1 in 1,000'),
    decision: z.enum(['approve', 'review', 'decline'], outcomes).optional(),
  })
  .refine(...ordered);
export type TransactionQuery = z.output<typeof TransactionQuery>;

export const DeadLetterQuery = z
  .strictObject({
    reason: text(200, 'part of a reason').optional().describe('Part of the reason, in any case'),
    from: moment.optional().describe('Time received, inclusive'),
    to: moment.optional().describe('Time received, exclusive'),
    cursor: page.cursor,
    limit,
  })
  .refine(...ordered);
export type DeadLetterQuery = z.output<typeof DeadLetterQuery>;

export const NoQuery = z.strictObject({});

export const AlertId = z.uuid('an alert id (UUID)');
export const TransactionId = text(128, 'a transaction id');

/** A sequence is a bigint in the store. */
export const LastEventId = z
  .string('a sequence number')
  .regex(/^\d{1,18}$/, 'the id of an earlier event')
  .optional();

export const BATCH_MAX = 1000;

const batchExpected = `an object, or an array of 1 to ${BATCH_MAX} objects`;

/** One or many, always handed on as an array; `single` says which. */
const oneOrMany = <S extends z.ZodType>(item: S) =>
  z.unknown().transform((body, context): { single: boolean; items: z.output<S>[] } => {
    const single = !Array.isArray(body);
    const items = (single ? [body] : body) as unknown[];
    if (items.length === 0 || items.length > BATCH_MAX) {
      context.addIssue({ code: 'custom', message: batchExpected, input: items.length });
      return z.NEVER;
    }
    const results = items.map((one) => item.safeParse(one));
    results.forEach((result, i) => {
      for (const issue of result.error?.issues ?? [])
        context.issues.push({ ...issue, input: body, path: [...(single ? [] : [i]), ...issue.path] } as never);
    });
    return { single, items: results.map((result) => result.data as z.output<S>) };
  });

const LabelRequest = z.strictObject(
  {
    transactionId: TransactionId,
    isFraud: z.boolean('true or false'),
    type: text(64, 'a kind of fraud, or null').nullable().default(null).describe('Kind of fraud where it is known'),
    source: text(64, 'who says so').default('api').describe('Who says so: `chargeback`, `analyst`, …'),
    knownAt: moment
      .optional()
      .describe(
        'When it became known: from 1970 and from the time of the transaction, where that is known, to now. Default: now; a label that says what its source said last of the transaction is then unchanged',
      ),
  },
  'an object',
);
export const LabelsBody = oneOrMany(LabelRequest);
export type LabelsBody = z.output<typeof LabelsBody>;
export { LabelRequest };

/** The fields of a transaction are the transaction schema's; its parser checks them. */
const TransactionRequest = z.record(z.string(), z.unknown(), 'an object with the fields of the transaction schema');
export const TransactionsBody = oneOrMany(TransactionRequest);
export type TransactionsBody = z.output<typeof TransactionsBody>;
