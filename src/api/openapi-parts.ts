import { z } from 'zod';
import { BATCH_MAX } from './requests.js';

export type Json = Record<string, unknown>;

/** The format says it; zod's pattern beside it is half a page. */
const withoutTimePattern = ({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void => {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
};

export const plain = (schema: z.ZodType): Json => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', override: withoutTimePattern });
  return json;
};

export const ref = (id: string): Json => ({ $ref: `#/components/schemas/${id}` });
export const content = (schema: Json, type = 'application/json'): Json => ({ [type]: { schema } });
export const answer = (description: string, schema: Json): Json => ({ description, content: content(schema) });
export const problem = (description: string, schema = 'Problem'): Json => ({
  description,
  content: content(ref(schema), 'application/problem+json'),
});

export const queryParameters = (schema: z.ZodType): Json[] => {
  const { properties = {} } = plain(schema) as { properties?: Record<string, Json> };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: 'query',
    required: false,
    ...(description !== undefined && { description }),
    schema: rest,
  }));
};

export const pathParameter = (name: string, description: string): Json => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string' },
});

export const batchBody = (description: string, item: Json): Json => ({
  description,
  required: true,
  content: content({ oneOf: [item, { type: 'array', minItems: 1, maxItems: BATCH_MAX, items: item }] }),
});

export const operation = (summary: string, rest: Json, responses: Json): Json => ({
  summary,
  ...rest,
  responses: {
    ...responses,
    '400': problem('A parameter or the JSON is wrong'),
    '401': problem('The key is missing or wrong'),
    '503': problem('Busy: try again'),
  },
});

export const refusals: Json = {
  '413': problem('The body is larger than 1 MiB'),
  '415': problem('The body is not application/json'),
  '422': problem('Fields that cannot be accepted, each named; nothing was stored'),
};

export const jsonBody = (description: string, schema: z.ZodType): Json => ({
  description,
  required: true,
  content: content(plain(schema)),
});
