import type { DataSource } from 'typeorm';
import { learnedNotes, memoryNotes } from './notes.js';
import { storedRecords, topicRecords, type RecordSource } from './records.js';
import { replayRecords } from './replay.js';
import { backtestTerms } from './terms.js';
import { summarise, type BacktestSummary } from './summary.js';
import type { Config } from '../config.js';
import type { Policy } from '../domain/decision.js';
import type { Label } from '../domain/label.js';
import { transactionParser } from '../domain/parse-transaction.js';
import { DAY_MS, isoMinute } from '../domain/time.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { rememberInThread } from './memory-thread.js';
import type { StoredModel } from '../scoring/ports.js';
import { OnlineLine } from '../scoring/score-transactions.js';
import { readFeatureSet } from '../scoring/scoring-model.js';
import { createStores, type Stores } from '../service-stores.js';
import { openBacktestSchema, type BacktestSchema } from '../store/backtest-schema.js';
import { BacktestStore, type BacktestSpan } from '../store/backtest.store.js';
import { isConnectionLost } from '../store/connection-lost.js';
import { newestRowsFrom, storedSpan } from '../store/history-bounds.js';
import { HistoryStore } from '../store/history.store.js';
import { RememberedFrauds } from '../store/remembered-frauds.js';
import type { TopicRange } from '../stream/topic-range.js';
import { WaitingLabels } from '../training/waiting-labels.js';
import { UsageError } from '../usage-error.js';
import { WorkerPool } from '../threads/worker-pool.js';

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
  /** What has to be known to read the figures; first whether the model has learned from the rows that it is judged on. */
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
  const { live, schema, span, model } = given;
  const past = new BacktestStore(live, schema);
  const course = await courseOf(given, past);
  const labels = await past.fraudLabels(span.toMs, LABELS_MAX);
  if (labels.length > LABELS_MAX)
    throw new UsageError(
      `more than ${LABELS_MAX} labels of frauds were known by ${isoMinute(span.toMs)}: choose an earlier --to`,
    );
  const first = await past.firstCalibration(model.version.version);
  const notes = [...learnedNotes(model.version, first, span.fromMs), ...memoryNotes(schema, course.rememberFromMs, span.fromMs)];
  return inOwnSchema(given, (database) =>
    withPool(given, async (pool, signal) => {
      const result = await judge({ ...given, signal }, course, labels, { past, database, pool });
      return { ...result, notes: [...notes, ...result.notes] };
    }),
  );
};

/** Drops the database schema whatever happens; what cannot be dropped now, because the server is away, the next backtest drops. */
const inOwnSchema = async <T>(
  { live, keep, say }: HistoryBacktest,
  work: (database: BacktestSchema) => Promise<T>,
): Promise<T> => {
  const database = await openBacktestSchema(live, say);
  const lost = `the database was stopped, or the way to it is gone; the next backtest drops ${database.name}`;
  let isDone = false;
  try {
    const result = await work(database);
    isDone = true;
    return result;
  } catch (error) {
    throw isConnectionLost(error) ? new Error(lost, { cause: error }) : error;
  } finally {
    await database.close(isDone && keep).catch((error: Error) => {
      if (!isConnectionLost(error)) say(`${database.name} is left behind: ${error.message}`);
      else if (isDone) say(lost);
    });
  }
};

/** With a thread of its own to score; `work` is aborted when it breaks. */
const withPool = async <T>(
  { config, signal, say }: HistoryBacktest,
  work: (pool: WorkerPool, signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const broken = new AbortController();
  const pool = new WorkerPool(1, config.tensorBackend, (error) => broken.abort(error), say);
  try {
    return await work(pool, AbortSignal.any([signal, broken.signal]));
  } finally {
    await pool.stop();
  }
};

const judge = async (
  given: HistoryBacktest,
  course: Course,
  labels: readonly Label[],
  { past, database, pool }: { readonly past: BacktestStore; readonly database: BacktestSchema; readonly pool: WorkerPool },
): Promise<HistoryBacktestResult> => {
  const { schema, topic, keep } = given;
  const stores = createStores(database.dataSource, schema, false);
  const remembered = new RememberedFrauds(database.dataSource, schema);
  const waiting = await remember(given, course, labels, stores, remembered);
  // As far back as rows are remembered: older ones are outside the span, and their number has no bound.
  if (topic) await past.copyKnownIds(database.name, { fromMs: course.rememberFromMs, toMs: course.scoreFromMs });
  const replayed = await replay(given, course, new WaitingLabels(waiting), { past, stores, remembered, pool });
  const { summary, notes } = await summarise({ ...given, past, here: database, newestMs: course.newestMs });
  if (summary.rows === 0) throw new UsageError(`${replayed.source} holds no transaction of the span that could be scored`);
  return { ...summary, ...replayed, notes: [...replayed.notes, ...notes], kept: keep ? database.name : null };
};

const courseOf = async ({ live, span, policy, topic }: HistoryBacktest, past: BacktestStore): Promise<Course> => {
  const stored = await storedSpan(live);
  if (!stored) throw new UsageError('no transaction is stored yet: there is no history to look back on');
  const decideFromMs = Math.floor(span.fromMs / DAY_MS) * DAY_MS;
  const scoreFromMs = decideFromMs - policy.windowDays * DAY_MS;
  if (!topic && (await past.countRows(span, 0)) === 0)
    throw new UsageError(
      `no transaction is stored from ${isoMinute(span.fromMs)} to ${isoMinute(span.toMs)}: the history goes from ${isoMinute(stored.firstMs)} ` +
        `to ${isoMinute(stored.newestMs)}`,
    );
  const rows =
    (await past.countRows({ fromMs: scoreFromMs, toMs: topic ? span.fromMs : span.toMs }, ROWS_MAX)) + (topic?.records ?? 0);
  if (rows > ROWS_MAX)
    throw new UsageError(
      `more than ${ROWS_MAX} transactions from ${isoMinute(scoreFromMs)}, where the window of the first calibration begins, ` +
        `to ${isoMinute(span.toMs)}: choose a shorter span`,
    );
  const boundMs = await newestRowsFrom(live, scoreFromMs, MEMORY_ROWS_MAX);
  const rememberFromMs = Math.max(stored.firstMs, boundMs ?? -Infinity);
  return { ...span, rememberFromMs, scoreFromMs, decideFromMs, newestMs: stored.newestMs };
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
): Promise<Pick<HistoryBacktestResult, 'rowsPerSecond' | 'outside' | 'source' | 'notes'>> => {
  const { id, lookBackMs } = readFeatureSet(model.artifact);
  await pool.useModel(model.artifact, { featureSet: id, lookBackMs }, { calibration: null, policy });
  const { version } = model.version;
  const notes: string[] = [];
  const { decideFromMs } = course;
  const onNote = (note: string): void => void notes.push(note);
  const termsAt = backtestTerms({ past, calibrations: stores.calibrations, version, policy, decideFromMs, onNote });
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
        onProgress('replay', Math.min(share, 0.999), `${rows} transactions, ${isoMinute(clockMs)}`);
      },
      signal,
    });
  onProgress('replay', 1, `${rows} transactions`);
  const last = sources.at(-1)!;
  return {
    rowsPerSecond: rows / Math.max((performance.now() - startedMs) / 1000, 1e-3),
    outside: last.outside(),
    source: last.name,
    notes,
  };
};
