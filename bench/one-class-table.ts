import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { textTable } from '../src/cli/command-io.js';
import { loadConfig } from '../src/config.js';
import { openDataFile } from '../src/cli/data-file.js';
import { readTable } from '../src/cli/data-table.js';
import type { Estimator } from '../src/models/detector.js';
import { createTensorBackend } from '../src/tensor-backend.js';
import { evaluateDetectors } from '../src/training/evaluate-detectors.js';
import { ONE_CLASS_PEER_FIGURES, ONE_CLASS_PEERS } from './quality/one-class-peers.js';

const ULB = 'ulb-creditcard-sample';
const SPLITS = ['split0', 'split1', 'split2'] as const;

type Pair = readonly [auroc: number, auprc: number];

export interface Figures {
  readonly auroc: number;
  readonly auprc: number;
  readonly fitSeconds: number;
  readonly scoreRowsPerSecond: number;
}

/** Figures of detectors on data sets, mean of the three splits. */
export interface OneClassResult {
  readonly detectors: readonly string[];
  /** By data set, then by detector. */
  readonly sets: Readonly<Record<string, Readonly<Record<string, Figures>>>>;
}

/** The files of `dir` that the protocol runs on: every `adbench/*.csv.gz`, and the ULB sample. */
export const oneClassFiles = (dir: string): ReadonlyMap<string, string> => {
  const folder = join(dir, 'adbench');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.csv.gz')) : [];
  const files = new Map(names.sort().map((name) => [name.slice(0, -'.csv.gz'.length), join(folder, name)]));
  const ulb = join(dir, `${ULB}.csv.gz`);
  return existsSync(ulb) ? files.set(ULB, ulb) : files;
};

const judge = async (path: string, split: string, detectors: readonly Estimator[]): Promise<ReadonlyMap<string, Figures>> => {
  const config = loadConfig();
  const table = await readTable(await openDataFile(path), null, { label: 'label', split, schema: null }, () => undefined);
  const { features, labels } = table;
  const result = await evaluateDetectors(
    { protocol: 'one-class', features, labels, split: table.split, detectors, seeds: 1, parameters: config.models },
    { backend: await createTensorBackend(config.tensorBackend, console.error), now: () => performance.now() },
  );
  return new Map(result.detectors.map(({ name, mean }) => [name, mean]));
};

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Fits and judges each detector on each split of each file, one configuration for all. */
export const measureOneClass = async (
  files: ReadonlyMap<string, string>,
  detectors: readonly Estimator[],
  onProgress: (line: string) => void,
): Promise<OneClassResult> => {
  const sets: Record<string, Record<string, Figures>> = {};
  for (const [set, path] of files) {
    const splits: ReadonlyMap<string, Figures>[] = [];
    for (const split of SPLITS) splits.push(await judge(path, split, detectors));
    sets[set] = Object.fromEntries(
      detectors.map(({ name }) => {
        const of = (key: keyof Figures): number => meanOf(splits.map((figures) => figures.get(name)![key]));
        const keys = ['auroc', 'auprc', 'fitSeconds', 'scoreRowsPerSecond'] as const;
        return [name, Object.fromEntries(keys.map((key) => [key, of(key)])) as unknown as Figures];
      }),
    );
    onProgress(`${set}: ${detectors.map(({ name }) => `${name} ${pairText(pairOf(sets[set]![name]!))}`).join(', ')}`);
  }
  return { detectors: detectors.map(({ name }) => name), sets };
};

const pairOf = ({ auroc, auprc }: Figures): Pair => [auroc, auprc];
const pairText = ([auroc, auprc]: Pair): string => `${auroc.toFixed(3)}/${auprc.toFixed(3)}`;
const meanPair = (pairs: readonly Pair[]): string =>
  pairs.length === 0 ? '' : pairText([meanOf(pairs.map(([auroc]) => auroc)), meanOf(pairs.map(([, auprc]) => auprc))]);

/** Best of the peers on a set, figure by figure. */
const bestPeer = (set: string): Pair[] => {
  const peers = ONE_CLASS_PEER_FIGURES[set];
  return peers ? [[Math.max(...peers.map(([auroc]) => auroc)), Math.max(...peers.map(([, auprc]) => auprc))]] : [];
};

/** "wins-ties-losses" of one figure against one peer; equal in the third decimal is a tie. */
const recordOf = (own: readonly (readonly [set: string, value: number])[], peer: number, figure: 0 | 1): string => {
  const signs = own.flatMap(([set, value]) => {
    const against = ONE_CLASS_PEER_FIGURES[set]?.[peer]?.[figure];
    return against === undefined ? [] : [Math.sign(Math.round(1000 * value) - Math.round(1000 * against))];
  });
  return [1, 0, -1].map((sign) => signs.filter((each) => each === sign).length).join('-');
};

/** Set by set, means over the ADBench sets, the record against each peer, and speed. */
export const oneClassText = ({ detectors, sets }: OneClassResult): string => {
  const names = Object.keys(sets);
  const adbench = names.filter((set) => set !== ULB);
  const own = (set: string, name: string): Pair => pairOf(sets[set]![name]!);
  const rows = names.map((set) => [set, ...detectors.map((name) => pairText(own(set, name))), meanPair(bestPeer(set))]);
  const means = [
    `mean of ${adbench.length} ADBench sets`,
    ...detectors.map((name) => meanPair(adbench.map((set) => own(set, name)))),
    meanPair(adbench.flatMap(bestPeer)),
  ];
  const records = detectors.flatMap((name) =>
    (['AUROC', 'AUPRC'] as const).map((label, figure) => [
      `${name} ${label}`,
      ...ONE_CLASS_PEERS.map((_, peer) =>
        recordOf(
          names.map((set) => [set, own(set, name)[figure]!] as const),
          peer,
          figure as 0 | 1,
        ),
      ),
    ]),
  );
  const speed = detectors.map((name) => [
    name,
    meanOf(names.map((set) => sets[set]![name]!.fitSeconds)).toFixed(1),
    Math.round(meanOf(names.map((set) => sets[set]![name]!.scoreRowsPerSecond))).toString(),
  ]);
  return [
    textTable(['AUROC/AUPRC, mean of 3 splits', ...detectors, 'best peer of each figure'], [...rows, means]),
    textTable(['wins-ties-losses against', ...ONE_CLASS_PEERS], records),
    textTable(['detector', 'fit s', 'rows/s'], speed),
  ].join('\n');
};
