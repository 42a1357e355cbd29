import { type FeatureColumn, featureMatrix, numericColumn } from '../../domain/feature-matrix.js';
import { createRandom } from '../../domain/random.js';
import { createSimdBackend } from '../../tensor/simd.js';
import type { Detector, Estimator, TrainingData } from '../detector.js';
import { logisticRegression } from './logistic-regression.js';
import { neuralNetwork } from './neural-network.js';
import { fitRowInputs, inputsOf } from './row-inputs.js';

const kind: FeatureColumn = { name: 'kind', field: 'kind', kind: 'categorical', levels: ['a', 'b', 'c'], risk: 'both' };
const columns = [numericColumn('x'), numericColumn('y'), kind];
type Labelled = TrainingData & { readonly labels: Uint8Array };

/** Fraud where the signs of x and y differ, in kind b; where they agree, otherwise. Nothing by itself says anything. */
const draw = (rowCount: number, seed: number): Labelled => {
  const random = createRandom(seed);
  const cells = Array.from({ length: rowCount }, () => [random.normal(), random.normal(), random.integer(3)] as const);
  const labels = Uint8Array.from(cells, ([x, y, level]) => (x * y < 0 === (level === 1) ? 1 : 0));
  return { features: featureMatrix(columns, Float32Array.from(cells.flat())), labels };
};
const fit = (estimator: Estimator, data: Labelled, parameters = {}): Promise<Detector> =>
  estimator.fit(data, { random: createRandom(1), backend: createSimdBackend(), parameters });
const accuracy = (detector: Detector, { features, labels }: Labelled): number =>
  detector.score(features).reduce((hits, score, r) => hits + (score > 0 === (labels[r] === 1) ? 1 : 0), 0) / labels.length;

describe('neural network', () => {
  it('learns an interaction that logistic regression cannot', async () => {
    const [train, test] = [draw(3000, 1), draw(1000, 2)];
    expect(accuracy(await fit(neuralNetwork, train, { hidden: 32, stepsMin: 600, batchSize: 64 }), test)).toBeGreaterThan(0.9);
    // Kind alone gives nothing either: both classes are half of each.
    expect(accuracy(await fit(logisticRegression, train), test)).toBeLessThan(0.6);
  });

  it('scores in log-odds: the shares of fraud come back', async () => {
    const random = createRandom(3);
    const truth = [-3, -1, 1];
    const cells = Array.from({ length: 6000 }, () => [random.normal(), random.normal(), random.integer(3)] as const);
    const labels = Uint8Array.from(cells, ([, , level]) => (random.uniform() < 1 / (1 + Math.exp(-truth[level]!)) ? 1 : 0));
    const features = featureMatrix(columns, Float32Array.from(cells.flat()));
    const detector = await fit(neuralNetwork, { features, labels }, { hidden: 16 });
    truth.forEach((logOdds, level) => {
      const middle = detector.score(featureMatrix(columns, Float32Array.of(0, 0, level)))[0]!;
      expect(Math.abs(middle - logOdds)).toBeLessThan(0.5);
    });
  });
});

describe('row inputs', () => {
  const { features } = draw(2000, 4);
  const inputs = fitRowInputs(features, 'quantile-normal', createRandom(1));
  const one = (x: number, y: number, level: number): number[] =>
    Array.from(inputsOf(inputs, featureMatrix(columns, Float32Array.of(x, y, level)), 0, 1));

  it('are normal quantiles and one-hots', () => {
    expect(Array.from(inputs.columnOf)).toEqual([0, 1, 2, 2, 2]);
    const [x, y, ...oneHot] = one(1, -0.5, 1);
    expect(Math.abs(x! - 1)).toBeLessThan(0.15);
    expect(Math.abs(y! + 0.5)).toBeLessThan(0.15);
    expect(oneHot).toEqual([0, 1, 0]);
  });

  it('hold numbers within those of training and take unseen levels for the rarest', () => {
    const greatest = features.values.filter((_, at) => at % 3 === 0).reduce((most, x) => Math.max(most, x), -Infinity);
    expect(one(1e9, 0, 0)[0]).toBe(one(greatest, 0, 0)[0]);
    expect(one(NaN, 0, 0)[0]).toBe(0);
    const counts = [0, 1, 2].map((level) => features.values.filter((cell, at) => at % 3 === 2 && cell === level).length);
    expect(one(0, 0, 3)).toEqual(one(0, 0, counts.indexOf(Math.min(...counts))));
  });
});
