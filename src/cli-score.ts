import type { Command } from 'commander';
import { configOption, EXIT_CODES, withProcessIo, writeCsv, type CommandIo } from './command-io.js';
import { loadConfig, type Config } from './config.js';
import { openDataFile } from './data-file.js';
import { readHistory, type DataHistory } from './data-history.js';
import type { Alert } from './domain/alert.js';
import { CHANNELS, type Channel } from './domain/decision.js';
import { transactionParser } from './domain/parse-transaction.js';
import type { ChannelScore, ScoredTransaction } from './domain/scored-transaction.js';
import { readModelFolder, type FittedModel, type LineMemory } from './model-folder.js';
import { LocalScorer } from './scoring/local-scorer.js';
import { MemoryScoringStore } from './scoring/memory-store.js';
import { OnlineLine, scoreTransactions } from './scoring/score-transactions.js';
import { createTensorBackend } from './tensor-backend.js';

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
      'score a data file with a fitted model, in event order; data that begins after what the model was fitted on starts warm',
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
  const fitted = await readModelFolder(options.model, createTensorBackend(config.tensorBackend));
  const { schema } = fitted.model.featureSet;
  const file = await openDataFile(options.data);
  const history = await readHistory(file, schema, false, (share) => io.progress.report('reading', share));
  if (history.refused > 0) io.progress.note(`${history.refused} rows refused; the first: ${history.firstRefusal!}`);
  const goesOn = history.transactions[0]!.occurredAtMs > fitted.memory.lastMs;
  if (!goesOn)
    io.progress.note(
      'the data begins before the end of the data that the model was fitted on: scored as a history of its own, from no memory',
    );
  const channels = CHANNELS.filter((channel) => fitted.model.detectors[channel]);
  const { rows, repeats, alerts } = await scoreHistory(
    history,
    { ...fitted, memory: goesOn ? fitted.memory : null },
    channels,
    (share) => io.progress.report('scoring', share),
  );
  const header = [schema.id === '#row' ? 'row' : schema.id, 'score', 'p'];
  for (const channel of channels) header.push(`score_${channel}`, `p_${channel}`);
  await writeCsv(options.out, [...header, 'fraud_probability', 'decision', 'lane', 'reasons'], rows);
  io.progress.stop();
  const summary = { rows: rows.length, alerts, refused: history.refused, repeats, model: fitted.model.version, out: options.out };
  const share = ((100 * alerts) / Math.max(rows.length, 1)).toFixed(2);
  await io.write(
    options.json
      ? `${JSON.stringify(summary)}\n`
      : `${rows.length} rows scored, ${alerts} alerts (${share} %), written to ${options.out}\n`,
  );
};

type Row = readonly (string | number)[];

/** The online line over a file: batches never reach past the time at which the next label becomes known. */
const scoreHistory = async (
  { transactions, labels }: DataHistory,
  { model, calibration, policy, memory }: Omit<FittedModel, 'memory'> & { memory: LineMemory | null },
  channels: readonly Channel[],
  onProgress: (share: number) => void,
): Promise<{ rows: Row[]; repeats: number; alerts: number }> => {
  const { schema } = model.featureSet;
  const buckets = schema.entities.slice(1).map((entity) => ({ entityType: entity.name, widthMs: entity.bucketSeconds * 1000 }));
  const store = new MemoryScoringStore(buckets);
  if (memory) {
    store.seed(memory.states, memory.evidence);
    store.expectLabels(memory.fraudCells);
  }
  const parser = transactionParser(schema);
  const line = new OnlineLine(schema, parser, store, new LocalScorer(model, { calibration, policy }));
  const due = [...(memory?.pendingLabels ?? []), ...labels].sort((a, b) => a.knownAtMs - b.knownAtMs);
  const encoder = new TextEncoder();
  const rows: Row[] = [];
  let repeats = 0;
  let alerts = 0;
  let nextLabel = 0;
  for (let from = 0; from < transactions.length;) {
    const firstMs = transactions[from]!.occurredAtMs;
    while (nextLabel < due.length && due[nextLabel]!.knownAtMs <= firstMs) store.applyLabel(due[nextLabel++]!);
    const untilMs = due[nextLabel]?.knownAtMs ?? Infinity;
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
    repeats += outcome.repeats.length;
    alerts += raised.size;
    from = to;
    onProgress(to / transactions.length);
  }
  return { rows, repeats, alerts };
};

const rowOf = (
  { transaction, fused, channels, fraudProbability, decision }: ScoredTransaction,
  alert: Alert | undefined,
  shown: readonly Channel[],
): Row => {
  const reasons = alert?.reasons.slice(0, REASONS_SHOWN).map((reason) => reason.text) ?? [];
  return [
    transaction.id,
    ...scoreAndP(fused),
    ...shown.flatMap((channel) => scoreAndP(channels[channel])),
    fraudProbability ?? '',
    decision.outcome,
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
