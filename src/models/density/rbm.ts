import { z } from 'zod';
import type { Random } from '../../domain/random.js';
import { type ColumnEncoder, type EncodedRows, isContinuous, loadEncoder, openOutcome } from '../column-encoder.js';
import type { Detector, Estimator, FitContext, Sampler } from '../detector.js';
import { betweenSteps, shuffledIndices } from '../fit-rows.js';
import { LOG_SQRT_2PI, normalCdf, normalQuantile } from '../normal-distribution.js';
import { addApartTerms, apartLogProb } from './apart-columns.js';
import {
  ABSENT,
  type BoltzmannMachine,
  type Configurations,
  drawIndependent,
  estimateLogPartition,
  freeEnergies,
  gibbsSweep,
  hiddenMeans,
} from './boltzmann-machine.js';
import { arrayOf, checkArtifact, rowSums, sampleDensity, saveDensity, scoreDensity } from './density-model.js';
import { encodeTraining } from './encode-training.js';
import { blankRows } from './joint-layout.js';

const NAME = 'rbm';

const parametersSchema = z.strictObject({
  transform: z.enum(['quantile-normal', 'asinh']).default('quantile-normal'),
  bins: z.int().min(2).max(64).default(16),
  hidden: z.int().min(1).max(512).default(32),
  rowsMax: z.int().min(10).max(1_000_000).default(20_000),
  batchSize: z.int().min(1).max(4096).default(100),
  steps: z.int().min(1).max(100_000).default(1500),
  learningRate: z.number().positive().max(100).default(2),
});
type Parameters = z.infer<typeof parametersSchema>;

/** Settings of annealed importance sampling: a tenth of a second for 100 visible units. */
const ANNEALING = { chains: 64, temperatures: 200 };
const SAMPLING = { chains: 256, burnIn: 60, thinning: 4 };
const STEPS_PER_PAUSE = 10;

/** A column's group: a unit per seen outcome, but `bins` of them, of equal normal mass in z, for the open one. */
interface Group {
  readonly index: number;
  readonly start: number;
  readonly outcomes: readonly number[];
}

const groupsOf = ({ columns }: ColumnEncoder, bins: number): { groups: Group[]; starts: number[] } => {
  const starts = [0];
  const groups = [...columns.keys()]
    .filter((c) => !columns[c]!.apart)
    .map((index) => {
      const column = columns[index]!;
      const outcomes = column.seen.flatMap((outcome) =>
        isContinuous(column, outcome) ? new Array<number>(bins).fill(outcome) : [outcome],
      );
      const start = starts.at(-1)!;
      starts.push(start + outcomes.length);
      return { index, start, outcomes };
    });
  return { groups, starts };
};

const configurationsOf = (encoder: ColumnEncoder, groups: readonly Group[], bins: number, rows: EncodedRows): Configurations => {
  const v = new Int32Array(rows.rowCount * groups.length).fill(ABSENT);
  groups.forEach(({ index, start, outcomes }, g) => {
    const open = encoder.columns[index]!.map ? openOutcome(encoder.columns[index]!) : -1;
    for (let r = 0; r < rows.rowCount; r += 1) {
      const outcome = rows.outcomes[r * rows.width + index]!;
      const first = outcomes.indexOf(outcome);
      if (first < 0) continue;
      const bin = outcome === open ? Math.min(bins - 1, Math.floor(normalCdf(rows.z[r * rows.width + index]!) * bins)) : 0;
      v[r * groups.length + g] = start + first + bin;
    }
  });
  return v;
};

const create = (encoder: ColumnEncoder, machine: BoltzmannMachine, bins: number, partition: object): Detector & Sampler => {
  const { groups } = groupsOf(encoder, bins);

  /** Free energy of the units, then the normal density of z within its bin, and what the machine knows nothing of. */
  const score = (rows: EncodedRows): Float64Array => {
    const rest = new Float64Array(rows.z.length);
    addApartTerms(encoder, rows, rest);
    for (const { index, outcomes } of groups) {
      const column = encoder.columns[index]!;
      for (let at = index; at < rest.length; at += rows.width) {
        const outcome = rows.outcomes[at]!;
        if (!outcomes.includes(outcome)) rest[at] = -apartLogProb(column, outcome, rows.z[at]!);
        else if (isContinuous(column, outcome)) rest[at] = 0.5 * rows.z[at]! ** 2 + LOG_SQRT_2PI - Math.log(bins);
      }
    }
    const sums = rowSums(rest, rows.width);
    if (groups.length === 0) return sums;
    return freeEnergies(machine, configurationsOf(encoder, groups, bins, rows)).map((energy, r) => energy + sums[r]!);
  };

  const decode = (v: Configurations, into: EncodedRows, from: number, random: Random): void => {
    for (let at = 0; at < v.length; at += 1) {
      const { index, start, outcomes } = groups[at % groups.length]!;
      const cell = (from + Math.floor(at / groups.length)) * into.width + index;
      if (cell >= into.z.length) return;
      const unit = v[at]! - start;
      const outcome = outcomes[unit]!;
      into.outcomes[cell] = outcome;
      if (!isContinuous(encoder.columns[index]!, outcome)) continue;
      const bin = unit - outcomes.indexOf(outcome);
      into.z[cell] = normalQuantile(Math.max((bin + random.uniform()) / bins, 1e-9));
    }
  };

  const draw = (n: number, random: Random): EncodedRows => {
    const rows = blankRows(n, encoder.columns.length);
    if (groups.length === 0) return rows;
    const v = drawIndependent(machine.starts, machine.visibleBias, Math.min(n, SAMPLING.chains), random);
    for (let sweep = 0; sweep < SAMPLING.burnIn; sweep += 1) gibbsSweep(machine, v, random);
    for (let from = 0; from < n; from += v.length / groups.length) {
      for (let sweep = 0; sweep < SAMPLING.thinning; sweep += 1) gibbsSweep(machine, v, random);
      decode(v, rows, from, random);
    }
    return rows;
  };

  const { weights, visibleBias, hiddenBias } = machine;
  return {
    estimator: NAME,
    score: (features) => scoreDensity({ encoder, score }, features),
    sample: (n, random, condition) => sampleDensity({ encoder, draw, score }, n, random, condition),
    save: () =>
      saveDensity({ estimator: NAME, encoder, meta: { bins, partition }, arrays: { weights, visibleBias, hiddenBias } }),
  };
};

const initialMachine = (
  encoder: ColumnEncoder,
  { bins, hidden }: Parameters,
  v: Configurations,
  random: Random,
): BoltzmannMachine => {
  const { groups, starts } = groupsOf(encoder, bins);
  const counts = new Float64Array(starts.at(-1)!).fill(0.5);
  for (const unit of v) counts[unit]! += 1;
  const rows = v.length / Math.max(1, groups.length);
  return {
    starts,
    hidden,
    weights: Float64Array.from({ length: counts.length * hidden }, () => 0.05 * random.normal()),
    visibleBias: counts.map((count) => Math.log(count / rows)),
    hiddenBias: new Float64Array(hidden),
  };
};

const PARTS = ['weights', 'visibleBias', 'hiddenBias'] as const;
type Gradient = Pick<BoltzmannMachine, 'weights' | 'visibleBias' | 'hiddenBias'>;

/** Adds `scale` times the statistics of some rows: units that are on, hidden means, and their products. */
const addStatistics = (machine: BoltzmannMachine, v: Configurations, scale: number, gradient: Gradient): void => {
  const { hidden, starts } = machine;
  const means = hiddenMeans(machine, v);
  for (let at = 0; at < v.length; at += 1) {
    const from = Math.floor(at / (starts.length - 1)) * hidden;
    gradient.visibleBias[v[at]!]! += scale;
    for (let j = 0; j < hidden; j += 1) gradient.weights[v[at]! * hidden + j]! += scale * means[from + j]!;
  }
  for (let at = 0; at < means.length; at += 1) gradient.hiddenBias[at % hidden]! += scale * means[at]!;
};

/** Persistent contrastive divergence (Tieleman 2008): the model's side of the gradient comes from chains that go on. */
const train = async (
  machine: BoltzmannMachine,
  v: Configurations,
  parameters: Parameters,
  context: FitContext,
): Promise<void> => {
  const groups = machine.starts.length - 1;
  const rowCount = v.length / groups;
  const size = Math.min(parameters.batchSize, rowCount);
  const random = context.random.fork('chains');
  const shuffling = context.random.fork('batches');
  const chains = drawIndependent(machine.starts, machine.visibleBias, size, random);
  const gradient = {
    weights: new Float64Array(machine.weights.length),
    visibleBias: new Float64Array(machine.visibleBias.length),
    hiddenBias: new Float64Array(machine.hidden),
  };
  let order = shuffledIndices(rowCount, shuffling);
  let next = 0;
  for (let step = 1; step <= parameters.steps; step += 1) {
    if (next + size > rowCount) [order, next] = [shuffledIndices(rowCount, shuffling), 0];
    const batch = Int32Array.from(
      { length: size * groups },
      (_, at) => v[order[next + Math.floor(at / groups)]! * groups + (at % groups)]!,
    );
    next += size;
    gibbsSweep(machine, chains, random);
    const rate = (parameters.learningRate * (1 - (step - 1) / parameters.steps)) / size;
    for (const part of PARTS) gradient[part].fill(0);
    addStatistics(machine, batch, rate, gradient);
    addStatistics(machine, chains, -rate, gradient);
    for (const part of PARTS) for (let i = 0; i < gradient[part].length; i += 1) machine[part][i]! += gradient[part][i]!;
    if (step % STEPS_PER_PAUSE === 0 || step === parameters.steps)
      await betweenSteps(context, step / parameters.steps, `step ${step} of ${parameters.steps}`);
  }
};

/**
 * Restricted Boltzmann machine (Smolensky 1986; Hinton 2002) over outcomes and, for numbers, bins of equal normal mass in z, within
 * which z is normal. `score` is the free energy plus that normal term: -log p up to one constant for all rows, log Z. Its
 * estimate by annealed importance sampling is stored with its standard error (`meta.partition`), for those who compare machines;
 * no score needs it. Sampling is by Gibbs chains.
 */
export const rbm: Estimator = {
  name: NAME,
  family: 'generative',
  likelihood: 'unnormalised',
  supervised: false,
  async fit(data, context) {
    const { parameters, encoder, rows } = encodeTraining(NAME, parametersSchema, data, context, { atoms: false });
    const { bins } = parameters;
    const v = configurationsOf(encoder, groupsOf(encoder, bins).groups, bins, rows);
    const machine = initialMachine(encoder, parameters, v, context.random.fork('weights'));
    if (v.length === 0) return create(encoder, machine, bins, { logPartition: 0, standardError: 0 });
    const base = machine.visibleBias.slice();
    await train(machine, v, parameters, context);
    return create(encoder, machine, bins, estimateLogPartition(machine, base, ANNEALING, context.random.fork('annealing')));
  },
  load(artifact) {
    checkArtifact(NAME, artifact);
    const encoder = loadEncoder(artifact);
    const bins = artifact.meta['bins'] as number;
    const array = (name: string): Float64Array => Float64Array.from(arrayOf(artifact, name));
    const { starts } = groupsOf(encoder, bins);
    const [weights, visibleBias, hiddenBias] = [array('weights'), array('visibleBias'), array('hiddenBias')];
    const machine = { starts, hidden: hiddenBias.length, weights, visibleBias, hiddenBias };
    return create(encoder, machine, bins, artifact.meta['partition'] as object);
  },
};
