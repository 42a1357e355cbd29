import { type FeatureMatrix, featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import { typeOf } from './event-types.js';
import { type MarkovChain, markovChain } from './markov-chain.js';
import { fitTransitions, nextProbabilities, stationaryDistribution, type Step } from './transition-table.js';

const columns = ['lag2_gap', 'lag2_log_amount', 'lag1_gap', 'lag1_log_amount', 'lag0_gap', 'log_amount'].map((name) =>
  numericColumn(name),
);

/** Event of a planted type: small, medium or large, always a day after the one before. */
const amountOf = (type: number): number => 10 * type;
const DAY = 11;

/** Every event of a sequence as a row, with the two before it. */
const rowsOf = (amounts: readonly number[]): FeatureMatrix => {
  const lag = (i: number): number[] => (i < 0 ? [NaN, NaN] : [DAY, amounts[i]!]);
  return featureMatrix(columns, Float32Array.from(amounts.flatMap((_, i) => [...lag(i - 2), ...lag(i - 1), ...lag(i)])));
};

const drawTypes = (count: number, next: (before: number, beforeThat: number) => readonly number[], seed: number): number[] => {
  const random = createRandom(seed);
  const types = [0, 1];
  while (types.length < count) {
    let rest = random.uniform();
    types.push(next(types.at(-1)!, types.at(-2)!).findIndex((p) => (rest -= p) < 0));
  }
  return types;
};

const TRUTH = [
  [0.7, 0.3, 0],
  [0.2, 0.5, 0.3],
  [0.4, 0.1, 0.5],
];
const stepsOf = (types: readonly number[]): Step[] =>
  types.map((type, i) => ({ type, before: types[i - 1] ?? -1, beforeThat: types[i - 2] ?? -1 }));

describe('Markov chain', () => {
  const planted = drawTypes(4000, (before) => TRUTH[before]!, 1);

  it('learns a planted chain and its stationary distribution', () => {
    const table = fitTransitions(stepsOf(planted), 3, 2);
    expect(table.triples).toHaveLength(0);
    TRUTH.forEach((row, i) =>
      row.forEach((p, k) => expect(Math.abs(nextProbabilities(table, i, -1)[k]! - p)).toBeLessThan(0.03)),
    );
    // The truth's left eigenvector: pi = (22, 15, 9) / 46 solves pi = pi T.
    [22, 15, 9].forEach((weight, k) => expect(stationaryDistribution(table)[k]).toBeCloseTo(weight / 46, 1));
  });

  it('takes order 2 where the type before the last one matters', () => {
    const types = drawTypes(4000, (_, beforeThat) => (beforeThat === 0 ? [0.1, 0.9] : [0.9, 0.1]), 2);
    const table = fitTransitions(stepsOf(types), 2, 2);
    expect(nextProbabilities(table, 0, 0)[1]).toBeCloseTo(0.9, 1);
    expect(nextProbabilities(table, 0, 1)[1]).toBeCloseTo(0.1, 1);
    expect(fitTransitions(stepsOf(types), 2, 1).triples).toHaveLength(0);
  });

  it('backs off as the formulas say: by hand on ten steps', () => {
    const steps = stepsOf([0, 1, 0, 1, 1, 0, 0, 1, 0, 1]);
    const table = fitTransitions(steps, 2, 1);
    const one = (5 + 0.5) / (10 + 1);
    // 0 was followed by 0, 1, 1, 1, 1 in some order.
    const after = (4 + table.pairStrength * one) / (5 + table.pairStrength);
    expect(nextProbabilities(table, -1, -1)[1]).toBeCloseTo(one, 12);
    expect(nextProbabilities(table, 0, -1)[1]).toBeCloseTo(after, 12);
  });

  it('chooses the strength under which each step is likeliest by the others: brute force', () => {
    const steps = stepsOf(planted.slice(0, 60));
    const table = fitTransitions(steps, 3, 1);
    const single = nextProbabilities(table, -1, -1);
    const leftOut = (strength: number): number =>
      steps.slice(1).reduce((sum, { type, before }, i) => {
        const others = steps.slice(1).filter((step, j) => j !== i && step.before === before);
        const hits = others.filter((step) => step.type === type).length;
        return sum + Math.log((hits + strength * single[type]!) / (others.length + strength));
      }, 0);
    for (const strength of [0.5, 1, 2, 5, 10, 20, 50, 100, 1000])
      expect(leftOut(table.pairStrength)).toBeGreaterThanOrEqual(leftOut(strength) - 1e-9);
  });

  describe('over events', () => {
    const amounts = planted.map(amountOf);
    const fitted = markovChain.fit(
      { features: rowsOf(amounts) },
      { random: createRandom(1), backend: createSimdBackend(), parameters: { amountBins: 3, gapBins: 1, orderMax: 1 } },
    ) as Promise<MarkovChain>;

    it('gives a sequence the sum of its steps, from the stationary distribution on', async () => {
      const chain = await fitted;
      const { types, transitions } = chain;
      const sequence = [0, 10, 20, 20, 0, 999];
      const [first, ...later] = sequence.map((amount) => typeOf(types, amount, DAY));
      const logLikelihood = later.reduce(
        (sum, type, i) => sum + Math.log(nextProbabilities(transitions, [first!, ...later][i]!, -1)[type]!),
        Math.log(stationaryDistribution(transitions)[first!]!),
      );
      expect(-chain.score(rowsOf(sequence)).reduce((sum, s) => sum + s, 0)).toBeCloseTo(logLikelihood, 9);
    });

    it('splits its score into the amount given the past and the gap given both', async () => {
      const chain = await fitted;
      const { columns: names, values } = chain.terms(rowsOf([10, 20]));
      expect(names).toEqual(['log_amount', 'lag0_gap']);
      const gaps = [-1, DAY, DAY + 1, NaN].map((gap) => typeOf(chain.types, 20, gap));
      const before = typeOf(chain.types, 10, DAY);
      const ofAmount = gaps.reduce((sum, type) => sum + nextProbabilities(chain.transitions, before, -1)[type]!, 0);
      expect(values[2]).toBeCloseTo(-Math.log(ofAmount), 9);
    });

    it('finds the forbidden transition the most surprising', async () => {
      const chain = await fitted;
      const pairs = [0, 1, 2].flatMap((from) => [0, 1, 2].map((to) => [from, to] as const));
      const surprises = pairs.map(([from, to]) => chain.score(rowsOf([amountOf(from), amountOf(to)]))[1]!);
      expect(Math.max(...surprises)).toBe(surprises[pairs.findIndex(([from, to]) => from === 0 && to === 2)]);
    });
  });
});
