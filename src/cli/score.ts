import type { Command } from 'commander';
import { configOption, EXIT_CODES, withProcessIo, writeCsv, type CommandIo } from './command-io.js';
import { loadConfig, type Config } from '../config.js';
import { openDataFile } from './data-file.js';
import { readHistory, type DataHistory } from './data-history.js';
import type { Alert } from '../domain/alert.js';
import { CHANNELS, type Channel } from '../domain/decision.js';
import { transactionParser } from '../domain/parse-transaction.js';
import type { ChannelScore, ScoredTransaction } from '../domain/scored-transaction.js';
import { duration } from '../domain/time-words.js';
import { DAY_MS } from '../domain/time.js';
import { warmUpMs } from '../features/plan.js';
import { readModelFolder, type FittedModel, type LineMemory } from './model-folder.js';
import { requireWritable } from './output-file.js';
import { LocalScorer } from '../scoring/local-scorer.js';
import { MemoryScoringStore } from '../scoring/memory-store.js';
import { OnlineLine, scoreTransactions } from '../scoring/score-transactions.js';
import { createTensorBackend } from '../tensor-backend.js';

export interface ScoreOptions {
  readonly model: string;
  readonly data: string;
  readonly out: string;
  readonly config?: string;
  readonly json?: boolean;
}

const BATCH_ROWS = 1000;
const REASONS_SHOWN = 3;

export const register = (program: Command): void => {
  program
    .command('score')
    .description(
      'score a data file with a fitted model, in event order; data that begins after what the model was fitted on starts warm, ' +
        'other data is decided on once its own history fills the windows that features look back on',
    )
    .requiredOption('--model <folder>', 'folder that "fit --out" wrote')
    .requiredOption(
      '--data <file>',
      "CSV file with the schema's columns, plain or gzip; its labels, if any, count once their delay is over",
    )
    .requiredOption('--out <file>', 'CSV: id, score and p-value of the ranking and of each channel, decision, top reasons')
    .addOption(configOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXIT_CODES)
    .action((options: ScoreOptions) => withProcessIo((io) => score(options, loadConfig(options.config), io)));
};

/** The `score` command. @throws UsageError, InputError or ConfigError for wrong use */
export const score = async (options: ScoreOptions, config: Config, io: CommandIo): Promise<void> => {
  const fitted = await readModelFolder(
    options.model,
    await createTensorBackend(config.tensorBackend, (line) => io.progress.note(line)),
  );
  const { schema } = fitted.model.featureSet;
  const file = await openDataFile(options.data);
  await requireWritable(options.out, options.data);
  const history = await readHistory(file, schema, false, (share) => io.progress.report('reading', share));
  if (history.refused > 0) io.progress.note(`${history.refused} rows refused; the first: ${history.firstRefusal!}`);
  const firstMs = history.transactions[0]!.occurredAtMs;
  const goesOn = firstMs > fitted.memory.lastMs;
  const decidedFromMs = firstMs + (goesOn ? 0 : warmUpMs(fitted.model.featureSet.plan));
  if (decidedFromMs > firstMs) io.progress.note(warmUpNote(firstMs, decidedFromMs));
  const channels = CHANNELS.filter((channel) => fitted.model.detectors[channel]);
  const { rows, decided, repeats, alerts } = await scoreHistory(
    history,
    { ...fitted, memory: goesOn ? fitted.memory : null },
    { channels, decidedFromMs },
    (share) => io.progress.report('scoring', share),
  );
  const header = [schema.id === '#row' ? 'row' : schema.id, 'score', 'p'];
  for (const channel of channels) header.push(`score_${channel}`, `p_${channel}`);
  await writeCsv(options.out, [...header, 'fraud_probability', 'decision', 'lane', 'reasons'], rows);
  io.progress.stop();
  const counts = { rows: rows.length, decided, alerts, refused: history.refused, repeats };
  const share = `${((100 * alerts) / Math.max(decided, 1)).toFixed(2)} %${decided < rows.length ? ` of ${decided} decided rows` : ''}`;
  await io.write(
    options.json
      ? `${JSON.stringify({ ...counts, model: fitted.model.version, out: options.out })}\n`
      : `${rows.length} rows scored, ${alerts} alerts (${share}), written to ${options.out}\n`,
  );
};

const warmUpNote = (firstMs: number, decidedFromMs: number): string =>
  'the data begins before the end of the data that the model was fitted on: scored as a history of its own, from no memory. ' +
  `The rows of its first ${duration((decidedFromMs - firstMs) / DAY_MS)}, before ${new Date(decidedFromMs).toISOString()}, ` +
  'fill the windows that features look back on and stay undecided';

type Row = readonly (string | number)[];

/**
 * The online line over a file: batches never reach past the time at which the next label becomes known.
 *
 * Rows before `decidedFromMs` are scored, but not decided on: the calibration is of rows with full windows and says nothing
 * about them (measured: most of a first day would be alerts).
 */
const scoreHistory = async (
  { transactions, labels }: DataHistory,
  { model, calibration, policy, memory }: Omit<FittedModel, 'memory'> & { memory: LineMemory | null },
  { channels, decidedFromMs }: { readonly channels: readonly Channel[]; readonly decidedFromMs: number },
  onProgress: (share: number) => void,
): Promise<{ rows: Row[]; decided: number; repeats: number; alerts: number }> => {
  const { schema } = model.featureSet;
  const buckets = schema.entities.slice(1).map((entity) => ({ entityType: entity.name, widthMs: entity.bucketSeconds * 1000 }));
  const store = new MemoryScoringStore(buckets);
  if (memory) {
    store.seed(memory.states, memory.evidence);
    store.expectLabels(memory.fraudCells);
  }
  const parser = transactionParser(schema);
  const scorer = new LocalScorer(model, { calibration: null, policy });
  const line = new OnlineLine(schema, parser, store, scorer);
  const due = [...(memory?.pendingLabels ?? []), ...labels].sort((a, b) => a.knownAtMs - b.knownAtMs);
  const encoder = new TextEncoder();
  const rows: Row[] = [];
  let decided = 0;
  let repeats = 0;
  let alerts = 0;
  let nextLabel = 0;
  for (let from = 0; from < transactions.length;) {
    const firstMs = transactions[from]!.occurredAtMs;
    while (nextLabel < due.length && due[nextLabel]!.knownAtMs <= firstMs) store.applyLabel(due[nextLabel++]!);
    const isDecided = firstMs >= decidedFromMs;
    scorer.use({ calibration: isDecided ? calibration : null, policy });
    const untilMs = Math.min(due[nextLabel]?.knownAtMs ?? Infinity, isDecided ? Infinity : decidedFromMs);
    let to = from + 1;
    while (to < transactions.length && to - from < BATCH_ROWS && transactions[to]!.occurredAtMs < untilMs) to += 1;
    const records = transactions.slice(from, to).map((t, i) => ({
      bytes: encoder.encode(JSON.stringify(parser.toJson(t))),
      key: t.entities[0] ?? null,
      position: `file/${from + i}`,
    }));
    const outcome = await scoreTransactions(records, { kind: 'direct', name: 'file' }, line);
    if (outcome.result !== 'committed') throw new Error('a file has one reader, yet its position moved');
    const refusal = outcome.deadLetters[0];
    if (refusal) throw new Error(`${refusal.reason} (${outcome.deadLetters.length} such rows)`);
    const raised = new Map(outcome.alerts.map((alert) => [alert.transactionId, alert]));
    for (const scored of outcome.scored) rows.push(rowOf(scored, raised.get(scored.transaction.id), channels));
    if (isDecided) decided += outcome.scored.length;
    repeats += outcome.repeats.length;
    alerts += raised.size;
    from = to;
    onProgress(to / transactions.length);
  }
  return { rows, decided, repeats, alerts };
};

const rowOf = (
  { transaction, fused, channels, fraudProbability, decision }: ScoredTransaction,
  alert: Alert | undefined,
  shown: readonly Channel[],
): Row => {
  const isDecided = fused.minusLog10P !== null;
  const reasons = alert?.reasons.slice(0, REASONS_SHOWN).map((reason) => reason.text) ?? [];
  return [
    transaction.id,
    ...(isDecided ? scoreAndP(fused) : ['', '']),
    ...shown.flatMap((channel) => scoreAndP(channels[channel])),
    fraudProbability ?? '',
    isDecided ? decision.outcome : 'undecided',
    decision.lane ?? '',
    reasons.join('; '),
  ];
};

const scoreAndP = ({ score: value, minusLog10P }: ChannelScore): [number, string] => [
  value,
  minusLog10P === null ? '' : formatP(minusLog10P),
];

/** 10^-m in scientific notation, where a double would underflow too: "3.162e-405". */
export const formatP = (minusLog10P: number): string => {
  const exponent = Math.ceil(minusLog10P);
  const mantissa = (10 ** (exponent - minusLog10P)).toFixed(6);
  return exponent <= 0 ? (10 ** -minusLog10P).toFixed(6) : `${mantissa}e-${exponent}`;
};
