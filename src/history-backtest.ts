import type { DataSource } from 'typeorm';
import { storedRecords, topicRecords, type RecordSource } from './backtest-records.js';
import { replayRecords, WaitingLabels } from './backtest-replay.js';
import { backtestTerms } from './backtest-terms.js';
import { summarise, type BacktestSummary } from './backtest-summary.js';
import type { Config } from './config.js';
import type { Policy } from './domain/decision.js';
import type { Label } from './domain/label.js';
import { transactionParser } from './domain/parse-transaction.js';
import { DAY_MS } from './domain/time.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import { MARKOV_DAYS, labelDelayMs } from './features/plan.js';
import { rememberInThread } from './memory-thread.js';
import type { StoredModel } from './scoring/ports.js';
import { OnlineLine } from './scoring/score-transactions.js';
import { readFeatureSet } from './scoring/scoring-model.js';
import { createStores, type Stores } from './service-stores.js';
import { openBacktestSchema } from './store/backtest-schema.js';
import { BacktestStore, type BacktestSpan } from './store/backtest.store.js';
import { newestRowsFrom, storedSpan } from './store/history-bounds.js';
import { HistoryStore } from './store/history.store.js';
import { RememberedFrauds } from './store/remembered-frauds.js';
import type { TopicRange } from './stream/topic-range.js';
import { UsageError } from './usage-error.js';
import { WorkerPool } from './worker-pool.js';

/** Through the line, some thousand rows a second; figures of so many fit in memory. */
const ROWS_MAX = 2_000_000;
/** Of the history before, of which features are computed and nothing else. */
const MEMORY_ROWS_MAX = 20_000_000;
const LABELS_MAX = 1_000_000;

export interface HistoryBacktest {
  readonly config: Config;
  /** The service's database, which is read and never written to. */
  readonly live: DataSource;
  readonly schema: TransactionSchema;
  readonly model: StoredModel;
  readonly policy: Policy;
  readonly span: BacktestSpan;
  /** Null: stored history. */
  readonly topic: TopicRange | null;
  readonly keep: boolean;
  /** Flips that are listed of each kind. */
  readonly flipsMax: number;
  readonly signal: AbortSignal;
  readonly onProgress: (step: string, share: number, message: string) => void;
  readonly say: (line: string) => void;
}

export interface HistoryBacktestResult extends BacktestSummary {
  /** In words. */
  readonly source: string;
  /** Records of a topic whose event times are not of the span. */
  readonly outside: number;
  readonly rowsPerSecond: number;
  /** What has to be known to read the figures. */
  readonly notes: readonly string[];
  /** The database schema that was kept. */
  readonly kept: string | null;
}

/** Days that a backtest is made of, UTC epoch milliseconds. */
interface Course extends BacktestSpan {
  /** Features of stored history from here on are learned. */
  readonly rememberFromMs: number;
  /** From here on rows are scored: the window of the first calibration. */
  readonly scoreFromMs: number;
  /** From here on they are decided: a calibration holds for whole days. */
  readonly decideFromMs: number;
  /** Of all that is stored. */
  readonly newestMs: number;
}

/**
 * A span of the past through the online line, with any stored model and policy, in a database schema of its own.
 *
 * @throws UsageError when there is nothing to replay, or too much; rejects with the signal's reason when aborted
 */
export const backtestHistory = async (given: HistoryBacktest): Promise<HistoryBacktestResult> => {
  const { live, config, schema, span, topic } = given;
  const past = new BacktestStore(live, schema);
  const { course, notes } = await courseOf(given, past);
  const labels = await past.fraudLabels(span.toMs, LABELS_MAX);
  const database = await openBacktestSchema(live, given.say);
  const broken = new AbortController();
  const signal = AbortSignal.any([given.signal, broken.signal]);
  const pool = new WorkerPool(1, config.tensorBackend, (error) => broken.abort(error), given.say);
  let isDone = false;
  try {
    const stores = createStores(database.dataSource, schema, false);
    const remembered = new RememberedFrauds(database.dataSource, schema);
    const waiting = await remember({ ...given, signal }, course, labels, stores, remembered);
    if (topic) await past.copyKnownIds(database.name, course.scoreFromMs);
    const replayed = await replay({ ...given, signal }, course, new WaitingLabels(waiting), { past, stores, remembered, pool });
    const { summary, notes: liveNotes } = await summarise({ ...given, past, here: database, newestMs: course.newestMs });
    if (summary.rows === 0) throw new UsageError(`${replayed.source} holds no transaction of the span that could be scored`);
    isDone = true;
    return { ...summary, ...replayed, notes: [...notes, ...liveNotes], kept: given.keep ? database.name : null };
  } finally {
    await pool.stop();
    // What cannot be dropped now, because the server is away, is dropped by the next backtest.
    await database
      .close(isDone && given.keep)
      .catch((error: Error) => given.say(`${database.name} is left behind: ${error.message}`));
  }
};

const courseOf = async (
  { live, span, policy, topic, schema }: HistoryBacktest,
  past: BacktestStore,
): Promise<{ readonly course: Course; readonly notes: readonly string[] }> => {
  const stored = await storedSpan(live);
  if (!stored) throw new UsageError('no transaction is stored yet: there is no history to look back on');
  const decideFromMs = Math.floor(span.fromMs / DAY_MS) * DAY_MS;
  const scoreFromMs = decideFromMs - policy.windowDays * DAY_MS;
  if (!topic && (await past.countRows(span, 0)) === 0)
    throw new UsageError(
      `no transaction is stored from ${iso(span.fromMs)} to ${iso(span.toMs)}: the history goes from ${iso(stored.firstMs)} ` +
        `to ${iso(stored.newestMs)}`,
    );
  const rows =
    (await past.countRows({ fromMs: scoreFromMs, toMs: topic ? span.fromMs : span.toMs }, ROWS_MAX)) + (topic?.records ?? 0);
  if (rows > ROWS_MAX)
    throw new UsageError(
      `more than ${ROWS_MAX} transactions from ${iso(scoreFromMs)}, where the window of the first calibration begins, ` +
        `to ${iso(span.toMs)}: choose a shorter span`,
    );
  const boundMs = await newestRowsFrom(live, scoreFromMs, MEMORY_ROWS_MAX);
  const rememberFromMs = Math.max(stored.firstMs, boundMs ?? -Infinity);
  return {
    course: { ...span, rememberFromMs, scoreFromMs, decideFromMs, newestMs: stored.newestMs },
    notes: memoryNotes(schema, rememberFromMs, span),
  };
};

const memoryNotes = (schema: TransactionSchema, rememberFromMs: number, { fromMs }: BacktestSpan): string[] => {
  if (schema.entities.length === 0) return [];
  const lookBackDays = MARKOV_DAYS + labelDelayMs(schema) / DAY_MS;
  const days = (fromMs - rememberFromMs) / DAY_MS;
  if (days >= lookBackDays) return [];
  return [
    `the stored history begins ${Math.max(0, days).toFixed(1)} days before --from, features look back on up to ${lookBackDays}: ` +
      'what a service knew of earlier days (the memory of a model that was promoted from a folder) is not in these figures',
  ];
};

/**
 * Fills the memory of the database schema with what the line remembered when scoring begins.
 *
 * @returns labels that become known after that
 */
const remember = async (
  { live, model, signal, onProgress }: HistoryBacktest,
  { rememberFromMs, scoreFromMs }: Course,
  labels: readonly Label[],
  { scoring }: Stores,
  remembered: RememberedFrauds,
): Promise<readonly Label[]> => {
  let learnedUntilMs = -Infinity;
  let rows = 0;
  const history = async function* () {
    for await (const chunk of new HistoryStore(live).history(rememberFromMs, scoreFromMs)) {
      rows += chunk.length;
      learnedUntilMs = chunk.at(-1)!.transaction.occurredAtMs;
      onProgress('memory', (learnedUntilMs - rememberFromMs) / (scoreFromMs - rememberFromMs), `${rows} transactions`);
      yield chunk.map(({ transaction }) => transaction);
    }
  };
  const source = { kind: 'direct', name: 'backtest' } as const;
  const nothing = { rows: [], alerts: [], deadLetters: [], repeats: [] };
  const { featureSet } = model.version;
  for await (const { states, evidence, fraudCells } of rememberInThread(model.artifact, labels, history(), signal)) {
    remembered.expect(fraudCells);
    const memory = { states: states.map((state) => ({ ...state, version: 0 })), evidence };
    if ((await scoring.commit({ source, featureSet, ...nothing, ...memory })) !== 'committed')
      throw new Error('another program writes to the database schema of this backtest');
  }
  if (rows > 0) onProgress('memory', 1, `${rows} transactions`);
  // One that came before its transaction waits for it in the line.
  return labels.filter(({ knownAtMs, transactionId }) => knownAtMs > learnedUntilMs || !remembered.has(transactionId));
};

interface ReplayParts {
  readonly past: BacktestStore;
  readonly stores: Stores;
  readonly remembered: RememberedFrauds;
  readonly pool: WorkerPool;
}

const replay = async (
  { live, schema, model, policy, topic, signal, onProgress, span }: HistoryBacktest,
  course: Course,
  labels: WaitingLabels,
  { past, stores, remembered, pool }: ReplayParts,
): Promise<{ readonly rowsPerSecond: number; readonly outside: number; readonly source: string }> => {
  const { id, lookBackMs } = readFeatureSet(model.artifact);
  await pool.useModel(model.artifact, { featureSet: id, lookBackMs }, { calibration: null, policy });
  const { version } = model.version;
  const termsAt = backtestTerms({ past, calibrations: stores.calibrations, version, policy, decideFromMs: course.decideFromMs });
  const parser = transactionParser(schema);
  const history = new HistoryStore(live);
  const before = storedRecords(history, parser, { fromMs: course.scoreFromMs, toMs: topic ? span.fromMs : span.toMs });
  const sources: RecordSource[] = topic ? [before, topicRecords(topic, span)] : [before];
  const startedMs = performance.now();
  let rows = 0;
  for (const source of sources)
    await replayRecords(source, labels, {
      line: new OnlineLine(schema, parser, stores.scoring, pool),
      labels: stores.labels,
      remembered,
      useTerms: (terms) => pool.useTerms(terms),
      termsAt,
      onBatch: (count, clockMs) => {
        rows += count;
        const share = (clockMs - course.scoreFromMs) / (span.toMs - course.scoreFromMs);
        onProgress('replay', Math.min(share, 0.999), `${rows} transactions, ${iso(clockMs)}`);
      },
      signal,
    });
  onProgress('replay', 1, `${rows} transactions`);
  const last = sources.at(-1)!;
  return {
    rowsPerSecond: rows / Math.max((performance.now() - startedMs) / 1000, 1e-3),
    outside: last.outside(),
    source: last.name,
  };
};

const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
