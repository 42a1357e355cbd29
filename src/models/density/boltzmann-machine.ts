import type { Random } from '../../domain/random.js';

/**
 * A restricted Boltzmann machine whose visible units come in groups of which exactly one is on (softmax units:
 * Salakhutdinov et al. 2007): E(v, h) = -b v - c h - v W h with binary h.
 */
export interface BoltzmannMachine {
  /** First unit of each group, then the number of all units. */
  readonly starts: readonly number[];
  readonly hidden: number;
  /** Units x hidden. */
  readonly weights: Float64Array;
  readonly visibleBias: Float64Array;
  readonly hiddenBias: Float64Array;
}

/** Of each row, the unit that is on in each group; ABSENT: none is. */
export type Configurations = Int32Array;
export const ABSENT = -1;

/** Bound here because a global is dear to look up in innermost loops under jest: a tenth of the time. */
const { abs, exp, log1p, max } = Math;

const softplus = (x: number): number => max(x, 0) + log1p(exp(-abs(x)));
const sigmoid = (x: number): number => 1 / (1 + exp(-x));

/** beta (c + v W) of one row, into `into`. */
const hiddenInputs = (machine: BoltzmannMachine, v: Configurations, from: number, beta: number, into: Float64Array): void => {
  const { starts, hidden, weights, hiddenBias } = machine;
  into.set(hiddenBias);
  for (let g = 0; g < starts.length - 1; g += 1) {
    const unit = v[from + g]!;
    if (unit === ABSENT) continue;
    for (let j = 0, at = unit * hidden; j < hidden; j += 1, at += 1) into[j]! += weights[at]!;
  }
  for (let j = 0; j < hidden; j += 1) into[j]! *= beta;
};

/** -log of the sum over h of exp(-E(v, h)): log p(v) = -F(v) - log Z. */
export const freeEnergies = (machine: BoltzmannMachine, v: Configurations): Float64Array => {
  const groups = machine.starts.length - 1;
  const inputs = new Float64Array(machine.hidden);
  return Float64Array.from({ length: v.length / groups }, (_, r) => {
    hiddenInputs(machine, v, r * groups, 1, inputs);
    let energy = 0;
    for (let g = 0; g < groups; g += 1) if (v[r * groups + g] !== ABSENT) energy -= machine.visibleBias[v[r * groups + g]!]!;
    for (let j = 0; j < machine.hidden; j += 1) energy -= softplus(inputs[j]!);
    return energy;
  });
};

/** P(h = 1 | v), rows x hidden. */
export const hiddenMeans = (machine: BoltzmannMachine, v: Configurations): Float64Array => {
  const groups = machine.starts.length - 1;
  const inputs = new Float64Array(machine.hidden);
  const means = new Float64Array((v.length / groups) * machine.hidden);
  for (let r = 0; r < v.length / groups; r += 1) {
    hiddenInputs(machine, v, r * groups, 1, inputs);
    for (let j = 0; j < machine.hidden; j += 1) means[r * machine.hidden + j] = sigmoid(inputs[j]!);
  }
  return means;
};

/** One sweep of Gibbs sampling, all h and then all v, at inverse temperature `beta`; biases of v move from `base` to their own. */
export const gibbsSweep = (machine: BoltzmannMachine, v: Configurations, random: Random, beta = 1, base?: Float64Array): void => {
  const { starts, hidden, weights, visibleBias } = machine;
  const groups = starts.length - 1;
  const inputs = new Float64Array(hidden);
  const logits = new Float64Array(visibleBias.length);
  for (let from = 0; from < v.length; from += groups) {
    hiddenInputs(machine, v, from, beta, inputs);
    for (let i = 0; i < logits.length; i += 1) logits[i] = beta * visibleBias[i]! + (base ? (1 - beta) * base[i]! : 0);
    for (let j = 0; j < hidden; j += 1)
      if (random.uniform() < sigmoid(inputs[j]!))
        for (let i = 0, at = j; i < logits.length; i += 1, at += hidden) logits[i]! += beta * weights[at]!;
    for (let g = 0; g < groups; g += 1) v[from + g] = drawUnit(logits, starts[g]!, starts[g + 1]!, random);
  }
};

const drawUnit = (logits: Float64Array, from: number, to: number, random: Random): number => {
  let top = -Infinity;
  for (let i = from; i < to; i += 1) top = max(top, logits[i]!);
  let total = 0;
  for (let i = from; i < to; i += 1) total += exp(logits[i]! - top);
  let rest = random.uniform() * total;
  for (let i = from; i < to - 1; i += 1) {
    rest -= exp(logits[i]! - top);
    if (rest < 0) return i;
  }
  return to - 1;
};

/** Rows of independent groups by the given biases. */
export const drawIndependent = (starts: readonly number[], bias: Float64Array, rows: number, random: Random): Configurations => {
  const groups = starts.length - 1;
  return Int32Array.from({ length: rows * groups }, (_, at) =>
    drawUnit(bias, starts[at % groups]!, starts[(at % groups) + 1]!, random),
  );
};

/**
 * log Z by annealed importance sampling (Salakhutdinov and Murray 2008) from the machine without weights whose visible biases
 * are `base`, and the standard error of the estimate. exp(estimate) is unbiased for Z, so that the estimate is low on average.
 */
export const estimateLogPartition = (
  machine: BoltzmannMachine,
  base: Float64Array,
  { chains, temperatures }: { readonly chains: number; readonly temperatures: number },
  random: Random,
): { logPartition: number; standardError: number } => {
  const { starts, hidden, visibleBias } = machine;
  const groups = starts.length - 1;
  const v = drawIndependent(starts, base, chains, random);
  const inputs = new Float64Array(hidden);
  const logWeights = new Float64Array(chains);
  const logDensity = (r: number, beta: number): number => {
    hiddenInputs(machine, v, r * groups, beta, inputs);
    let sum = 0;
    for (let g = 0; g < groups; g += 1) sum += beta * visibleBias[v[r * groups + g]!]! + (1 - beta) * base[v[r * groups + g]!]!;
    for (let j = 0; j < hidden; j += 1) sum += softplus(inputs[j]!);
    return sum;
  };
  for (let k = 1; k <= temperatures; k += 1) {
    for (let r = 0; r < chains; r += 1) logWeights[r]! += logDensity(r, k / temperatures) - logDensity(r, (k - 1) / temperatures);
    gibbsSweep(machine, v, random, k / temperatures, base);
  }
  let logBase = hidden * Math.LN2;
  for (let g = 0; g < groups; g += 1)
    logBase += Math.log(base.subarray(starts[g], starts[g + 1]).reduce((sum, value) => sum + exp(value), 0));
  const top = logWeights.reduce((most, value) => max(most, value), -Infinity);
  const ratios = logWeights.map((value) => exp(value - top));
  const mean = ratios.reduce((sum, value) => sum + value, 0) / chains;
  const variance = ratios.reduce((sum, value) => sum + (value - mean) ** 2, 0) / max(1, chains - 1);
  return { logPartition: logBase + top + Math.log(mean), standardError: Math.sqrt(variance / chains) / mean };
};
