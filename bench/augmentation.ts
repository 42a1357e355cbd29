/**
 * Synthetic frauds on the handbook stream: average precision on the test week with and without extra frauds of every generator,
 * and what the choice on the training week alone says. Seven days of training, of delay and of test, as `backtest`.
 * Run: npm run bench:augmentation -- --data DIR [--start 2018-07-25,…] [--generators NAME,…] [--estimator NAME] [--shares 1,4]
 *   [--draws 3] [--seed 0]
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { textTable } from '../src/cli/command-io.js';
import { loadConfig, loadSchema } from '../src/config.js';
import { openDataFile } from '../src/cli/data-file.js';
import { readHistory, type DataHistory } from '../src/cli/data-history.js';
import { selectRows } from '../src/domain/feature-matrix.js';
import { createRandom } from '../src/domain/random.js';
import { DAY_MS } from '../src/domain/time.js';
import { estimators } from '../src/models/registry.js';
import { createTensorBackend } from '../src/tensor-backend.js';
import { chooseAugmentation, type AugmentationReport } from '../src/training/augment.js';
import { AugmentSettingsSchema, GENERATORS, type AugmentSettings, type Generator } from '../src/training/augment-settings.js';
import { augmentedData, type GeneratedQuality, type LabelledRows } from '../src/training/augmented-data.js';
import type { TrainingContext } from '../src/training/fit-channels.js';
import { precisionGain, type PrecisionGain } from '../src/training/precision-gain.js';
import { streamTable } from '../src/training/stream-table.js';
import { readOptions } from './options.js';

const DAYS = 7;

interface Week {
  readonly train: LabelledRows & { readonly occurredAtMs: Float64Array };
  readonly test: LabelledRows;
}

const weekOf = async ({ transactions, labels }: DataHistory, start: string, estimator: string): Promise<Week> => {
  const given = loadSchema('handbook');
  const schema = { ...given, label: { ...given.label!, delayDays: DAYS } };
  const trainFromMs = Date.parse(`${start}T00:00:00Z`);
  const [trainToMs, testFromMs, testToMs] = [1, 2, 3].map((weeks) => trainFromMs + weeks * DAYS * DAY_MS) as [
    number,
    number,
    number,
  ];
  const range = { trainFromMs, trainToMs, testFromMs, testToMs };
  const table = await streamTable(
    { schema, transactions, labels, protocol: 'supervised', isByBook: true, ...range },
    () => undefined,
  );
  const features = table.featuresOf(table.features, estimators[estimator]!);
  const part = (rows: Uint32Array): LabelledRows & { occurredAtMs: Float64Array } => ({
    features: selectRows(features, rows),
    labels: Uint8Array.from(rows, (r) => table.labels[r]!),
    entities: Int32Array.from(rows, (r) => table.entities[r]!),
    occurredAtMs: Float64Array.from(rows, (r) => table.transactions[r]!.occurredAtMs),
  });
  return { train: part(table.parts.train), test: part(table.parts.test) };
};

interface Measured {
  readonly generator: Generator;
  readonly share: number;
  readonly quality: GeneratedQuality | null;
  readonly test: PrecisionGain;
  readonly seconds: number;
}

interface Run {
  readonly estimator: string;
  readonly settings: AugmentSettings;
  readonly parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly context: TrainingContext;
}

/** Fits on the whole training week, with and without, judged on the test week: what the choice could not see. */
const measure = async ({ train, test }: Week, run: Run, onLine: (line: string) => void): Promise<readonly Measured[]> => {
  const { settings, parameters, context, estimator } = run;
  const fits = async (of: (random: TrainingContext['random']) => ReturnType<typeof augmentedData>) => {
    const scores: Float64Array[] = [];
    let quality: GeneratedQuality | null = null;
    for (let d = 0; d < settings.draws; d += 1) {
      const random = context.random.fork(`test draw ${d}`);
      const data = await of(random);
      quality ??= data.quality;
      const own = parameters[estimator] ? { parameters: parameters[estimator] } : {};
      const detector = await estimators[estimator]!.fit(data, { ...context, onProgress: () => undefined, ...own, random });
      scores.push(detector.score(test.features));
    }
    return { scores, quality };
  };
  const judge = { labels: test.labels, entities: test.entities, weights: new Float64Array(test.labels.length).fill(1) };
  const plain = await fits((random) => augmentedData(train, null, settings, parameters, { ...context, random }));
  const measured: Measured[] = [];
  for (const generator of settings.generators)
    for (const share of settings.shares) {
      const startedAt = performance.now();
      const with_ = await fits((random) =>
        augmentedData(train, { generator, share }, settings, parameters, { ...context, random }),
      );
      const seconds = (performance.now() - startedAt) / 1000;
      const gain = await precisionGain(
        { ...judge, without: plain.scores, with: with_.scores },
        { ...settings, random: context.random.fork(`gain ${generator} ${share}`) },
      );
      measured.push({ generator, share, quality: with_.quality, test: gain, seconds });
      onLine(`${generator} x${share}: ${gain.without.toFixed(4)} -> ${gain.with.toFixed(4)} (${seconds.toFixed(0)} s)`);
    }
  return measured;
};

const figure = (value: number, digits = 4): string => (Number.isNaN(value) ? '' : value.toFixed(digits));
const gainText = ({ gain, low, high }: PrecisionGain): string => `${figure(gain)} (${figure(low)} to ${figure(high)})`;

const tableOf = (report: AugmentationReport, measured: readonly Measured[]): string =>
  textTable(
    [
      'extra frauds',
      'rows',
      'rejected',
      'copies',
      'nearer (real)',
      'coverage (expected)',
      'chooses',
      'confirms',
      'test AP',
      'test gain',
    ],
    measured.map(({ generator, share, quality, test }) => {
      const tried = report.tried.find((each) => each.generator === generator && each.share === share);
      return [
        `${generator} x${share}`,
        String(quality?.rows ?? 0),
        figure(quality?.rejectedShare ?? NaN, 2),
        figure(quality?.copies ?? NaN, 2),
        `${figure(quality?.nearer ?? NaN, 2)} (${figure(quality?.nearerOfReal ?? NaN, 2)})`,
        `${figure(quality?.coverage ?? NaN, 2)} (${figure(quality?.coverageExpected ?? NaN, 2)})`,
        tried ? gainText(tried.choosing) : '',
        tried ? gainText(tried.confirming) : '',
        figure(test.with),
        gainText(test),
      ];
    }),
  );

const main = async (): Promise<void> => {
  const options = readOptions({
    numbers: { seed: [0, 0, 2 ** 32 - 1], draws: [3, 1, 10] },
    lists: { shares: [1, 4] },
    texts: ['data', 'start', 'generators', 'estimator'],
  });
  const path = join(options.data ?? '', 'handbook-stream.csv.gz');
  const estimator = options.estimator ?? 'gradient-boosting';
  if (options.data === undefined || !existsSync(path) || !estimators[estimator]?.supervised) {
    process.stderr.write(
      'bench:augmentation needs --data DIR, the folder that holds handbook-stream.csv.gz; --estimator one that learns from labels\n',
    );
    process.exitCode = 2;
    return;
  }
  const settings = AugmentSettingsSchema.parse({
    generators: options.generators?.split(',') ?? GENERATORS,
    shares: options.shares,
    draws: options.draws,
  });
  const config = loadConfig();
  const note = (line: string): void => void process.stderr.write(`${line}\n`);
  const backend = await createTensorBackend(config.tensorBackend, note);
  const schema = loadSchema('handbook');
  const history = await readHistory(await openDataFile(path), schema, true, () => undefined);
  const context = { random: createRandom(options.seed), backend };
  const run: Run = { estimator, settings, parameters: config.models, context };
  const weeks: Record<string, unknown> = {};
  for (const start of (options.start ?? '2018-07-25').split(',')) {
    note(`--- ${start}`);
    const week = await weekOf(history, start, estimator);
    const startedAt = performance.now();
    const report = await chooseAugmentation({ ...week.train, settings, estimator, parameters: config.models }, context);
    const seconds = (performance.now() - startedAt) / 1000;
    note(`${report.reasons.join(' ')} (${seconds.toFixed(0)} s)`);
    const measured = await measure(week, run, note);
    process.stdout.write(
      `\n${start}, ${estimator}: ${week.train.labels.length} training rows, ${week.test.labels.length} judged; the choice took ${seconds.toFixed(0)} s. ` +
        `Without extra frauds the test has average precision ${figure(measured[0]?.test.without ?? NaN)}.\n${report.reasons.join('\n')}\n` +
        tableOf(report, measured),
    );
    weeks[start] = { choice: report, measured, choiceSeconds: seconds };
  }
  process.stdout.write(`${JSON.stringify({ estimator, seed: options.seed, weeks })}\n`);
};

await main();
