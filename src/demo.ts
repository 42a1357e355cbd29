import type { Config } from './config.js';
import type { Alert } from './domain/alert.js';
import type { Label } from './domain/label.js';
import { transactionParser } from './domain/parse-transaction.js';
import { DAY_MS } from './domain/time.js';
import type { Transaction } from './domain/transaction.js';
import { problemSentence } from './domain/transaction.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import type { FitProgress } from './models/detector.js';
import { createWorld, type World } from './synthetic/world.js';
import { defaultEstimators } from './training/retrain.js';
import type { TrainedModel } from './service-stores.js';
import type { Retrained } from './threads/worker-messages.js';
import { versionName } from './version-name.js';
import { retrainInThread } from './threads/training-thread.js';

/** First day of every demo world: fixed, so that a seed alone says what happens. */
const DEMO_START_MS = Date.UTC(2026, 0, 1);
/** Rows after these days are calibrated and judged on. */
const CALIBRATION_DAYS = 10;

/** What a database remembers of its demo: another seed needs another home. */
export interface DemoSettings {
  readonly seed: number;
  readonly customers: number;
  readonly merchants: number;
  readonly historyDays: number;
}

export const demoWorld = (
  settings: DemoSettings,
  schema: TransactionSchema,
): { world: World; startMs: number; historyEndMs: number } => ({
  world: createWorld({
    seed: settings.seed,
    customers: settings.customers,
    merchants: settings.merchants,
    startMs: DEMO_START_MS,
    labelDelayDays: schema.label?.delayDays ?? 3,
  }),
  startMs: DEMO_START_MS,
  historyEndMs: DEMO_START_MS + settings.historyDays * DAY_MS,
});

/** Trains the demo's first champion on its history, in a thread of its own. */
export const trainDemoChampion = async (
  settings: DemoSettings,
  schema: TransactionSchema,
  config: Config,
  options: { readonly onProgress: (step: string, progress: FitProgress) => void; readonly signal: AbortSignal },
): Promise<Retrained & Pick<TrainedModel, 'version' | 'trainedAtMs' | 'driftReference'>> => {
  const { world, historyEndMs } = demoWorld(settings, schema);
  const { transactions, labels } = demoHistory(world, settings.historyDays, schema, options.onProgress);
  const version = versionName(schema.name, historyEndMs, { ...settings, rows: transactions.length });
  const retrained = await retrainInThread(
    {
      schema,
      transactions,
      labels,
      trainFromMs: DEMO_START_MS + 7 * DAY_MS,
      trainToMs: historyEndMs - CALIBRATION_DAYS * DAY_MS,
      asOfMs: historyEndMs,
      policy: config.policy,
      parameters: config.models,
      estimators: defaultEstimators(schema),
      version,
      drift: config.training.drift,
    },
    { seed: settings.seed, backend: config.tensorBackend, ...options },
  );
  const { drift: driftReference = null, ...report } = retrained.report;
  return { ...retrained, report, driftReference, version, trainedAtMs: historyEndMs };
};

const demoHistory = (
  world: World,
  days: number,
  schema: TransactionSchema,
  onProgress: (step: string, progress: FitProgress) => void,
): { transactions: Transaction[]; labels: Label[] } => {
  const parser = transactionParser(schema);
  const transactions: Transaction[] = [];
  const labels: Label[] = [];
  for (let day = 0; day < days; day += 1) {
    const { transactions: records, truth } = world.day(day);
    for (const record of records) {
      const parsed = parser.fromObject(record);
      if (!parsed.ok) throw new Error(`the demo world broke its own schema: ${problemSentence(parsed.problems)}`);
      transactions.push(parsed.transaction);
    }
    for (const t of truth)
      if (t.isFraud)
        labels.push({ transactionId: t.transactionId, isFraud: true, type: t.type, source: 'demo', knownAtMs: t.knownAtMs });
    onProgress('world', { share: (day + 1) / days, message: `${transactions.length} transactions of ${day + 1} days` });
  }
  return { transactions, labels };
};

/** One readable line an alert. */
export const alertLine = (alert: Alert): string => `${alert.occurredAt.slice(0, 16).replace('T', ' ')}  ${alert.sentence}`;
