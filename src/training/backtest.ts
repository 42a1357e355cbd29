import { CHANNELS, type Channel, type Policy } from '../domain/decision.js';
import type { Label } from '../domain/label.js';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import { DAY_MS } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Transaction } from '../domain/transaction.js';
import { calibrateIfDue } from '../scoring/calibrate-if-due.js';
import { judgeBacktest, newTypeShare } from './judge-backtest.js';
import { memoryOf, replaySlice } from './replay-slice.js';
import { retrain, type Candidate, type RetrainContext, type RetrainInput } from './retrain.js';
import { ScoreLog } from './score-log.js';

export interface BacktestInput {
  readonly schema: TransactionSchema;
  /** In event order, from the beginning of the history to the end of the test at least. */
  readonly transactions: readonly Transaction[];
  /** The truth; `knownAtMs` says when the line may learn it. */
  readonly labels: readonly Label[];
  readonly startMs: number;
  readonly trainDays: number;
  readonly delayDays: number;
  readonly testDays: number;
  readonly policy: Policy;
  readonly parameters: RetrainInput['parameters'];
  readonly estimators: RetrainInput['estimators'];
  /** Fraud type that leaves training and counts in the test. */
  readonly holdOutType?: string;
}

export interface BacktestContext extends RetrainContext {
  /** Wall clock in milliseconds, for rows per second. */
  readonly now: () => number;
}

export interface JudgedRow {
  readonly id: string;
  readonly score: number;
  readonly channels: Readonly<Record<Channel, number>>;
}

export interface BacktestResult {
  /** Of the ranking: by `rankedBy`, a channel's score or the fused F. */
  readonly auroc: number;
  readonly auprc: number;
  readonly rankedBy: Channel | 'F';
  readonly cardPrecisionAt100: number;
  readonly trainRows: number;
  readonly trainFrauds: number;
  readonly testRows: number;
  readonly testFrauds: number;
  readonly judgedRows: number;
  readonly judgedFrauds: number;
  /** Alerts among all rows of the test, beside what the policy aimed at. */
  readonly alertRate: number;
  readonly budget: number;
  /** Share of judged frauds of a type that raised an alert; empty where the data names no types. */
  readonly recallByType: Readonly<Record<string, number>>;
  /** Share of a type's alerts that were called a new type; "legitimate" are the false alarms. Empty without known frauds enough. */
  readonly newTypeShare: Readonly<Record<string, number>>;
  /** AUROC and AP of each channel on the judged rows. */
  readonly channels: Readonly<Partial<Record<Channel, { readonly auroc: number; readonly auprc: number }>>>;
  readonly rowsPerSecond: number;
  readonly judged: readonly JudgedRow[];
}

/**
 * Trains as of the test's start and replays the test through the real online line: labels arrive when they are known,
 * a calibration is built at each event-day border.
 *
 * Judged as the Fraud Detection Handbook does: transactions of customers already known as compromised are left out.
 *
 * @throws Error when a range holds too few rows
 */
export const backtest = async (input: BacktestInput, context: BacktestContext): Promise<BacktestResult> => {
  const trainToMs = input.startMs + input.trainDays * DAY_MS;
  const testFromMs = trainToMs + input.delayDays * DAY_MS;
  const testToMs = testFromMs + input.testDays * DAY_MS;
  const labels = withoutEarly(input.labels, input.holdOutType, trainToMs);
  const heldOut = input.labels.filter((label) => label.isFraud && label.type === input.holdOutType);
  const candidate = await retrain(
    {
      schema: input.schema,
      transactions: input.transactions,
      labels,
      trainFromMs: input.startMs,
      trainToMs,
      asOfMs: testFromMs,
      policy: input.policy,
      parameters: input.parameters,
      estimators: input.estimators,
      version: 'backtest',
      ...(input.holdOutType !== undefined && { heldOutIds: new Set(heldOut.map((label) => label.transactionId)) }),
    },
    context,
  );
  const test = input.transactions.filter((t) => t.occurredAtMs >= testFromMs && t.occurredAtMs < testToMs);
  if (test.length === 0) throw new Error('the test range holds no transactions');
  const frauds = new Set(input.labels.filter((label) => label.isFraud).map((label) => label.transactionId));
  const startedAt = context.now();
  const { scored: replayed, newTypeIds } = await replay(candidate, test, labels, input, context);
  const seconds = (context.now() - startedAt) / 1000;
  const fitted = CHANNELS.filter((channel) => candidate.model.detectors[channel]);
  return {
    ...judgeBacktest(replayed, fitted, input.policy.ranking, { ...input, trainToMs, testFromMs }),
    newTypeShare: candidate.model.knownFraud ? newTypeShare(replayed, newTypeIds, input.labels) : {},
    trainRows: candidate.report.trainRows,
    trainFrauds: candidate.report.trainFrauds,
    testRows: test.length,
    testFrauds: test.filter((t) => frauds.has(t.id)).length,
    budget: candidate.calibration.nominal,
    rowsPerSecond: test.length / Math.max(seconds, 1e-3),
  };
};

/** A held-out type is reported for the first time after the training range. */
const withoutEarly = (labels: readonly Label[], type: string | undefined, trainToMs: number): readonly Label[] =>
  type === undefined ? labels : labels.filter((label) => label.type !== type || label.knownAtMs >= trainToMs);

/** The test range through the online line; a calibration is built at each event-day border from what was scored by then. */
const replay = async (
  { model, calibration: first, window, dataset }: Candidate,
  test: readonly Transaction[],
  labels: readonly Label[],
  { policy }: BacktestInput,
  { onProgress, signal }: BacktestContext,
): Promise<{ scored: readonly ScoredTransaction[]; newTypeIds: ReadonlySet<string> }> => {
  const scored: ScoredTransaction[] = [];
  const newTypeIds = new Set<string>();
  const log = new ScoreLog();
  log.addWindow(window);
  let calibration = first;
  await replaySlice({
    model,
    // Labels up to the last row of the history were applied while its features were computed.
    memory: memoryOf(dataset, dataset.transactions.at(-1)?.occurredAtMs ?? test[0]!.occurredAtMs),
    transactions: test,
    labels,
    terms: { calibration, policy },
    termsAt: async (eventMs) => {
      calibration = await calibrateIfDue(log, calibration, policy, eventMs);
      return { calibration, policy };
    },
    onRows: (rows, alerts) => {
      for (const row of rows) {
        log.add(row);
        scored.push(row);
      }
      for (const { novelty, transactionId } of alerts) if (novelty?.isNew) newTypeIds.add(transactionId);
    },
    onProgress: (share) =>
      onProgress?.('replay', { share, message: `${Math.round(share * test.length)} of ${test.length} transactions scored` }),
    ...(signal && { signal }),
  });
  return { scored, newTypeIds };
};
