import { join } from 'node:path';
import { DEFAULT_DETECTOR } from '../../src/cli/evaluate.js';
import type { Config } from '../../src/config.js';
import { openDataFile } from '../../src/cli/data-file.js';
import { readTable } from '../../src/cli/data-table.js';
import { estimators } from '../../src/models/registry.js';
import type { TensorBackend } from '../../src/tensor/backend.js';
import { evaluateDetectors, type Protocol } from '../../src/training/evaluate-detectors.js';
import { ONE_CLASS_PEER_FIGURES, ONE_CLASS_PEERS } from './one-class-peers.js';
import { SUPERVISED_PEERS } from './peer-figures.js';
import { figure, markdownTable, type Section } from './page.js';
import { lazily, meanOf, type WorkFolder } from './work-folder.js';

export interface QualityContext {
  readonly data: string;
  readonly work: WorkFolder;
  readonly config: Config;
  readonly backend: TensorBackend;
  /** Names of detectors to judge; null: all. */
  readonly detectors: readonly string[] | null;
  readonly command: string;
  /** Interpreter for the peers that are timed. */
  readonly python: string;
}

interface Figures {
  readonly auroc: number;
  readonly auprc: number;
  readonly fitSeconds: number;
  readonly scoreRowsPerSecond: number;
}

const ULB = 'ulb-creditcard-sample';
const SPLITS = [0, 1, 2] as const;
/** Differences up to this are ties. */
const TIE = 0.005;

export const chosen = ({ detectors }: QualityContext, protocol: Protocol): readonly string[] =>
  Object.values(estimators)
    .filter(({ name, supervised, requires }) => {
      if (detectors && !detectors.includes(name)) return false;
      return requires === undefined && (protocol === 'supervised' || !supervised);
    })
    .map(({ name }) => name);

/** Figures of detectors on one table: one unit of work each. */
const judge = async (
  context: QualityContext,
  file: string,
  protocol: Protocol,
  /** A column of the file, or the share of the first rows that train. */
  split: string | number,
  names: readonly string[],
): Promise<ReadonlyMap<string, Figures>> => {
  const { work, config, backend } = context;
  const table = lazily(async () =>
    readTable(
      await openDataFile(join(context.data, file)),
      null,
      { label: 'label', split: typeof split === 'string' ? split : null, schema: null },
      () => undefined,
    ),
  );
  const figures = new Map<string, Figures>();
  for (const name of names) {
    const unit = [protocol, file, split, name].join(' ');
    const made = await work.unit<Figures>(unit, async () => {
      const { features, labels, split: column } = await table();
      const first = (_: unknown, row: number): number => (row < Math.floor(Number(split) * labels.length) ? 1 : 0);
      const parts = typeof split === 'string' ? column : Uint8Array.from(labels, first);
      const input = {
        protocol,
        features,
        labels,
        split: parts,
        detectors: [estimators[name]!],
        seeds: 1,
        parameters: config.models,
      };
      const result = await evaluateDetectors(input, { backend, now: () => performance.now() });
      return result.detectors[0]!.mean;
    });
    if (made) figures.set(name, made);
  }
  return figures;
};

/** Mean of the three splits by detector; one that failed on a split is left out of that set. */
const judgeSet = async (context: QualityContext, file: string): Promise<ReadonlyMap<string, Figures>> => {
  const names = chosen(context, 'one-class');
  const splits: ReadonlyMap<string, Figures>[] = [];
  for (const k of SPLITS) splits.push(await judge(context, file, 'one-class', `split${k}`, names));
  const whole = names.filter((name) => splits.every((figures) => figures.has(name)));
  return new Map(whole.map((name) => [name, meanFigures(splits.map((figures) => figures.get(name)!))]));
};

const meanFigures = (figures: readonly Figures[]): Figures => ({
  auroc: meanOf(figures.map((f) => f.auroc)),
  auprc: meanOf(figures.map((f) => f.auprc)),
  fitSeconds: meanOf(figures.map((f) => f.fitSeconds)),
  scoreRowsPerSecond: meanOf(figures.map((f) => f.scoreRowsPerSecond)),
});

const both = ({ auroc, auprc }: { readonly auroc: number; readonly auprc: number }): string =>
  `${figure(auroc)} / ${figure(auprc)}`;

const peerOn = (set: string, peer: string): { auroc: number; auprc: number } => {
  const [auroc, auprc] = ONE_CLASS_PEER_FIGURES[set]![ONE_CLASS_PEERS.indexOf(peer as (typeof ONE_CLASS_PEERS)[number])]!;
  return { auroc, auprc };
};

/** One-class on the 14 ADBench sets and on the ULB sample: every detector, one configuration for all. */
export const oneClassSection = async (context: QualityContext): Promise<Section> => {
  const sets = Object.keys(ONE_CLASS_PEER_FIGURES).filter((set) => set !== ULB);
  const bySet = new Map<string, ReadonlyMap<string, Figures>>();
  for (const set of sets) bySet.set(set, await judgeSet(context, join('adbench', `${set}.csv.gz`)));
  const ulb = await judgeSet(context, `${ULB}.csv.gz`);
  const names = chosen(context, 'one-class').filter((name) => sets.every((set) => bySet.get(set)!.has(name)));
  const ours = names.map((name) => ({
    name,
    isOurs: true,
    mean: meanFigures(sets.map((set) => bySet.get(set)!.get(name)!)),
    ulb: ulb.get(name) ?? null,
  }));
  const peers = ONE_CLASS_PEERS.map((name) => {
    const figures = sets.map((set) => peerOn(set, name));
    const mean = { auroc: meanOf(figures.map((f) => f.auroc)), auprc: meanOf(figures.map((f) => f.auprc)) };
    return { name: `peer: ${name}`, isOurs: false, mean, ulb: peerOn(ULB, name) };
  });
  const ranked = [...ours, ...peers].sort((a, b) => b.mean.auroc + b.mean.auprc - a.mean.auroc - a.mean.auprc);
  const wanted = DEFAULT_DETECTOR['one-class'];
  const perSet = sets.map((set) => ({ set, ours: bySet.get(set)!.get(wanted), best: bestPeers(set) }));
  const means = markdownTable(
    ['detector', 'mean of 14 sets, AUROC / AUPRC', 'ULB sample, AUROC / AUPRC', 'fit s', 'rows/s'],
    ranked.map(({ name, mean, ulb: onUlb }) => [
      name === wanted ? `**${name}** (default)` : name,
      both(mean),
      onUlb ? both(onUlb) : '–',
      'fitSeconds' in mean ? mean.fitSeconds.toFixed(1) : '',
      'fitSeconds' in mean ? Math.round(mean.scoreRowsPerSecond).toString() : '',
    ]),
  );
  const sides = perSet.map(({ set, ours: own, best }) => [
    set,
    own ? both(own) : '–',
    both(best),
    own ? `${outcome(own.auroc, best.auroc)} / ${outcome(own.auprc, best.auprc)}` : '–',
  ]);
  return {
    name: 'one-class',
    text: [
      `${context.command}; seed 0, splits 0, 1, 2, one configuration for all sets. Peers: default settings, figures measured elsewhere on the same splits.`,
      means,
      `The default, \`${wanted}\`, set by set beside the best of the ${ONE_CLASS_PEERS.length} peers on that set (chosen with the labels: no one detector has these figures). Differences up to ${TIE} are ties:`,
      markdownTable(['set', 'AUROC / AUPRC', 'best peers', 'outcome'], sides),
    ].join('\n\n'),
    figures: {
      detectors: ours.map(({ name, mean, ulb: onUlb }) => ({ name, mean, ulb: onUlb })),
      sets: Object.fromEntries([...bySet, [ULB, ulb] as const].map(([set, figures]) => [set, Object.fromEntries(figures)])),
    },
  };
};

const bestPeers = (set: string) => {
  const figures = ONE_CLASS_PEER_FIGURES[set]!;
  return { auroc: Math.max(...figures.map(([auroc]) => auroc)), auprc: Math.max(...figures.map(([, auprc]) => auprc)) };
};

const outcome = (own: number, best: number): string => (own > best + TIE ? 'win' : own < best - TIE ? 'loss' : 'tie');

/** The peers' figures say 60 %; scikit-learn's logistic regression has .849 there and theirs (.879) at 70 %: both are shown. */
const TRAIN_SHARES = [0.6, 0.7] as const;

/** Supervised on the ULB sample in order of time. */
export const supervisedSection = async (context: QualityContext): Promise<Section> => {
  const names = chosen(context, 'supervised');
  const shares: ReadonlyMap<string, Figures>[] = [];
  for (const share of TRAIN_SHARES) shares.push(await judge(context, `${ULB}.csv.gz`, 'supervised', share, names));
  const last = shares.at(-1)!;
  const ours = names
    .filter((name) => last.has(name))
    .sort((a, b) => last.get(b)!.auprc - last.get(a)!.auprc)
    .map((name) => [
      name === DEFAULT_DETECTOR.supervised ? `**${name}** (default)` : name,
      ...shares.map((figures) => (figures.has(name) ? both(figures.get(name)!) : '–')),
      last.get(name)!.fitSeconds.toFixed(1),
      Math.round(last.get(name)!.scoreRowsPerSecond).toString(),
    ]);
  const peers = SUPERVISED_PEERS.map(({ name, auroc = NaN, auprc }) => [`peer: ${name}`, '', both({ auroc, auprc }), '', '']);
  const header = TRAIN_SHARES.map((share) => `first ${100 * share} % train, AUROC / AUPRC`);
  return {
    name: 'supervised',
    text: [
      `${context.command}; seed 0. Detectors that learn without labels get the legitimate training rows. The peers' split is stated as 60 %, but scikit-learn's logistic regression has .975 / .849 there (\`bench/peers/quality_peer.py\`) and about their figure at 70 %: they may belong there.`,
      markdownTable(['detector', ...header, 'fit s', 'rows/s'], [...ours, ...peers]),
    ].join('\n\n'),
    figures: Object.fromEntries(TRAIN_SHARES.map((share, i) => [share, Object.fromEntries(shares[i]!)])),
  };
};
