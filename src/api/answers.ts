import { z } from 'zod';
import type { Alert, NearestTypical, Novelty, Reason, UsualValue } from '../domain/alert.js';
import type { Label } from '../domain/label.js';
import type { ChannelScore, Versions } from '../domain/scored-transaction.js';
import type {
  AlertPattern,
  AlertView,
  DeadLetterView,
  StreamStatus,
  TransactionDetail,
  TransactionView,
} from '../store/query-types.js';

/**
 * The answers as zod schemas: the API document is made from them and tests check real answers against them.
 * `satisfies` ties each to its domain type, so the two cannot drift apart.
 */
const channel = z.enum(['S', 'T', 'H', 'D']).describe('S supervised, T directional tails, H Markov filter, D density');
const outcome = z.enum(['approve', 'review', 'decline']);
const time = z.string().describe('RFC 3339, UTC');
const value = z.union([z.number(), z.string()]);

export const ChannelScoreAnswer = z
  .strictObject({
    score: z.number().describe('Raw score; higher = more anomalous'),
    minusLog10P: z
      .number()
      .nullable()
      .describe('-log10 of the conformal p-value: 3 means 1 in 1,000; null until a calibration exists'),
  })
  .meta({ id: 'ChannelScore' }) satisfies z.ZodType<ChannelScore>;

export const ChannelsAnswer = z
  .strictObject({ S: ChannelScoreAnswer, T: ChannelScoreAnswer, H: ChannelScoreAnswer, D: ChannelScoreAnswer })
  .meta({ id: 'Channels' });

export const VersionsAnswer = z
  .strictObject({ model: z.string(), calibration: z.string(), policy: z.string(), featureSet: z.string() })
  .meta({ id: 'Versions' }) satisfies z.ZodType<Versions>;

export const UsualAnswer = z
  .strictObject({ low: value, median: value, high: value, basis: z.enum(['entity', 'model']) })
  .describe('5-95 % interval and median')
  .meta({ id: 'UsualValue' }) satisfies z.ZodType<UsualValue>;

export const ReasonAnswer = z
  .strictObject({
    channel,
    feature: z.string(),
    field: z.string(),
    nats: z.number().describe('T and D: surprisal; S: contribution in log-odds; H: log-odds of the entity'),
    observed: value,
    usual: UsualAnswer.nullable(),
    text: z.string(),
  })
  .meta({ id: 'Reason' }) satisfies z.ZodType<Reason>;

const entities = z.record(z.string(), z.string()).describe('Entity type to id');

export const NoveltyAnswer = z
  .strictObject({
    isNew: z.boolean().describe('Unlike ordinary traffic and unlike known fraud'),
    knownFraudP: z.number().describe('Share of known frauds at least as surprising under the density of known fraud'),
    knownFrauds: z.number().int(),
  })
  .meta({ id: 'Novelty' }) satisfies z.ZodType<Novelty>;

export const NearestTypicalAnswer = z
  .strictObject({
    changes: z.array(
      z.strictObject({
        feature: z.string(),
        field: z.string(),
        observed: value,
        typical: value.nullable().describe('Null where the column says only that the observed value is unusual'),
      }),
    ),
    text: z.string(),
  })
  .describe('The fewest fields found whose usual values would make the transaction ordinary')
  .meta({ id: 'NearestTypical' }) satisfies z.ZodType<NearestTypical>;

export const AlertAnswer = z
  .strictObject({
    id: z.string(),
    schema: z.string(),
    transactionId: z.string(),
    occurredAt: time,
    entities,
    amount: z.string().nullable(),
    currency: z.string().nullable(),
    outcome: z.enum(['review', 'decline']),
    lane: channel,
    bound: z.string().describe('The statement of the policy that set the threshold'),
    fraudProbability: z.number().nullable(),
    channels: ChannelsAnswer,
    fused: ChannelScoreAnswer,
    versions: VersionsAnswer,
    reasons: z.array(ReasonAnswer).describe('Largest first, at most 5'),
    typical: NearestTypicalAnswer.nullable().describe('Null where no few changes make it ordinary'),
    pattern: z.string().describe('What alerts that are alike have in common'),
    novelty: NoveltyAnswer.nullable().describe('Null where too few frauds are known to say'),
    sentence: z.string(),
  })
  .meta({ id: 'Alert' }) satisfies z.ZodType<Alert>;

export const LabelAnswer = z
  .strictObject({
    transactionId: z.string(),
    isFraud: z.boolean(),
    type: z.string().nullable(),
    source: z.string(),
    knownAtMs: z.number().int(),
  })
  .meta({ id: 'Label' }) satisfies z.ZodType<Label>;

export const AlertViewAnswer = z
  .strictObject({
    sequence: z.string().describe('Place among the alerts; resume a stream with it'),
    alert: AlertAnswer,
    label: z.enum(['fraud', 'legitimate']).nullable(),
  })
  .meta({ id: 'AlertView' }) satisfies z.ZodType<AlertView>;

export const TransactionAnswer = z
  .strictObject({
    id: z.string(),
    occurredAt: time,
    entities,
    amount: z.string().nullable(),
    currency: z.string().nullable(),
    fields: z.record(z.string(), z.union([z.number(), z.string(), z.null()])),
    channels: ChannelsAnswer,
    fused: ChannelScoreAnswer,
    fraudProbability: z.number().nullable(),
    outcome,
    late: z.boolean(),
    versions: VersionsAnswer,
  })
  .meta({ id: 'Transaction' }) satisfies z.ZodType<TransactionView>;

export const TransactionDetailAnswer = TransactionAnswer.extend({
  features: z.record(z.string(), z.number().nullable()).describe('The served feature vector'),
  alert: AlertAnswer.nullable(),
  labels: z.array(LabelAnswer),
}).meta({ id: 'TransactionDetail' }) satisfies z.ZodType<TransactionDetail>;

export const DecisionAnswer = z
  .strictObject({
    id: z.string(),
    repeat: z.boolean().describe('True: decided before, with the same content; this is the first decision'),
    outcome,
    channels: ChannelsAnswer,
    fused: ChannelScoreAnswer,
    fraudProbability: z.number().nullable(),
    late: z.boolean(),
    versions: VersionsAnswer,
    alert: AlertAnswer.nullable().describe('With its reasons; null when approved'),
  })
  .meta({ id: 'Decision' });

export const DecisionsAnswer = z.strictObject({ items: z.array(DecisionAnswer) }).meta({ id: 'Decisions' });

export const LabelsAnswer = z
  .strictObject({
    stored: z.number().int(),
    unknown: z.number().int().describe('Stored, but no such transaction has been scored yet'),
    unchanged: z.number().int().describe('Had been stored before'),
  })
  .meta({ id: 'LabelsStored' });

export const StatusAnswer = z
  .strictObject({
    transactions: z.number(),
    transactionsPerMinute: z.number(),
    alerts: z.number(),
    deadLetters: z.number(),
    repeats: z.number(),
    newestOccurredAt: time.nullable(),
    alertRate: z.number().nullable().describe('Share of alerts among the rows of the last 7 event days'),
    budget: z.number().nullable(),
    model: z.string().nullable(),
    calibration: z.string().nullable(),
  })
  .meta({ id: 'Status' }) satisfies z.ZodType<StreamStatus>;

export const DeadLetterAnswer = z
  .strictObject({
    position: z.string().describe('Where it came from: `topic/partition/offset`, `http/request/number`, …'),
    key: z.string().nullable().describe('Key of its Kafka record'),
    reason: z.string().describe('Everything that is wrong with it'),
    receivedAt: time,
    retriedAt: time.nullable().describe('When it was last sent back to its topic'),
    size: z.number().int().describe('Bytes of the original record'),
  })
  .meta({ id: 'DeadLetter' }) satisfies z.ZodType<DeadLetterView>;

const nextCursor = z.string().nullable().describe('Opaque; null on the last page');
export const AlertPage = z.strictObject({ items: z.array(AlertViewAnswer), nextCursor }).meta({ id: 'AlertPage' });
export const AlertPatternAnswer = z
  .strictObject({
    pattern: z.string(),
    newType: z.boolean(),
    alerts: z.number().int(),
    firstAt: time,
    lastAt: time,
    frauds: z.number().int().describe('Labelled as fraud by now'),
    legitimate: z.number().int().describe('Labelled as legitimate by now'),
  })
  .meta({ id: 'AlertPattern' }) satisfies z.ZodType<AlertPattern>;
export const AlertPatternPage = z
  .strictObject({ items: z.array(AlertPatternAnswer), nextCursor })
  .meta({ id: 'AlertPatternPage' });
export const DeadLetterPage = z.strictObject({ items: z.array(DeadLetterAnswer), nextCursor }).meta({ id: 'DeadLetterPage' });
export const TransactionPage = z.strictObject({ items: z.array(TransactionAnswer), nextCursor }).meta({ id: 'TransactionPage' });

export const ReadinessAnswer = z
  .strictObject({ ok: z.boolean(), checks: z.record(z.string(), z.string()) })
  .meta({ id: 'Readiness' });
export const LiveAnswer = z.strictObject({ ok: z.literal(true) }).meta({ id: 'Live' });

export const ProblemAnswer = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    problems: z
      .array(z.strictObject({ field: z.string(), value: z.string(), expected: z.string() }))
      .optional()
      .describe('Each field that is wrong, what it held, what was expected'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });

export const ConflictAnswer = ProblemAnswer.extend({
  items: z
    .array(DecisionAnswer)
    .optional()
    .describe('Decisions of the other rows of the batch, in order: they were scored and stored; absent if there are none'),
}).meta({ id: 'Conflict', description: 'A problem: ids that came before with other content' });
