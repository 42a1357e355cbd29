import { z } from 'zod';
import { TRAINING_STATES, TRAINING_TRIGGERS, type TrainingEvent, type TrainingRun } from '../training/ports.js';
import type { Flip, VersionComparison } from '../domain/version-comparison.js';
import type { ModelDetail, ModelView, RoleChange } from '../store/model-views.js';

const time = z.string().describe('RFC 3339, UTC');
const json = z.record(z.string(), z.unknown());
const data = z
  .strictObject({ from: time, to: time, hash: z.string() })
  .nullable()
  .describe('Event times of the rows that it learned from, and their hash');

export const TrainingRunAnswer = z
  .strictObject({
    id: z.string(),
    schema: z.string(),
    trigger: z.enum(TRAINING_TRIGGERS),
    requestedAt: time,
    requestedBy: z.string(),
    why: z.string(),
    dueAt: time.nullable().describe('The time of the schedule that it answers'),
    state: z.enum(TRAINING_STATES).describe('lost: its process gave no sign of life for too long'),
    holder: z.string().nullable(),
    heartbeatAt: time.nullable(),
    cancelRequestedAt: time.nullable(),
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    seed: z.number().int(),
    data,
    settings: json,
    report: json.nullable().describe('What was measured, and the verdict of the gate'),
    version: z.string().nullable().describe('The model version that it made'),
    retryOf: z.string().nullable(),
    attempt: z.number().int().describe('Grows with each restart after a loss'),
    error: z.string().nullable(),
  })
  .meta({ id: 'TrainingRun' }) satisfies z.ZodType<TrainingRun>;

export const TrainingEventAnswer = z
  .strictObject({
    sequence: z.number().int().describe('Resume a stream with it'),
    at: time,
    step: z.string(),
    share: z.number().describe('0 to 1 within the step'),
    message: z.string(),
  })
  .meta({ id: 'TrainingEvent' }) satisfies z.ZodType<TrainingEvent>;

export const RoleChangeAnswer = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['promote', 'rollback', 'challenge', 'relieve', 'retire']),
    version: z.string(),
    replaced: z.string().nullable().describe('The champion that had to go'),
    epoch: z.number().int().describe('Of the role, after the change'),
    at: time,
    by: z.string(),
    why: z.string(),
  })
  .meta({ id: 'RoleChange' }) satisfies z.ZodType<RoleChange>;

export const ModelAnswer = z
  .strictObject({
    version: z.string(),
    schema: z.string(),
    state: z
      .enum(['candidate', 'challenger', 'champion', 'retired'])
      .describe('champion decides, challengers score beside it, a candidate has no role, what is retired never comes back'),
    since: time.nullable().describe('When it came into its role'),
    epoch: z.number().int().nullable().describe('Of its role; a promotion may name the one that it saw'),
    trainedAt: time,
    featureSet: z.string(),
    schemaHash: z.string().nullable(),
    checksum: z.string(),
    isSigned: z.boolean(),
    artifactBytes: z.number().int().nullable().describe('Null: dropped after it was retired'),
    data,
    parent: z.string().nullable().describe('The champion that it was held against'),
    trainingRun: z.string().nullable(),
  })
  .meta({ id: 'Model' }) satisfies z.ZodType<ModelView>;

export const ModelDetailAnswer = ModelAnswer.extend({
  report: json,
  gate: json.nullable(),
  changes: z.array(RoleChangeAnswer).describe('Newest first, at most 100'),
}).meta({ id: 'ModelDetail' }) satisfies z.ZodType<ModelDetail>;

const nextCursor = z.string().nullable().describe('Opaque; null on the last page');
export const TrainingRunPage = z.strictObject({ items: z.array(TrainingRunAnswer), nextCursor }).meta({ id: 'TrainingRunPage' });
export const ModelPage = z.strictObject({ items: z.array(ModelAnswer), nextCursor }).meta({ id: 'ModelPage' });
export const RoleChangePage = z.strictObject({ items: z.array(RoleChangeAnswer), nextCursor }).meta({ id: 'RoleChangePage' });

const share = z
  .strictObject({ count: z.number(), of: z.number(), share: z.number().nullable(), low: z.number(), high: z.number() })
  .describe('With a 95 % interval that takes rows as independent');
const compared = z.strictObject({
  version: z.string(),
  alerts: share,
  alertsPerDay: z.number().nullable(),
  caughtFrauds: share.describe('Alerts among the frauds that are known'),
  falseAlarms: share.describe('Alerts among what is labelled as legitimate, or still unlabelled after the label delay'),
});
const onRow = z.strictObject({
  outcome: z.enum(['approve', 'review', 'decline']),
  lane: z.enum(['S', 'T', 'H', 'D']).nullable(),
  minusLog10P: z.number(),
  reason: z.string().nullable().describe('Of what was alerted on in earnest'),
});

export const FlipAnswer = z
  .strictObject({
    transactionId: z.string(),
    occurredAt: time,
    entities: z.record(z.string(), z.string()),
    amount: z.string().nullable(),
    currency: z.string().nullable(),
    label: z.enum(['fraud', 'legitimate']).nullable(),
    a: onRow,
    b: onRow,
  })
  .meta({ id: 'Flip' }) satisfies z.ZodType<Flip>;

const flips = z.strictObject({
  rows: z.number(),
  frauds: z.number(),
  legitimate: z.number(),
  examples: z.array(FlipAnswer).describe('Those whose p-values are furthest apart, at most 10'),
});

export const VersionComparisonAnswer = z
  .strictObject({
    a: compared,
    b: compared,
    from: time,
    to: time,
    rows: z.number().describe('That both decided, or would have'),
    everyNth: z.number().int().describe('Above 1: there are very many rows, and counts are of every n-th'),
    undecided: z.number().describe('That both scored and one had no calibration for'),
    rowsPerDay: z.number().nullable(),
    budgetPerDay: z.number().nullable(),
    rankCorrelation: z.number().nullable().describe("Spearman's, of the fused p-values"),
    sameDecision: share,
    alertsOfBoth: z.number(),
    onlyA: flips.describe('Alerts of a that b does not raise'),
    onlyB: flips,
  })
  .meta({ id: 'VersionComparison' }) satisfies z.ZodType<VersionComparison>;
