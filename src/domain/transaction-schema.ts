import { z } from 'zod';
import { CURRENCY_EXPECTED, isCurrencyCode } from './currency.js';

const column = z.string().min(1).max(128);
const risk = z.enum(['up', 'down', 'both', 'none']);

/**
 * What a transaction is: `config/schemas/*.yaml`. Column names are both the CSV's header and the JSON message's fields.
 * This one definition is type, check and documentation (docs/transaction-schema.md).
 */
export const TransactionSchemaDefinition = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'lower-case letters, digits and hyphens, at most 32'),
    description: z.string().max(500),
    /** Column of the transaction id: unique within the stream. `#row`: the data has none, its reader gives the row number. */
    id: column,
    /** Event time. Absent: a plain table without time. */
    time: z
      .strictObject({
        column,
        /** `iso8601` needs a zone; `sql` is "YYYY-MM-DD HH:MM:SS[.mmm]" in UTC. */
        format: z.enum(['iso8601', 'sql', 'epoch-seconds', 'epoch-milliseconds']),
      })
      .optional(),
    /** Who took part. The first is the primary entity: the Kafka key, whose habits are learned. The others gather evidence. */
    entities: z
      .array(
        z.strictObject({
          /** "customer", "terminal": what people and the API call it. */
          name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
          column,
          /** Width of its evidence buckets; 1 makes windows exact to the second. Secondary entities only. */
          bucketSeconds: z.union([z.literal(1), z.literal(60), z.literal(3600)]).default(3600),
        }),
      )
      .max(6)
      .default([]),
    /** A decimal string on the wire; kept in minor units. */
    amount: z
      .strictObject({
        column,
        /** ISO 4217 code of all rows, or the column that holds it. */
        currency: z.union([z.string().refine(isCurrencyCode, CURRENCY_EXPECTED), z.strictObject({ column })]),
        minorDigits: z.number().int().min(0).max(4).default(2),
        risk: risk.default('up'),
      })
      .optional(),
    numeric: z
      .array(z.strictObject({ column, risk: risk.default('both'), optional: z.boolean().default(false) }))
      .max(500)
      .default([]),
    categorical: z
      .array(z.strictObject({ column, risk: risk.default('none'), optional: z.boolean().default(false) }))
      .max(200)
      .default([]),
    /** Where a data file holds the truth, and how late it becomes known. Never a feature. */
    label: z.strictObject({ column, delayDays: z.number().min(0).max(365), typeColumn: column.optional() }).optional(),
    features: z
      .strictObject({
        /** `columns`: the fields as they are; `rfm`: the Fraud Detection Handbook's 15; `full`: rfm, profiles, novelty, Markov filter, fields. */
        set: z.enum(['columns', 'rfm', 'full']),
        /** Days of the velocity windows. */
        windowsDays: z.array(z.number().int().min(1).max(30)).min(1).max(5).default([1, 7, 30]),
        /** Secondary entity whose delayed labels drive the Markov filter and channel H; absent: none. */
        markovEntity: z.string().optional(),
        /** Secondary entity that is the counterpart in novelty and profile; default the first secondary one. */
        counterpartEntity: z.string().optional(),
        /** Categorical field whose mix is learned per primary entity, with amounts within it; default the first one. */
        profileField: z.string().optional(),
        /** Great-circle distances in km, from columns of `numeric` in degrees; each becomes a feature of its own. */
        distances: z
          .array(
            z.strictObject({
              name: z.string().regex(/^[a-z][a-z0-9_]{0,31}$/),
              from: z.strictObject({ latitude: column, longitude: column }),
              to: z.strictObject({ latitude: column, longitude: column }),
              risk: risk.default('up'),
            }),
          )
          .max(5)
          .optional(),
        /** So many of the primary entity's events before the row become columns, for models that read sequences; 0: none. */
        sequence: z.number().int().min(0).max(32).default(0),
        /** Model of channel D; a name in the registry. */
        density: z.string().default('autoregressive'),
      })
      .default({ set: 'columns', windowsDays: [1, 7, 30], sequence: 0, density: 'autoregressive' }),
    /** Fields of a message that the schema does not name. */
    extraFields: z.enum(['reject', 'ignore']).default('reject'),
  })
  .superRefine((schema, context) => {
    const seen = new Map<string, string>();
    const claim = (name: string, use: string): void => {
      const other = seen.get(name);
      if (other !== undefined)
        context.addIssue({ code: 'custom', message: `column "${name}" is used as ${other} and as ${use}` });
      seen.set(name, use);
    };
    claim(schema.id, 'id');
    if (schema.time) claim(schema.time.column, 'time');
    for (const e of schema.entities) claim(e.column, `entity ${e.name}`);
    if (schema.amount) claim(schema.amount.column, 'amount');
    if (schema.amount && typeof schema.amount.currency !== 'string') claim(schema.amount.currency.column, 'currency');
    for (const f of schema.numeric) claim(f.column, 'numeric');
    for (const f of schema.categorical) claim(f.column, 'categorical');
    if (schema.label) claim(schema.label.column, 'label');
    if (schema.label?.typeColumn !== undefined) claim(schema.label.typeColumn, 'label type');
    if (schema.features.set !== 'columns' && (!schema.time || schema.entities.length === 0 || !schema.amount))
      context.addIssue({
        code: 'custom',
        message: `feature set "${schema.features.set}" needs time, at least one entity and amount`,
        path: ['features', 'set'],
      });
    if (schema.features.set === 'columns' && schema.features.sequence > 0)
      context.addIssue({
        code: 'custom',
        message: 'a sequence needs feature set "rfm" or "full"',
        path: ['features', 'sequence'],
      });
    const names = schema.entities.map((e) => e.name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined)
      context.addIssue({ code: 'custom', message: `two entities are called "${twice}"`, path: ['entities'] });
    const secondary = schema.entities.slice(1).map((e) => e.name);
    for (const key of ['markovEntity', 'counterpartEntity'] as const) {
      const name = schema.features[key];
      if (name !== undefined && !secondary.includes(name))
        context.addIssue({
          code: 'custom',
          message: `"${name}" is not a secondary entity (${secondary.join(', ') || 'there is none'})`,
          path: ['features', key],
        });
    }
    const { profileField, distances = [] } = schema.features;
    if (profileField !== undefined && !schema.categorical.some((f) => f.column === profileField))
      context.addIssue({
        code: 'custom',
        message: `"${profileField}" is not a categorical column`,
        path: ['features', 'profileField'],
      });
    for (const { from, to } of distances)
      for (const name of [from.latitude, from.longitude, to.latitude, to.longitude])
        if (!schema.numeric.some((f) => f.column === name))
          context.addIssue({ code: 'custom', message: `"${name}" is not a numeric column`, path: ['features', 'distances'] });
  });
/** Id of tables without an id column: the reader of the data sets it to the row's number, from 0. */
export const ROW_ID = '#row';

export type TransactionSchema = z.infer<typeof TransactionSchemaDefinition>;
