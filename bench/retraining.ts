/**
 * The handbook stream, week by week: a model retrained every week beside one that stays as it was and XGBoost retrained on the same
 * days. Each week trains on seven days, waits seven for labels, and is judged as the Fraud Detection Handbook judges. With
 * `--types` also a type of fraud that begins mid-stream: days until half of it is caught, with and without the generative channels.
 * Run: npm run bench:retraining -- --data DIR [--weeks 15] [--types 3,2] [--seed 0] [--python PROGRAM] [--plot FILE.svg]
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textTable } from '../src/cli/command-io.js';
import { loadConfig, loadSchema } from '../src/config.js';
import { openDataFile } from '../src/cli/data-file.js';
import { readHistory, type DataHistory } from '../src/cli/data-history.js';
import { svgPlot } from '../src/cli/svg-plot.js';
import { readOptions } from './options.js';
import { DAY_MS } from '../src/domain/time.js';
import { prepareWeeks, type PreparedStream } from './retraining/prepared-stream.js';
import { fitWeek, judgeWeek, daysUntilHalf, type WeekFigures } from './retraining/weekly.js';
import { peerScores } from './retraining/xgboost-peer.js';

const FIRST_WEEK_MS = Date.UTC(2018, 4, 16);
const options = readOptions({
  numbers: { weeks: [15, 1, 16], seed: [0, 0, 2 ** 32 - 1] },
  lists: { types: [] },
  texts: ['data', 'python', 'plot'],
});
const config = loadConfig();
const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Row {
  readonly week: number;
  readonly retrained: WeekFigures;
  readonly frozen: WeekFigures;
  readonly peer: WeekFigures | null;
  readonly fitCpuSeconds: number;
  readonly trainRows: number;
}

const weekly = async (stream: PreparedStream): Promise<Row[]> => {
  const rows: Row[] = [];
  let frozen: Awaited<ReturnType<typeof fitWeek>> | null = null;
  for (let week = 0; week < options.weeks; week += 1) {
    const cpu = process.cpuUsage();
    const model = await fitWeek(stream, week, config, options.seed);
    const { user, system } = process.cpuUsage(cpu);
    frozen ??= model;
    const peer = options.python === undefined ? null : await peerScores(stream, week, options.python);
    rows.push({
      week,
      retrained: judgeWeek(stream, week, model, config.policy),
      frozen: judgeWeek(stream, week, frozen, config.policy),
      peer: peer && judgeWeek(stream, week, peer, config.policy),
      fitCpuSeconds: (user + system) / 1e6,
      trainRows: stream.weekRows(week).train.length,
    });
    const { retrained, frozen: still, peer: xgboost } = rows.at(-1)!;
    say(`week ${week + 1}: ${figure(retrained.auprc)}, frozen ${figure(still.auprc)}, XGBoost ${figure(xgboost?.auprc ?? NaN)}`);
  }
  return rows;
};

const figure = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(3));
const percent = (value: number): string => (Number.isNaN(value) ? '–' : `${(100 * value).toFixed(2)} %`);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const report = (rows: readonly Row[]): string =>
  textTable(
    ['test week from', 'retrained AP', 'frozen AP', 'XGBoost AP', 'CP@100', 'frozen', 'XGBoost', 'alerts', 'frozen', 'fit CPU s'],
    rows.map(({ week, retrained, frozen, peer, fitCpuSeconds }) => [
      new Date(FIRST_WEEK_MS + 7 * week * DAY_MS).toISOString().slice(0, 10),
      figure(retrained.auprc),
      figure(frozen.auprc),
      figure(peer?.auprc ?? NaN),
      figure(retrained.cardPrecision),
      figure(frozen.cardPrecision),
      figure(peer?.cardPrecision ?? NaN),
      percent(retrained.alertRate),
      percent(frozen.alertRate),
      fitCpuSeconds.toFixed(0),
    ]),
  );

/** On its own the plot has no page to style it. Blue: retrained weekly; orange: frozen; green: XGBoost retrained weekly. */
const STYLE = `text { font: 10px sans-serif; fill: #5b6577 } .grid { stroke: #d9dee7; fill: none } .line { fill: none; stroke-width: 2 }
.c0 { stroke: #2563c9 } .c1 { stroke: #d4552a } .c2 { stroke: #2a8a57 }`;

const plot = (rows: readonly Row[]): string => {
  const of = [({ retrained }: Row) => retrained, ({ frozen }: Row) => frozen, ({ peer }: Row) => peer];
  const lines = of.map((side, colour) => ({
    colour,
    points: rows.flatMap((row) => (side(row) ? [[row.week + 1, side(row)!.auprc] as const] : [])),
  }));
  const title = 'Average precision by week, handbook stream';
  const ticks = [1, Math.max(2, rows.length)].map((week) => [week, String(week)] as const);
  const heights = [0.5, 0.6, 0.7, 0.8, 0.9].map((value) => [value, value.toFixed(1)] as const);
  const svg = svgPlot({ title, x: { label: 'week', ticks }, y: { label: 'AP', ticks: heights }, lines });
  return svg.replace(/^<svg/, '<svg xmlns="http://www.w3.org/2000/svg"').replace('>', `><style>${STYLE}</style>`);
};

/** The type's frauds before the third test week never happened. */
const newType = async (history: DataHistory, typeOf: ReadonlyMap<string, string>, type: string) => {
  const onsetMs = FIRST_WEEK_MS + 14 * DAY_MS;
  const early = new Set(
    history.transactions.filter((t) => t.occurredAtMs < onsetMs && typeOf.get(t.id) === type).map((t) => t.id),
  );
  const keeps = ({ id }: { id: string }): boolean => !early.has(id);
  const shorter = {
    transactions: history.transactions.filter(keeps),
    labels: history.labels.filter(({ transactionId }) => !early.has(transactionId)),
  };
  say(`type ${type} begins on ${new Date(onsetMs).toISOString().slice(0, 10)}: ${early.size} earlier frauds of it left out`);
  const stream = await prepareWeeks(shorter, { firstMs: FIRST_WEEK_MS, weeks: 7 });
  const models = [];
  for (let week = 2; week < 7; week += 1) models.push({ week, model: await fitWeek(stream, week, config, options.seed) });
  const alone = { ...config.policy, ranking: { ...config.policy.ranking, weights: { S: 1, T: 0, H: 0, D: 0 } } };
  return {
    type,
    withGenerative: daysUntilHalf(stream, models, type, config.policy),
    without: daysUntilHalf(stream, models, type, alone),
  };
};

const main = async (): Promise<void> => {
  if (options.data === undefined || !existsSync(options.data)) throw new RangeError('--data DIR: the folder of the data sets');
  const given = loadSchema('handbook');
  const schema = { ...given, label: { ...given.label!, delayDays: 7 } };
  const file = await openDataFile(join(options.data, 'handbook-stream.csv.gz'));
  const history = await readHistory(file, schema, true, () => undefined);
  const typeOf = new Map(history.labels.filter(({ isFraud }) => isFraud).map((label) => [label.transactionId, label.type ?? '']));
  const rows = await weekly(await prepareWeeks(history, { firstMs: FIRST_WEEK_MS, weeks: options.weeks }));
  process.stdout.write(`${report(rows)}\n`);
  if (options.plot !== undefined) writeFileSync(options.plot, plot(rows));
  const begun = [];
  for (const type of options.types) begun.push(await newType(history, typeOf, String(type)));
  const days = (value: number | null): string => (value === null ? 'not within 35' : String(value));
  for (const { type, withGenerative, without } of begun)
    process.stdout.write(
      `type ${type}: days until half of it is caught: ${days(withGenerative)}; with channel S alone ${days(without)}\n`,
    );
  const aps = (of: (row: Row) => WeekFigures | null): number => mean(rows.map((row) => of(row)?.auprc ?? NaN));
  const figures = {
    weeks: rows.length,
    retrainedAp: aps(({ retrained }) => retrained),
    frozenAp: aps(({ frozen }) => frozen),
    peerAp: options.python === undefined ? null : aps(({ peer }) => peer),
    cpuSecondsPerMillionRows:
      (1e6 * rows.reduce((sum, row) => sum + row.fitCpuSeconds, 0)) / rows.reduce((sum, row) => sum + row.trainRows, 0),
    newTypes: begun,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
};

await main();
