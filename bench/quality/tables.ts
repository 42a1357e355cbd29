import { join } from 'node:path';
import { DEFAULT_DETECTOR } from '../../src/cli-evaluate.js';
import type { Config } from '../../src/config.js';
import { openDataFile } from '../../src/data-file.js';
import { readTable } from '../../src/data-table.js';
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
  split: string | null,
  names: readonly string[],
): Promise<ReadonlyMap<string, Figures>> => {
  const { work, config, backend } = context;
  const table = lazily(async () =>
    readTable(await openDataFile(join(context.data, file)), null, { label: 'label', split, schema: null }, () => undefined),
  );
  const figures = new Map<string, Figures>();
  for (const name of names) {
    const unit = [protocol, file, ...(split === null ? [] : [split]), name].join(' ');
    const made = await work.unit<Figures>(unit, async () => {
      const { features, labels, split: parts } = await table();
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

/** Supervised on the ULB sample, the first 60 % of the time train. */
export const supervisedSection = async (context: QualityContext): Promise<Section> => {
  const figures = await judge(context, `${ULB}.csv.gz`, 'supervised', null, chosen(context, 'supervised'));
  const rows = [
    ...[...figures].map(([name, each]) => ({ name, ...each })),
    ...SUPERVISED_PEERS.map((peer) => ({ ...peer, name: `peer: ${peer.name}` })),
  ].sort((a, b) => b.auprc - a.auprc);
  return {
    name: 'supervised',
    text: [
      `${context.command}; seed 0. Detectors that learn without labels get the legitimate training rows.`,
      markdownTable(
        ['detector', 'AUROC', 'AUPRC', 'fit s', 'rows/s'],
        rows.map((row) => [
          row.name === DEFAULT_DETECTOR.supervised ? `**${row.name}** (default)` : row.name,
          row.auroc === undefined ? '' : figure(row.auroc),
          figure(row.auprc),
          'fitSeconds' in row ? row.fitSeconds.toFixed(1) : '',
          'fitSeconds' in row ? Math.round(row.scoreRowsPerSecond).toString() : '',
        ]),
      ),
    ].join('\n\n'),
    figures: Object.fromEntries(figures),
  };
};
