import { createRandom } from '../../domain/random.js';
import { ABSENT, type BoltzmannMachine, estimateLogPartition, freeEnergies, gibbsSweep } from './boltzmann-machine.js';

const random = createRandom(3);
const normals = (count: number, sd: number): Float64Array => Float64Array.from({ length: count }, () => sd * random.normal());

/** Three groups of 3, 2 and 4 units, 5 hidden ones: 24 visible and 32 hidden states. */
const tiny: BoltzmannMachine = {
  starts: [0, 3, 5, 9],
  hidden: 5,
  weights: normals(45, 1.2),
  visibleBias: normals(9, 1),
  hiddenBias: normals(5, 1),
};
const states = [0, 1, 2].flatMap((a) => [3, 4].flatMap((b) => [5, 6, 7, 8].map((c) => [a, b, c])));

/** exp(-E(v, h)) summed over all h, by the definition of the energy. */
const unnormalised = (v: readonly number[]): number => {
  let sum = 0;
  for (let h = 0; h < 32; h += 1) {
    let energy = 0;
    for (const unit of v) energy -= tiny.visibleBias[unit]!;
    for (let j = 0; j < 5; j += 1) {
      if (((h >> j) & 1) === 0) continue;
      energy -= tiny.hiddenBias[j]!;
      for (const unit of v) energy -= tiny.weights[unit * 5 + j]!;
    }
    sum += Math.exp(-energy);
  }
  return sum;
};
const masses = states.map(unnormalised);
const partition = masses.reduce((sum, mass) => sum + mass, 0);

describe('a restricted Boltzmann machine', () => {
  it('has the free energy of its definition, absent groups left out', () => {
    freeEnergies(tiny, Int32Array.from(states.flat())).forEach((energy, i) =>
      expect(Math.abs(energy + Math.log(masses[i]!))).toBeLessThan(1e-9),
    );
    const absent = freeEnergies(tiny, Int32Array.from([1, ABSENT, 6]))[0]!;
    expect(Math.abs(absent + Math.log(unnormalised([1, 6])))).toBeLessThan(1e-9);
  });

  it('has its partition function estimated within its standard errors of the enumeration', () => {
    const settings = { chains: 400, temperatures: 200 };
    const { logPartition, standardError } = estimateLogPartition(tiny, new Float64Array(9), settings, createRandom(4));
    expect(standardError).toBeGreaterThan(0);
    expect(standardError).toBeLessThan(0.05);
    expect(Math.abs(logPartition - Math.log(partition))).toBeLessThan(4 * standardError);
  });

  it('is sampled by Gibbs sweeps as it says', () => {
    const v = Int32Array.from(Array.from({ length: 200 }, () => states[0]!).flat());
    const counts = new Float64Array(states.length);
    const chance = createRandom(5);
    for (let sweep = 0; sweep < 220; sweep += 1) {
      gibbsSweep(tiny, v, chance);
      for (let at = 0; sweep >= 20 && at < v.length; at += 3)
        counts[states.findIndex(([a, b, c]) => a === v[at] && b === v[at + 1] && c === v[at + 2])]! += 1;
    }
    counts.forEach((count, i) => expect(Math.abs(count / 40_000 - masses[i]! / partition)).toBeLessThan(0.015));
  });
});
