import { z } from 'zod';
import { limit, text } from './requests.js';
import { TRAINING_STATES, TRAINING_TRIGGERS } from '../training/ports.js';

const whole = (max: number) => {
  const expected = `a whole number from 0 to ${max}`;
  return z.number(expected).int(expected).min(0, expected).max(max, expected);
};

const cursor = text(512, 'the nextCursor of the page before').optional();
const by = text(64, 'who does it').default('api').describe('Who does it, for the log');
const why = text(400, 'a reason').optional().describe('A reason, for the log');

export const RunId = z.string().regex(/^\d{1,18}$/, 'the number of a training run');
export const ModelVersionName = text(128, 'a model version');

export const TrainingRunBody = z.strictObject(
  {
    by,
    why,
    seed: whole(2 ** 32 - 1)
      .optional()
      .describe("Seed of everything that is drawn; default: the run's number"),
  },
  'an object',
);
export type TrainingRunBody = z.output<typeof TrainingRunBody>;

export const ByBody = z.strictObject({ by, why }, 'an object');
export type ByBody = z.output<typeof ByBody>;

export const PromoteBody = z.strictObject(
  {
    by,
    why,
    expectedEpoch: whole(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('Epoch of the champion that this was decided on, 0 for none; another one by now refuses it'),
  },
  'an object',
);
export type PromoteBody = z.output<typeof PromoteBody>;

export const RetireBody = z.strictObject(
  { by, why, dropArtifact: z.boolean('true or false').default(false).describe('Remove its bytes; reports and log stay') },
  'an object',
);
export type RetireBody = z.output<typeof RetireBody>;

export const TrainingRunQuery = z.strictObject({
  state: z.enum(TRAINING_STATES, `one of ${TRAINING_STATES.join(', ')}`).optional(),
  trigger: z.enum(TRAINING_TRIGGERS, `one of ${TRAINING_TRIGGERS.join(', ')}`).optional(),
  cursor,
  limit,
});
export type TrainingRunQuery = z.output<typeof TrainingRunQuery>;

const states = ['candidate', 'challenger', 'champion', 'retired'] as const;
export const ModelQuery = z.strictObject({
  state: z.enum(states, `one of ${states.join(', ')}`).optional(),
  cursor,
  limit,
});
export type ModelQuery = z.output<typeof ModelQuery>;

export const RoleChangeQuery = z.strictObject({ limit });
export type RoleChangeQuery = z.output<typeof RoleChangeQuery>;

const days = 'a whole number from 1 to 60';
export const CompareQuery = z.strictObject({
  days: z
    .string(days)
    .regex(/^(?:[1-9]|[1-5]\d|60)$/, days)
    .default('7')
    .transform(Number)
    .describe('Days of event time, counted back from the newest event, 1 to 60'),
});
export type CompareQuery = z.output<typeof CompareQuery>;
