import { join } from 'node:path';
import { loadSchema } from '../../src/config.js';
import { openDataFile } from '../../src/cli/data-file.js';
import { readHistory, type DataHistory } from '../../src/cli/data-history.js';
import { PolicySchema, type Policy } from '../../src/domain/decision.js';
import { createRandom } from '../../src/domain/random.js';
import { DAY_MS } from '../../src/domain/time.js';
import type { TransactionSchema } from '../../src/domain/transaction-schema.js';
import { estimators } from '../../src/models/registry.js';
import { backtest, type BacktestResult } from '../../src/training/backtest.js';
import { cardPrecisionAtK } from '../../src/training/evaluate.js';
import { evaluateDetectors } from '../../src/training/evaluate-detectors.js';
import { defaultEstimators } from '../../src/training/retrain.js';
import { streamTable, type StreamTable } from '../../src/training/stream-table.js';
import { figure, markdownTable, type Section } from './page.js';
import { HANDBOOK_PEERS, type PeerRow, SPARKOV_PEERS, UNSEEN_PEERS } from './peer-figures.js';
import { type QualityContext } from './tables.js';
import { lazily, meanOf } from './work-folder.js';

const DAYS = 7;
/** Transactions of the customer that detectors which read sequences see, as in the Handbook's chapter 7; others see none of them. */
const SEQUENCE = 5;

interface Stream {
  readonly name: string;
  readonly schema: TransactionSchema;
  readonly starts: readonly string[];
  readonly history: () => Promise<DataHistory>;
}

const streamOf = (context: QualityContext, name: string, schemaName: string, starts: readonly string[]): Stream => {
  const given = loadSchema(schemaName);
  const schema = { ...given, label: { ...given.label!, delayDays: DAYS } };
  const history = lazily(async () =>
    readHistory(await openDataFile(join(context.data, `${name}.csv.gz`)), schema, true, () => undefined),
  );
  return { name, schema, starts, history };
};

const handbook = (context: QualityContext): Stream =>
  streamOf(context, 'handbook-stream', 'handbook', ['2018-05-30', '2018-06-27', '2018-07-25', '2018-08-29']);
const sparkov = (context: QualityContext): Stream =>
  streamOf(context, 'sparkov-a', 'sparkov', ['2024-03-04', '2024-04-01', '2024-04-29', '2024-05-27']);

type Period = Omit<BacktestResult, 'judged'>;

/** `surprisal backtest` with the defaults, or another policy or a type held out. */
const runBacktest = async (
  { config, backend }: QualityContext,
  { schema, history }: Stream,
  start: string,
  policy: Policy,
  holdOutType?: string,
): Promise<Period> => {
  const startMs = Date.parse(`${start}T00:00:00Z`);
  const { transactions, labels } = await history();
  const { judged: _judged, ...period } = await backtest(
    {
      schema,
      transactions: transactions.filter((t) => t.occurredAtMs < startMs + 3 * DAYS * DAY_MS),
      labels,
      startMs,
      ...{ trainDays: DAYS, delayDays: DAYS, testDays: DAYS },
      policy,
      parameters: config.models,
      estimators: defaultEstimators(schema),
      ...(holdOutType !== undefined && { holdOutType }),
    },
    { random: createRandom(0), backend, now: () => performance.now() },
  );
  return period;
};

interface Row {
  readonly auroc: number;
  readonly auprc: number;
  readonly cardPrecision: number;
}

/** Every detector alone on the features, rows and labels of the backtest: one unit of work each. */
const detectorRows = async (context: QualityContext, stream: Stream, start: string): Promise<ReadonlyMap<string, Row>> => {
  const schema = { ...stream.schema, features: { ...stream.schema.features, sequence: SEQUENCE } };
  const trainFromMs = Date.parse(`${start}T00:00:00Z`);
  const range = {
    trainFromMs,
    trainToMs: trainFromMs + DAYS * DAY_MS,
    testFromMs: trainFromMs + 2 * DAYS * DAY_MS,
    testToMs: trainFromMs + 3 * DAYS * DAY_MS,
  };
  const table = lazily(async (): Promise<StreamTable> => {
    const { transactions, labels } = await stream.history();
    return streamTable({ schema, transactions, labels, protocol: 'supervised', isByBook: true, ...range }, () => undefined);
  });
  const rows = new Map<string, Row>();
  for (const estimator of Object.values(estimators)) {
    const { name, requires } = estimator;
    if (context.detectors && !context.detectors.includes(name)) continue;
    const row = await context.work.unit<Row | { readonly without: string }>(
      `stream ${stream.name} ${start} ${name}`,
      async () => {
        const { transactions, ...data } = await table();
        const without = requires?.find((column) => !data.features.columns.some((each) => each.name === column));
        if (without !== undefined) return { without };
        const { config, backend } = context;
        const result = await evaluateDetectors(
          { ...data, protocol: 'supervised', split: null, detectors: [estimator], seeds: 1, parameters: config.models },
          { backend, now: () => performance.now() },
        );
        const scores = result.scores[name]!;
        const cards = Array.from(result.judged, (judged, i) => {
          const { occurredAtMs, entities, id } = transactions[judged]!;
          const isFraud = data.labels[judged] === 1;
          return { day: Math.floor(occurredAtMs / DAY_MS), card: entities[0] ?? id, isFraud, score: scores[i]! };
        });
        const { auroc, auprc } = result.detectors[0]!.mean;
        return { auroc, auprc, cardPrecision: cardPrecisionAtK(cards, 100) };
      },
    );
    if (row && !('without' in row)) rows.set(name, row);
  }
  return rows;
};

/** The whole line with its defaults in four periods, every detector alone, and the peers. */
export const streamsSections = async (context: QualityContext): Promise<readonly Section[]> => [
  await streamSection(context, handbook(context), HANDBOOK_PEERS),
  await streamSection(context, sparkov(context), SPARKOV_PEERS),
];

const streamSection = async (context: QualityContext, stream: Stream, peers: readonly PeerRow[]): Promise<Section> => {
  const periods: (Period | null)[] = [];
  const alone: ReadonlyMap<string, Row>[] = [];
  for (const start of stream.starts) {
    const unit = `backtest ${stream.name} ${start}`;
    periods.push(await context.work.unit(unit, () => runBacktest(context, stream, start, context.config.policy)));
    alone.push(await detectorRows(context, stream, start));
  }
  const line = (name: string, rows: readonly (Row | null)[]): string[] => {
    const mean = (of: (row: Row) => number): string => figure(rows.includes(null) ? NaN : meanOf(rows.map((row) => of(row!))));
    return [
      name,
      mean((r) => r.auprc),
      mean((r) => r.auroc),
      mean((r) => r.cardPrecision),
      ...rows.map((r) => figure(r?.auprc ?? NaN)),
    ];
  };
  const whole = periods.map((p) => p && { auroc: p.auroc, auprc: p.auprc, cardPrecision: p.cardPrecisionAt100 });
  const channels = periods.map((p) => p?.channels.S && { ...p.channels.S, cardPrecision: NaN });
  const names = [...alone[0]!.keys()].filter((name) => alone.every((rows) => rows.has(name)));
  const byMean = (name: string): number => meanOf(alone.map((rows) => rows.get(name)!.auprc));
  const ours = names
    .sort((a, b) => byMean(b) - byMean(a))
    .map((name) =>
      line(
        name,
        alone.map((rows) => rows.get(name)!),
      ),
    );
  const others = peers.map(({ name, auprc, auroc = NaN, cardPrecision = NaN, periods: each }) => [
    `peer: ${name}`,
    ...[auprc, auroc, cardPrecision].map((value) => figure(value)),
    ...stream.starts.map((_, i) => figure(each?.[i] ?? NaN)),
  ]);
  const rows = [
    line('**decision, full default**', whole),
    line(
      'channel S of it',
      channels.map((c) => c ?? null),
    ),
    ...ours,
    ...others,
  ];
  return {
    name: stream.name,
    text: [
      `${context.command}; seed 0. Training 7 days from the start, 7 days of delay, test 7 days; customers already known as compromised are not judged. Rows below the default: each detector alone, on the columns of its channel; transformer, convolutional and recurrent network and Markov chain also see the customer's last ${SEQUENCE} transactions.`,
      markdownTable(['', 'mean AP', 'AUROC', 'CP@100', ...stream.starts.map((start) => `AP ${start}`)], rows),
    ].join('\n\n'),
    figures: {
      default: Object.fromEntries(stream.starts.map((start, i) => [start, periods[i]])),
      detectors: Object.fromEntries(names.map((name) => [name, alone.map((rows) => rows.get(name))])),
    },
  };
};

const HELD_OUT = [['2', 'terminal compromise'], ['3', 'account takeover']] as const; // prettier-ignore

/** Recall of a fraud type that training never saw, at 1 %, with lanes and with S alone. */
export const unseenSection = async (context: QualityContext): Promise<Section> => {
  const stream = handbook(context);
  const lanes = PolicySchema.parse({ ...context.config.policy, budget: { share: 0.01 } });
  const ranking = { kind: 'lanes', weights: { S: 1, T: 0, H: 0, D: 0 } };
  const policies = { lanes, 'S alone': PolicySchema.parse({ ...lanes, ranking }) };
  const rows: string[][] = [];
  const figures: Record<string, unknown> = {};
  for (const [type, words] of HELD_OUT)
    for (const [policyName, policy] of Object.entries(policies)) {
      const periods: (Period | null)[] = [];
      for (const start of stream.starts) {
        const unit = `unseen ${type} ${policyName} ${start}`;
        periods.push(await context.work.unit(unit, () => runBacktest(context, stream, start, policy, type)));
      }
      const known = (period: Period): number =>
        meanOf(Object.entries(period.recallByType).flatMap(([name, recall]) => (name === type ? [] : [recall])));
      const mean = (of: (period: Period) => number): number =>
        periods.includes(null) ? NaN : meanOf(periods.map((period) => of(period!)));
      const unseen = (period: Period): number => period.recallByType[type] ?? NaN;
      rows.push([
        `${words}, ${policyName}`,
        figure(mean(unseen), 2),
        figure(mean(known), 2),
        figure(
          mean((p) => p.alertRate),
          4,
        ),
        ...periods.map((period) => figure(period ? unseen(period) : NaN, 2)),
      ]);
      figures[`${words}, ${policyName}`] = { unseen: mean(unseen), known: mean(known), periods };
    }
  for (const { name, terminal, takeover } of UNSEEN_PEERS)
    rows.push([
      `peer: ${name}`,
      `terminal ${figure(terminal, 2)}, takeover ${figure(takeover, 2)}`,
      '',
      '',
      ...stream.starts.map(() => ''),
    ]);
  return {
    name: 'unseen',
    text: [
      `${context.command}; seed 0, handbook stream, budget 1 %. A scenario leaves training (\`--hold-out scenario=2\`, \`=3\`) and counts in the test; known: mean recall of the other scenarios.`,
      markdownTable(['held out', 'recall', 'known types', 'alert rate', ...stream.starts], rows),
    ].join('\n\n'),
    figures,
  };
};
