import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { textTable } from '../src/command-io.js';
import { loadConfig } from '../src/config.js';
import { openDataFile } from '../src/data-file.js';
import { readTable } from '../src/data-table.js';
import type { Estimator } from '../src/models/detector.js';
import { createTensorBackend } from '../src/tensor-backend.js';
import { evaluateDetectors } from '../src/training/evaluate-detectors.js';
import { type Pair, PEERS, peersOn } from './one-class-peers.js';

const ULB = 'ulb-creditcard-sample';
const SPLITS = ['split0', 'split1', 'split2'] as const;

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

export interface Record3 {
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
}

/** A data set counts as won or lost beyond the third decimal, by one of the two figures. */
export const recordAgainst = (own: ReadonlyMap<string, number>, other: (set: string) => number | undefined): Record3 => {
  const signs = [...own].flatMap(([set, value]) => {
    const against = other(set);
    return against === undefined ? [] : [Math.sign(Math.round(1000 * value) - Math.round(1000 * against))];
  });
  const count = (sign: number): number => signs.filter((each) => each === sign).length;
  return { wins: count(1), ties: count(0), losses: count(-1) };
};

/** Means over the ADBench sets, beside the peers' means over the same ones. */
export const oneClassText = ({ detectors, sets }: OneClassResult): string => {
  const names = Object.keys(sets);
  const adbench = names.filter((set) => set !== ULB);
  const bestPeer = (set: string, figure: 0 | 1): number | undefined => {
    const figures = [...peersOn(set).values()].map((pair) => pair[figure]);
    return figures.length > 0 ? Math.max(...figures) : undefined;
  };
  const rows = names.map((set) => [
    set,
    ...detectors.map((name) => pairText(pairOf(sets[set]![name]!))),
    bestPeer(set, 0) === undefined ? '' : pairText([bestPeer(set, 0)!, bestPeer(set, 1)!]),
  ]);
  const meanPair = (pair: (set: string) => Pair): string =>
    pairText([meanOf(adbench.map((set) => pair(set)[0])), meanOf(adbench.map((set) => pair(set)[1]))]);
  const known = adbench.every((set) => peersOn(set).size > 0);
  if (adbench.length > 0)
    rows.push([
      `mean of ${adbench.length}`,
      ...detectors.map((name) => meanPair((set) => pairOf(sets[set]![name]!))),
      known ? meanPair((set) => [bestPeer(set, 0)!, bestPeer(set, 1)!]) : '',
    ]);
  const versus = PEERS.flatMap((peer) =>
    detectors.map((name) => {
      const text = ([figure, key]: readonly [0 | 1, 'auroc' | 'auprc']): string => {
        const own = new Map(names.map((set) => [set, sets[set]![name]![key]]));
        const { wins, ties, losses } = recordAgainst(own, (set) => peersOn(set).get(peer)?.[figure]);
        return `${wins}-${ties}-${losses}`;
      };
      const mean = known && adbench.length > 0 ? meanPair((set) => peersOn(set).get(peer)!) : '';
      return [peer, mean, name, text([0, 'auroc']), text([1, 'auprc'])];
    }),
  );
  const speed = detectors.map((name) => [
    name,
    meanOf(names.map((set) => sets[set]![name]!.fitSeconds)).toFixed(1),
    Math.round(meanOf(names.map((set) => sets[set]![name]!.scoreRowsPerSecond))).toString(),
  ]);
  return (
    `AUROC/AUPRC, mean of 3 splits\n${textTable(['set', ...detectors, 'best peer per figure'], rows)}\n` +
    `wins-ties-losses over ${names.length} sets\n${textTable(['peer', 'its mean', 'detector', 'AUROC', 'AUPRC'], versus)}\n` +
    textTable(['detector', 'fit s', 'rows/s'], speed)
  );
};
