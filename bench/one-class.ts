/**
 * `evaluate --protocol one-class` of every detector that learns without labels, on the three splits of the ULB credit card
 * sample, beside published detectors on the same splits. Run: npm run bench:one-class -- --data DIR
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { textTable } from '../src/command-io.js';
import { loadConfig } from '../src/config.js';
import { openDataFile } from '../src/data-file.js';
import { readTable } from '../src/data-table.js';
import { estimators } from '../src/models/registry.js';
import { createTensorBackend } from '../src/tensor-backend.js';
import { evaluateDetectors } from '../src/training/evaluate-detectors.js';

const FILE = 'ulb-creditcard-sample.csv.gz';
const SPLITS = ['split0', 'split1', 'split2'] as const;

/** AUROC and AUPRC of default settings (PyOD and others), mean of the same three splits. */
const PEERS: Readonly<Record<string, readonly [number, number]>> = {
  KNN: [0.955, 0.787],
  'DTE-NP': [0.956, 0.785],
  KCM: [0.955, 0.763],
  GMM20: [0.944, 0.857],
  LOF: [0.949, 0.838],
  GMM1: [0.954, 0.85],
  CBLOF: [0.952, 0.728],
  IForest: [0.946, 0.69],
  PCA: [0.951, 0.725],
  HBOS: [0.945, 0.753],
  ECOD: [0.938, 0.65],
  COPOD: [0.94, 0.744],
};

interface Figures {
  readonly auroc: number;
  readonly auprc: number;
  readonly fitSeconds: number;
  readonly scoreRowsPerSecond: number;
}

/** Figures of every detector on one split. */
const judge = async (path: string, split: string): Promise<ReadonlyMap<string, Figures>> => {
  const config = loadConfig();
  const file = await openDataFile(path);
  const table = await readTable(file, null, { label: 'label', split, schema: null }, () => undefined);
  const detectors = Object.values(estimators).filter(({ supervised }) => !supervised);
  const result = await evaluateDetectors(
    {
      protocol: 'one-class',
      features: table.features,
      labels: table.labels,
      split: table.split,
      detectors: detectors.filter(({ name }) => name !== 'markov-filter'),
      seeds: 1,
      parameters: config.models,
    },
    {
      backend: await createTensorBackend(config.tensorBackend, console.error),
      now: () => performance.now(),
      onProgress: (step, { share }) => {
        if (share >= 1) process.stderr.write(`${split}: ${step}\n`);
      },
    },
  );
  return new Map(result.detectors.map(({ name, mean }) => [name, mean]));
};

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const main = async (): Promise<void> => {
  const { data } = parseArgs({ options: { data: { type: 'string' } } }).values;
  const path = data === undefined ? null : join(data, FILE);
  if (path === null || !existsSync(path)) {
    const found = path === null ? 'it was not given' : `${path} does not exist`;
    process.stderr.write(`bench:one-class needs --data DIR, the folder that holds ${FILE}: ${found}\n`);
    process.exitCode = 2;
    return;
  }
  const bySplit: ReadonlyMap<string, Figures>[] = [];
  for (const split of SPLITS) bySplit.push(await judge(path, split));
  const detectors = [...bySplit[0]!.keys()].map((name) => {
    const splits = bySplit.map((figures) => figures.get(name)!);
    const mean = (key: keyof Figures): number => meanOf(splits.map((figures) => figures[key]));
    return {
      name,
      auroc: mean('auroc'),
      auprc: mean('auprc'),
      fitSeconds: mean('fitSeconds'),
      scoreRowsPerSecond: mean('scoreRowsPerSecond'),
      splits: splits.map(({ auroc, auprc }) => ({ auroc, auprc })),
    };
  });
  const ours = detectors.map((each) => [
    each.name,
    each.auroc.toFixed(3),
    each.auprc.toFixed(3),
    each.fitSeconds.toFixed(1),
    Math.round(each.scoreRowsPerSecond).toString(),
  ]);
  const peers = Object.entries(PEERS).map(([name, [auroc, auprc]]) => [name, auroc.toFixed(3), auprc.toFixed(3), '', '']);
  process.stdout.write(
    textTable(['mean of 3 splits', 'AUROC', 'AUPRC', 'fit s', 'rows/s'], [...ours, ['peers:', '', '', '', ''], ...peers]) +
      `${JSON.stringify({ data: FILE, detectors, peers: PEERS })}\n`,
  );
};

await main();
